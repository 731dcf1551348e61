import { VolumeSnapshotAnnotation } from '../../../lib/contract/volume-snapshots/labels';
import type { SettledLeftovers } from '../../../lib/contract/volume-snapshots/results';
import type { VolumeSnapshot, VolumeSnapshots } from '../../cluster/volume-snapshots';
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
  for (const { inCluster, record: known_, own } of known) {
    if (!own || known_ || !inCluster || inCluster.isDeleting) continue;
    if (inCluster.isReady) {
      if (!scene.options.dryRun && !(await adopt(scene, inCluster))) continue;
      adopted.push(inCluster.name);
    } else if (isGivenUp(inCluster, scene.context.now())) {
      if (!scene.options.dryRun) await snapshots.delete(inCluster.name);
      removed.push(inCluster.name);
    }
  }
  return { adopted, removed };
}

function isGivenUp({ annotations }: VolumeSnapshot, now: Date): boolean {
  const giveUpAt = Date.parse(annotations[VolumeSnapshotAnnotation.GIVE_UP_AT] ?? '');
  return giveUpAt < now.getTime();
}

async function adopt(scene: SnapshotScene, snapshot: VolumeSnapshot): Promise<boolean> {
  const { log } = scene.context;
  const source = sourceIn(snapshot);
  try {
    if (source) await record(scene, snapshot, source);
    else log.warn(`volume snapshot '${snapshot.name}' has lost its annotations, so it stays without a record`);
    return source !== undefined;
  } catch (error) {
    // What can't be recorded must not keep a new one from being made.
    if (scene.context.signal.aborted || !(error instanceof RunnerError)) throw error;
    log.warn(`${error.message}; it stays without a record`);
    return false;
  }
}
