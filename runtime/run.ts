import { setMaxListeners } from 'node:events';
import type { CommandCall, CommandName, RestoreOptions } from '../lib/contract/command-line/commands';
import { ExitCode } from '../lib/contract/exit-codes';
import type { CommandResults } from '../lib/contract/results';
import { formatSize } from '../lib/contract/values/size';
import type { ClusterApi } from './cluster/cluster-api';
import { type OpenCluster, openCluster } from './cluster/open-cluster';
import { parseCommand } from './command-line';
import { backup } from './commands/backup';
import { type StartContext, startRestoreJob } from './commands/restore-job/start-restore-job';
import type { CommandContext, Outcome } from './commands/context';
import { list } from './commands/list';
import { refuseNesting } from './commands/nesting';
import { prune } from './commands/prune';
import { replicate } from './commands/replicate';
import { restore } from './commands/restore';
import { rewind } from './commands/rewind';
import { show } from './commands/show';
import { snapshot } from './commands/snapshot/snapshot';
import { verify } from './commands/verify';
import { loadConfiguration } from './configuration';
import { InterruptedError, RefusedError, RunnerError } from './errors';
import { helpText } from './help';
import { createLog, type Log, type LogFormat } from './log';
import { NO_PROGRESS, type Progress, terminalProgress } from './progress';
import { Repository } from './repository/repository';
import { openBucket, openStorage, openVersions } from './storage/open-storage';
import { leaveTerminationMessage } from './termination-message';
import { render } from './text/render';
import { RUNNER_VERSION } from './version';

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What the program is given by its surroundings. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly onSignal: (signal: 'SIGTERM' | 'SIGINT', listener: () => void) => unknown;
  /** File for the last words of a container. @default - this is no pod */
  readonly terminationLog?: string;
  /** @default - as KUBECONFIG or the pod's ServiceAccount says */
  readonly openCluster?: OpenCluster;
}

/** A command that came to an end, whatever its result. */
interface Completed {
  readonly exitCode: ExitCode;
  readonly result: object;
  readonly text: () => string;
}

/** Runs one command line: one result on standard output, the log on standard error, and the exit code. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stdout } = surroundings;
  let reporting: Reporting = {
    asJson: argv.join(' ').includes('--output json') || argv.includes('--output=json'),
    logFormat: undefined,
  };
  try {
    const parsed = parseCommand(argv);
    if (parsed.command === 'help') return print(stdout, helpText(parsed.topic));
    if (parsed.command === 'version') return print(stdout, `${RUNNER_VERSION}\n`);
    reporting = {
      asJson: parsed.options.output === 'json',
      logFormat: logFormat(parsed.options.logFormat, surroundings.stderr),
    };
    const { exitCode, result, text } = await execute(parsed, surroundings);
    stdout.write(`${reporting.asJson ? JSON.stringify(result) : text()}\n`);
    await leaveLastWords({ exitCode, result }, surroundings);
    return exitCode;
  } catch (error) {
    return report(error, reporting, surroundings);
  }
}

async function execute(call: CommandCall, surroundings: Surroundings): Promise<Completed> {
  const { options } = call;
  const log = createLog({
    format: logFormat(options.logFormat, surroundings.stderr),
    level: options.logLevel,
    write: (line) => surroundings.stderr.write(line),
  });
  const { config } = await loadConfiguration(options.config, options.repository);
  const signal = abortSignal(surroundings, log);
  if (call.command === 'restore' && call.options.inCluster)
    return startInCluster(call.options, { config, log, signal, surroundings });
  const progress =
    options.output === 'text' && surroundings.stderr.isTTY
      ? terminalProgress(surroundings.stderr, formatSize)
      : NO_PROGRESS;
  const now = (): Date => new Date();
  if (call.command === 'rewind') {
    // A disaster may have taken the repository too, which isn't needed for this.
    const context = { config, log, progress, signal, openVersions: (url: string) => openVersions(url, signal), now };
    return interruptible({ command: call.command, progress, signal }, async () =>
      completed('rewind', await rewind(context, call.options)),
    );
  }
  const isBackup = call.command === 'backup';
  // Before it is opened, as that makes its folder.
  if (isBackup) await refuseNesting(config);
  const storage = await openStorage(config.repository.url, { create: isBackup && config.repository.create, signal });
  const cluster = clusterOnce(surroundings, signal);
  return interruptible({ command: call.command, progress, signal }, async () => {
    try {
      const repository = await Repository.open(storage, { create: isBackup && config.repository.create });
      return await dispatch(call, {
        config,
        repository,
        log,
        progress,
        cluster: cluster.open,
        signal,
        openBucket: (url) => openBucket(url, signal),
        openStorage: (url, { create } = { create: false }) => openStorage(url, { create, signal }),
        now,
      });
    } finally {
      await cluster.close();
      await storage.close();
    }
  });
}

async function interruptible(
  run: { readonly command: CommandName; readonly progress: Progress; readonly signal: AbortSignal },
  work: () => Promise<Completed>,
): Promise<Completed> {
  try {
    return await work();
  } catch (error) {
    throw run.signal.aborted && !saysWhatIsLeft(error, run.signal)
      ? new InterruptedError(`${run.command}: interrupted; run it again, it goes on from here`)
      : error;
  } finally {
    run.progress.end();
  }
}

/** Whether the interrupted command has something of its own to say, beyond that it was interrupted. */
function saysWhatIsLeft(error: unknown, { reason }: AbortSignal): boolean {
  return error instanceof InterruptedError && error !== reason;
}

