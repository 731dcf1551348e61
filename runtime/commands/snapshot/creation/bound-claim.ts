import { ExitCode } from '../../../../lib/contract/exit-codes';
import { type ClaimFacts, claimFactsSchema } from '../../../../lib/contract/volume-snapshots/record';
import { claimRef, readClaim } from '../../../cluster/objects/claims';
import { reasonInEvents } from '../../../cluster/objects/events';
import type { VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { RunnerError, UsageError } from '../../../errors';

/** What a claim is. Throws when there is none, or no volume behind it: then there is nothing to make a volume snapshot of. */
export async function boundClaim({ api, namespace }: VolumeSnapshots, name: string): Promise<ClaimFacts> {
  const ref = claimRef(namespace, name);
  const found = await api.get(ref);
  if (!found)
    throw new UsageError(
      `create volume snapshot of claim '${name}': there is none in namespace '${namespace}'; correct 'kubernetes.persistentVolumeClaims', or bring it back by 'snapshot restore'`,
      { name, namespace },
    );
  const claim = readClaim(found);
  if (claim.phase === 'Bound') return claimFactsSchema.parse(claim);
  const reason = await reasonInEvents(api, ref);
  throw new RunnerError(
    `create volume snapshot of claim '${name}': it is ${claim.phase}, there is no volume behind it${reason === undefined ? '' : ` (${reason})`}; run it again when a pod has used it`,
    ExitCode.FAILED,
    { name, namespace, phase: claim.phase },
  );
}
