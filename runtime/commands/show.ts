import type { ShowOptions } from '../../lib/contract/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { ShowResult } from '../../lib/contract/results';
import { VerificationLedger } from '../repository/verification-ledger';
import type { CommandContext, Outcome } from './context';
import { shownPoint } from './point-results';

/** One recovery point, in full. */
export async function show({ repository }: CommandContext, options: ShowOptions): Promise<Outcome<ShowResult>> {
  const [manifest, ledger] = await Promise.all([repository.resolve(options.id), VerificationLedger.load(repository)]);
  return { result: { recoveryPoint: shownPoint(manifest, ledger.verified(manifest.id)) }, exitCode: ExitCode.DONE };
}
