import { VolumeSnapshotAnnotation } from '../../../lib/contract/volume-snapshots/labels';
import type { SettledLeftovers } from '../../../lib/contract/volume-snapshots/results';
import type { VolumeSnapshot, VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import { RunnerError } from '../../errors';
import { record, sourceIn } from './records';
import type { SnapshotScene } from './scene';
import type { Survey } from './survey';

/**
 * Settles what runs that were killed have left: what is ready is recorded, so it was not in vain; what isn't ready and that nobody waits
 * for any more is deleted. What another run may still be waiting for stays as it is.
 */
export async function settleLeftovers(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  { known }: Survey,
): Promise<SettledLeftovers> {
  const adopted: string[] = [];
  const removed: string[] = [];
  for (const { inCluster, record: recorded, own } of known) {
    if (!own || recorded || !inCluster || inCluster.isDeleting) continue;
    const { name } = inCluster;
    if (inCluster.isReady) {
      if (await settled(scene, () => adopt(scene, inCluster))) adopted.push(name);
    } else if (isGivenUp(inCluster, scene.context.now())) {
      if (await settled(scene, () => snapshots.delete(name))) removed.push(name);
    }
  }
  return { adopted, removed };
}

/** Does it, unless it is a dry run. What can't be settled must not keep a new one from being made. */
async function settled({ context, options }: SnapshotScene, work: () => Promise<boolean>): Promise<boolean> {
  if (options.dryRun) return true;
  try {
    return await work();
  } catch (error) {
    if (context.signal.aborted || !(error instanceof RunnerError)) throw error;
    context.log.warn(`${error.message}; what an earlier run has left stays as it is`);
    return false;
  }
}

function isGivenUp({ annotations }: VolumeSnapshot, now: Date): boolean {
  const giveUpAt = Date.parse(annotations[VolumeSnapshotAnnotation.GIVE_UP_AT] ?? '');
  return giveUpAt < now.getTime();
}

async function adopt(scene: SnapshotScene, snapshot: VolumeSnapshot): Promise<boolean> {
  const source = sourceIn(snapshot);
  if (source) await record(scene, snapshot, source);
  else
    scene.context.log.warn(`volume snapshot '${snapshot.name}' has lost its annotations, so it stays without a record`);
  return source !== undefined;
}
