import { ExitCode } from '../../lib/contract/exit-codes';
import type { ListResult } from '../../lib/contract/results';
import { VerificationLedger } from '../repository/verification-ledger';
import type { CommandContext, Outcome } from './context';
import { listedPoint } from './point-results';

/** The recovery points, newest first, and how far each is proven. */
export async function list({ repository, log }: CommandContext): Promise<Outcome<ListResult>> {
  const { points, foreign } = await repository.listPoints();
  for (const key of foreign) log.warn('an object below points/ is no recovery point', { key });
  const [manifests, ledger] = await Promise.all([repository.manifests(points), VerificationLedger.load(repository)]);
  const recoveryPoints = manifests.map((manifest) => listedPoint(manifest, ledger.verified(manifest.id)));
  return { result: { recoveryPoints }, exitCode: ExitCode.DONE };
}
