import type { ShowOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { ShowResult } from '../../lib/contract/results';
import { VerificationLedger } from '../repository/verification-ledger';
import type { CommandContext, Outcome } from './context';
import { shownPoint } from './point-results';

/** One recovery point, in full. */
export async function show({ repository, log }: CommandContext, options: ShowOptions): Promise<Outcome<ShowResult>> {
  const doubts: string[] = [];
  const [manifest, ledger] = await Promise.all([
    repository.resolve(options.id, (doubt) => doubts.push(doubt)),
    VerificationLedger.load(repository),
  ]);
  for (const doubt of doubts) log.warn(doubt);
  return {
    result: { recoveryPoint: shownPoint(manifest, ledger.proof(manifest.id)) },
    exitCode: doubts.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE,
  };
}
