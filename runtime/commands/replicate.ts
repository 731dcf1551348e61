import type { ReplicateOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { ReplicateResult } from '../../lib/contract/results';
import { parseDuration } from '../../lib/contract/values/duration';
import { RepositoryMissingError, UsageError } from '../errors';
import type { Storage } from '../storage/storage';
import { replicate as replicateRepository } from '../repository/replicate';
import { Stopwatch } from '../stopwatch';
import { sumOfRequests } from './backup/backup-source';
import type { CommandContext, Outcome } from './context';
import { refuseNesting } from './nesting';
import { isSamePlace } from './same-place';

/** Copies to another repository what that one lacks. */
export async function replicate(
  context: CommandContext,
  { to, dryRun }: ReplicateOptions,
): Promise<Outcome<ReplicateResult>> {
  const { config, log, progress, repository, signal } = context;
  if (to === undefined)
    throw new UsageError("replicate: '--to URL' is missing; write such as '--to file:///mnt/offsite'");
  await refuseNesting({ repository: { url: to }, tempo: config.tempo });
  await refuseItself(config.repository.url, to);
  const watch = new Stopwatch();
  const target = await openTarget(context, to, dryRun);
  try {
    const outcome = await watch.time('replicate', () =>
      replicateRepository(repository, target, {
        dryRun,
        grace: parseDuration(config.plan.prune.grace),
        signal,
        onProgress: ({ done, total, bytes }) => progress.report({ phase: 'copying', done, total, bytes }),
      }),
    );
    for (const { id, reason } of outcome.points.failed) log.error(`not copied: ${reason}`, { recoveryPoint: id });
    const result: ReplicateResult = {
      to,
      dryRun,
      ...outcome,
      requests: sumOfRequests(repository.storage.requests, target?.requests ?? {}),
      seconds: watch.seconds(),
    };
    return { result, exitCode: outcome.points.failed.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE };
  } finally {
    await target?.close();
  }
}

async function refuseItself(repository: string, to: string): Promise<void> {
  if (!(await isSamePlace(repository, to))) return;
  throw new UsageError(
    `replicate: '--to' names the repository itself, '${repository}', got '${to}'; give the copy a place of its own, best with another provider`,
  );
}

/** Undefined where a dry run finds no place that it would make. */
async function openTarget({ openStorage }: CommandContext, url: string, dryRun: boolean): Promise<Storage | undefined> {
  try {
    return await openStorage(url, { create: !dryRun });
  } catch (error) {
    if (dryRun && error instanceof RepositoryMissingError) return undefined;
    throw error;
  }
}
