import type { PruneOptions } from '../../lib/contract/command-line/commands';
import { parseDuration } from '../../lib/contract/values/duration';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { PruneResult } from '../../lib/contract/results';
import { prune as pruneRepository } from '../repository/prune';
import { Stopwatch } from '../stopwatch';
import type { CommandContext, Outcome } from './context';

/** Removes recovery points past their retention, and what no other one needs. */
export async function prune(
  { config, repository, log, signal }: CommandContext,
  options: PruneOptions,
): Promise<Outcome<PruneResult>> {
  const watch = new Stopwatch();
  const { grace, maxShare } = config.plan.prune;
  const { lockPeriod } = config.plan.storage;
  const { warnings, refused, ...outcome } = await watch.time('prune', () =>
    pruneRepository(repository, {
      grace: parseDuration(grace),
      maxShare,
      lockPeriod: lockPeriod === null ? undefined : parseDuration(lockPeriod),
      dryRun: options.dryRun,
      allow: new Set(options.allow),
      signal,
    }),
  );
  for (const warning of warnings) log.warn(warning);
  const result = {
    ...outcome,
    refused: refused ? { name: refused.lift ?? '', message: refused.message } : null,
    requests: { ...repository.storage.requests },
    seconds: watch.seconds(),
  };
  return { result, exitCode: refused ? ExitCode.REFUSED : ExitCode.DONE };
}
