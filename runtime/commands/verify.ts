import type { VerifyOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { VerifyResult } from '../../lib/contract/results';
import type { Repository } from '../repository/repository';
import { verifyPoints } from '../repository/verify';
import { Stopwatch } from '../stopwatch';
import { INSPECTOR } from './verify/inspector';
import type { CommandContext, Outcome } from './context';
import { thawRequest } from './thaw';

/** Proves that recovery points can be restored, and remembers how far. */
export async function verify(context: CommandContext, options: VerifyOptions): Promise<Outcome<VerifyResult>> {
  const { repository, log, progress, signal } = context;
  const warn = (message: string): void => log.warn(message);
  const thaw = thawRequest(options);
  const watch = new Stopwatch();
  const points = await watch.time('prepare', () => selectPoints(repository, options.recoveryPoint, warn));
  const { warnings, ...outcome } = await watch.time('verify', () =>
    verifyPoints(repository, {
      points,
      level: options.level,
      maxBytes: options.maxBytes,
      inspector: INSPECTOR,
      thaw,
      signal,
      onProgress: ({ bytes, bytesDone }) => progress.report({ phase: 'verifying', done: bytesDone, total: bytes }),
    }),
  );
  warnings.forEach(warn);
  const result = { ...outcome, requests: { ...repository.storage.requests }, seconds: watch.seconds() };
  return { result, exitCode: outcome.problems.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE };
}

async function selectPoints(
  repository: Repository,
  selection: string,
  warn: (message: string) => void,
): Promise<string[]> {
  if (selection !== 'all') return [(await repository.resolve(selection, warn)).id];
  return (await repository.listPoints()).points.map(({ id }) => id);
}
