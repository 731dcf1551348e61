import type { VerifyOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { VerifyResult } from '../../lib/contract/results';
import type { Repository } from '../repository/repository';
import { verifyPoints } from '../repository/verify';
import { Stopwatch } from '../stopwatch';
import { sumOfRequests } from './backup/backup-source';
import { compareReplica } from './verify/compare-replica';
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
  const { replica, requests } = await watch.time('replica', () => compareReplica(context, options));
  const result = {
    ...outcome,
    replica,
    requests: sumOfRequests(repository.storage.requests, requests),
    seconds: watch.seconds(),
  };
  return { result, exitCode: exitCodeOf(result) };
}

function exitCodeOf({ problems, replica }: Pick<VerifyResult, 'problems' | 'replica'>): ExitCode {
  if (problems.length > 0) return ExitCode.INTEGRITY;
  return replica && replica.waitingSeconds > replica.maxWaitingSeconds ? ExitCode.OBJECTIVE_MISSED : ExitCode.DONE;
}

async function selectPoints(
  repository: Repository,
  selection: string,
  warn: (message: string) => void,
): Promise<string[]> {
  if (selection !== 'all') return [(await repository.resolve(selection, warn)).id];
  return (await repository.listPoints()).points.map(({ id }) => id);
}
