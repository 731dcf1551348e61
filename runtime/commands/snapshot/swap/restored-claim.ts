import { ExitCode } from '../../../../lib/contract/exit-codes';
import { formatDuration } from '../../../../lib/contract/values/duration';
import { VolumeSnapshotAnnotation, VolumeSnapshotLabel } from '../../../../lib/contract/volume-snapshots/labels';
import type { ClaimFacts } from '../../../../lib/contract/volume-snapshots/record';
import type { RestoredClaim } from '../../../../lib/contract/volume-snapshots/results';
import { claimRef, readClaim } from '../../../cluster/objects/claims';
import type { ClusterObject, ObjectRef } from '../../../cluster/cluster-api';
import { eventsOf, reasonInEvents } from '../../../cluster/objects/events';
import { formatQuantity } from '../../../cluster/objects/quantity';
import { VOLUME_SNAPSHOT, type VolumeSnapshot, type VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { RefusedError, RunnerError } from '../../../errors';
import { ownLabels, type SnapshotScene } from '../scene';
import { waitFor } from '../wait-for';

/** For how long a volume may only fail to be made: its provisioner tries again. */
const PATIENCE_MS = 60_000;

/** The claim that is to be made. */
export interface ClaimOrder {
  readonly name: string;
  /** What the claim was that the volume snapshot is of. */
  readonly source: ClaimFacts;
  readonly snapshot: VolumeSnapshot;
  readonly bytes: number;
  readonly deadlineMs: number;
}

/** Makes the claim and waits until it has a volume, or only lacks a pod to get one. */
export async function makeClaim(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  order: ClaimOrder,
): Promise<RestoredClaim> {
  const { name, source, bytes } = order;
  const facts = { name, bytes, storageClass: source.storageClass, accessModes: source.accessModes };
  const ref = claimRef(snapshots.namespace, name);
  const isOld = await isThere(snapshots, ref, order);
  const object = claimObject(order, { namespace: snapshots.namespace, labels: labelsOf(scene) });
  if (!isOld) await snapshots.api.create(object, { dryRun: scene.options.dryRun });
  if (scene.options.dryRun) return { ...facts, state: 'planned' };
  try {
    return { ...facts, state: await whenBound(scene, snapshots, order) };
  } catch (error) {
    // Never bound, it holds nothing; one of an earlier run is left as it was found.
    if (isOld || scene.context.signal.aborted || !(error instanceof RunnerError)) throw error;
    await snapshots.api.delete(ref);
    throw new RunnerError(`${error.message}; the claim was deleted again`, error.exitCode, error.evidence);
  }
}

/** A claim of `order`; labels of its own. */
export function claimObject(
  { name, source, bytes, snapshot }: ClaimOrder,
  metadata: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      ...metadata,
      annotations: { [VolumeSnapshotAnnotation.RESTORED_FROM]: originOf(snapshot) },
    },
    spec: {
      accessModes: source.accessModes,
      volumeMode: source.volumeMode,
      ...(source.storageClass === null ? {} : { storageClassName: source.storageClass }),
      resources: { requests: { storage: formatQuantity(bytes) } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: VOLUME_SNAPSHOT.kind, name: snapshot.name },
    },
  };
}

function originOf({ name, uid }: VolumeSnapshot): string {
  return `${name}/${uid}`;
}

function labelsOf(scene: SnapshotScene): Record<string, string> {
  return { ...ownLabels(scene), [VolumeSnapshotLabel.COMPONENT]: 'restored-claim' };
}

/** Whether an earlier run made it of the same volume snapshot. Throws when it is any other claim. */
async function isThere({ api }: VolumeSnapshots, ref: ObjectRef, { snapshot }: ClaimOrder): Promise<boolean> {
  const found = await api.get(ref);
  if (!found) return false;
  if (readClaim(found).annotations[VolumeSnapshotAnnotation.RESTORED_FROM] === originOf(snapshot)) return true;
  throw new RefusedError(
    `restore volume snapshot '${snapshot.name}': there is a claim '${ref.name}' already, which isn't of this volume snapshot; name another one with '--claim NAME'`,
    undefined,
    { claim: ref.name, namespace: ref.namespace },
  );
}

async function whenBound(
  { context }: SnapshotScene,
  { api, namespace }: VolumeSnapshots,
  { name, deadlineMs, source }: ClaimOrder,
): Promise<'bound' | 'waits-for-pod'> {
  const ref = claimRef(namespace, name);
  const began = performance.now();
  const fail = (reason: string): never => {
    const what = `restore claim '${name}' of class '${source.storageClass ?? 'the default'}'`;
    throw new RunnerError(`${what}: ${reason}; see to its StorageClass and driver`, ExitCode.FAILED, { claim: name });
  };
  const state = await waitFor(
    async () => {
      const found = await api.get(ref);
      const phase = found ? readClaim(found).phase : fail('somebody deleted it');
      if (phase === 'Bound') return 'bound' as const;
      if (phase === 'Lost') return fail('its volume is lost');
      const events = await eventsOf(api, ref);
      if (events.some(({ reason }) => reason === 'WaitForFirstConsumer')) return 'waits-for-pod' as const;
      const problem = events.find(({ isWarning }) => isWarning);
      if (problem && performance.now() - began >= PATIENCE_MS) return fail(`${problem.reason}: ${problem.message}`);
      return undefined;
    },
    { milliseconds: deadlineMs, signal: context.signal },
  );
  if (state !== undefined) return state;
  const reason = (await reasonInEvents(api, ref)) ?? 'nothing in the cluster has taken notice of it';
  return fail(`it has no volume after ${formatDuration(deadlineMs)}: ${reason}`);
}