/** The repository stays closed: only the cluster may be able to reach it. */
async function startInCluster(
  options: RestoreOptions,
  { surroundings, ...context }: Omit<StartContext, 'cluster'> & { readonly surroundings: Surroundings },
): Promise<Completed> {
  const cluster = clusterOnce(surroundings, context.signal);
  try {
    return completed('restore', await startRestoreJob({ ...context, cluster: cluster.open }, options));
  } finally {
    await cluster.close();
  }
}

async function dispatch(
  call: Exclude<CommandCall, { readonly command: 'rewind' }>,
  context: CommandContext,
): Promise<Completed> {
  switch (call.command) {
    case 'backup':
      return completed('backup', await backup(context, call.options));
    case 'list':
      return completed('list', await list(context));
    case 'show':
      return completed('show', await show(context, call.options));
    case 'verify':
      return completed('verify', await verify(context, call.options));
    case 'restore':
      return completed('restore', await restore(context, call.options));
    case 'prune':
      return completed('prune', await prune(context, call.options));
    case 'snapshot':
      return completed('snapshot', await snapshot(context, call.options));
    case 'replicate':
      return completed('replicate', await replicate(context, call.options));
  }
}

/** One connection for the run, made when it is first needed: most commands never do. */
function clusterOnce(
  surroundings: Surroundings,
  signal: AbortSignal,
): { open: () => Promise<ClusterApi>; close: () => Promise<void> } {
  let opened: Promise<ClusterApi> | undefined;
  const open = surroundings.openCluster ?? openCluster;
  return {
    open: () => (opened ??= open({ signal })),
    close: async () => {
      // That it couldn't be opened is said by who asked for it.
      const [result] = await Promise.allSettled(opened ? [opened] : []);
      if (result?.status === 'fulfilled') result.value.close();
    },
  };
}

function completed<C extends keyof CommandResults>(
  command: C,
  { result, exitCode }: Outcome<CommandResults[C]>,
): Completed {
  return { exitCode, result, text: () => render(command, result, new Date()) };
}

function abortSignal({ onSignal }: Surroundings, log: Log): AbortSignal {
  const controller = new AbortController();
  // Every part under way listens to it.
  setMaxListeners(0, controller.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    onSignal(signal, () => {
      log.warn('stopping', { signal });
      controller.abort(new InterruptedError());
    });
  }
  return controller.signal;
}

function logFormat(asked: LogFormat | undefined, stderr: Output): LogFormat {
  return asked ?? (stderr.isTTY ? 'text' : 'json');
}

function print(stdout: Output, text: string): ExitCode {
  stdout.write(text);
  return ExitCode.DONE;
}

interface Reporting {
  readonly asJson: boolean;
  readonly logFormat: LogFormat | undefined;
}

/** Says what went wrong in a line; machines get it on standard output too. */
async function report(
  error: unknown,
  { asJson, logFormat: format }: Reporting,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const exitCode = error instanceof RunnerError ? error.exitCode : ExitCode.FAILED;
  const message = error instanceof Error ? error.message : String(error);
  const expected = error instanceof RunnerError;
  if (format === 'json') {
    createLog({ format, level: 'error', write: (line) => stderr.write(line) }).error(message, { exitCode });
  } else {
    stderr.write(`tempo-backup: ${message}\n`);
  }
  if (!expected && error instanceof Error) {
    stderr.write(`${error.stack ?? ''}\nthis is a bug in tempo-backup; please report it with the lines above\n`);
  }
  const lift = error instanceof RefusedError ? error.lift : undefined;
  const evidence = expected ? error.evidence : undefined;
  if (asJson) stdout.write(`${JSON.stringify({ error: { message, exitCode, lift, evidence } })}\n`);
  await leaveLastWords({ exitCode, error: { message, lift, evidence } }, surroundings);
  return exitCode;
}

function leaveLastWords(message: object, { terminationLog, stderr }: Surroundings): Promise<void> {
  return leaveTerminationMessage(terminationLog, message, (text) => stderr.write(`tempo-backup: ${text}\n`));
}
