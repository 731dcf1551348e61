import { VolumeSnapshotAnnotation, VolumeSnapshotLabel } from '../../../lib/contract/volume-snapshots/labels';
import {
  type ClaimFacts,
  claimFactsSchema,
  type VolumeSnapshotRecord,
} from '../../../lib/contract/volume-snapshots/record';
import type { VolumeSnapshot } from '../../cluster/objects/volume-snapshots';
import { recordVolumeSnapshot } from '../../repository/volume-snapshots/volume-snapshot-records';
import { RUNNER_VERSION } from '../../version';
import type { SnapshotScene } from './scene';

/** Writes down a volume snapshot that is ready. */
export async function record(scene: SnapshotScene, snapshot: VolumeSnapshot, source: ClaimFacts): Promise<void> {
  const { context, kubernetes } = scene;
  const facts: Omit<VolumeSnapshotRecord, 'format' | 'repository'> = {
    tempo: context.config.tempo.name,
    namespace: kubernetes.namespace,
    name: snapshot.name,
    uid: snapshot.uid,
    source,
    volumeSnapshotClass: snapshot.class ?? null,
    volumeSnapshotContent: snapshot.content ?? null,
    restoreBytes: snapshot.restoreBytes ?? null,
    createdAt: (snapshot.takenAt ?? snapshot.requestedAt).toISOString(),
    readyAt: context.now().toISOString(),
    rule: snapshot.labels[VolumeSnapshotLabel.RULE] ?? null,
    deleteAfter: snapshot.annotations[VolumeSnapshotAnnotation.DELETE_AFTER] ?? null,
    runner: RUNNER_VERSION,
  };
  await recordVolumeSnapshot(context.repository, facts);
}

/** What the claim was, as a volume snapshot itself tells; undefined when it doesn't. */
export function sourceIn({ annotations }: VolumeSnapshot): ClaimFacts | undefined {
  try {
    return claimFactsSchema.safeParse(JSON.parse(annotations[VolumeSnapshotAnnotation.CLAIM] ?? 'null')).data;
  } catch (error) {
    // Anybody may write annotations.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
