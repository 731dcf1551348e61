import { ExitCode } from '../../lib/contract/exit-codes';
import type { ListResult } from '../../lib/contract/results';
import { VerificationLedger } from '../repository/verification-ledger';
import type { CommandContext, Outcome } from './context';
import { listedPoint } from './point-results';

/** The recovery points, newest first, and how far each is proven. One that can't be read hides none of the others. */
export async function list({ repository, log }: CommandContext): Promise<Outcome<ListResult>> {
  const { points, foreign } = await repository.listPoints();
  for (const key of foreign) log.warn('an object below points/ is no recovery point', { key });
  const [{ manifests, unreadable }, ledger] = await Promise.all([
    repository.readableManifests(points),
    VerificationLedger.load(repository),
  ]);
  for (const { id, reason } of unreadable) log.warn(reason, { recoveryPoint: id });
  const recoveryPoints = manifests.map((manifest) => listedPoint(manifest, ledger.proof(manifest.id)));
  return { result: { recoveryPoints }, exitCode: unreadable.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE };
}
