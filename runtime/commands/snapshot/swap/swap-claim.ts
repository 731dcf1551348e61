import { ExitCode } from '../../../../lib/contract/exit-codes';
import { formatDuration } from '../../../../lib/contract/values/duration';
import type { ClaimSwap } from '../../../../lib/contract/volume-snapshots/results';
import { claimRef } from '../../../cluster/objects/claims';
import { ConflictError } from '../../../cluster/cluster-errors';
import { reasonInEvents } from '../../../cluster/objects/events';
import type { VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { hasEnded, listPods } from '../../../cluster/workload/pods';
import { refuseToLoseClaims, REPLICAS_ANNOTATION, scaleToZero, scaleUp } from '../../../cluster/workload/workload';
import { RunnerError } from '../../../errors';
import type { ClaimOrder } from './restored-claim';
import type { SnapshotScene } from '../scene';
import { waitFor } from '../wait-for';
import { useOf, type Volume, type Workload, workloadOf } from './workload';

/** The workload's status changes all the time, which counts as a change by somebody else. */
const PATCH_ATTEMPTS = 10;

interface Swap {
  readonly workload: Workload;
  readonly order: ClaimOrder;
}

/** Stops Tempo, gives it the new claim, starts it again. Both claims stay; what was started can be done again and goes on. */
export async function swapClaim(scene: SnapshotScene, snapshots: VolumeSnapshots, swap: Swap): Promise<ClaimSwap> {
  const { workload, order } = swap;
  const result = { workload: workload.name, replacedClaim: order.source.claim, steps: [], undo: undoOf(swap) };
  if (!workload.isStopped) refuseToLoseClaims(workload.object, snapshots.namespace);
  if (scene.options.dryRun) return { ...result, done: false };
  const isSwapped = useOf(workload, order.name) !== 'none';
  if (!isSwapped) {
    await stop(scene, snapshots, swap);
    await start(scene, snapshots, swap);
  } else if (workload.isStopped) {
    await start(scene, snapshots, swap);
  }
  await whenReady(scene, snapshots, swap);
  return { ...result, done: true };
}

async function stop(scene: SnapshotScene, snapshots: VolumeSnapshots, swap: Swap): Promise<void> {
  const { workload, order } = swap;
  const { ref, name, replicas } = workload;
  await scaleToZero(snapshots.api, ref, replicas);
  scene.context.log.info(`${name} is scaled to zero`, { replicas });
  const left = await podsLeft(scene, snapshots, swap);
  if (left.length > 0)
    throw new RunnerError(
      `stop ${name}: ${left.join(', ')} still there after ${formatDuration(order.deadlineMs)}, so it was scaled to ${replicas} again; see why it doesn't end, or raise --deadline`,
      ExitCode.FAILED,
      { workload: name },
    );
}

/** Pods that didn't end in time; then the workload is as it was before. */
async function podsLeft(scene: SnapshotScene, snapshots: VolumeSnapshots, swap: Swap): Promise<readonly string[]> {
  const { workload, order } = swap;
  const { ref, replicas } = workload;
  try {
    const isEmpty = async () => ((await podsOf(snapshots, workload)).length === 0 ? true : undefined);
    if (await waitFor(isEmpty, { milliseconds: order.deadlineMs, signal: scene.context.signal })) return [];
    const left = await podsOf(snapshots, workload);
    if (left.length > 0) await scaleUp(snapshots.api, ref, replicas);
    return left;
  } catch (error) {
    sayStopped(scene, workload);
    throw error;
  }
}

/** Nobody should have to find out by himself that Tempo is down, and why. */
function sayStopped({ context, kubernetes }: SnapshotScene, { name, replicas }: Workload): void {
  context.log.error(
    `${name} may be scaled to zero; run the same command again, or start it by: kubectl -n ${kubernetes.namespace} scale ${name} --replicas=${replicas}`,
  );
}

async function podsOf({ api, namespace }: VolumeSnapshots, { selector }: Workload): Promise<string[]> {
  const pods = await listPods(api, namespace, selector);
  return pods.filter((pod) => !hasEnded(pod)).map(({ metadata }) => metadata.name);
}

/** One call changes the volume and starts it: there is no moment at which it would start with the old one. */
async function start(scene: SnapshotScene, snapshots: VolumeSnapshots, swap: Swap): Promise<void> {
  const { order } = swap;
  const annotations = { [REPLICAS_ANNOTATION]: null };
  try {
    for (let attempt = 1; ; attempt++) {
      const { ref, resourceVersion, replicas, volumes } = await workloadOf(scene, snapshots);
      const changed = volumes.map((volume) => withClaim(volume, { from: order.source.claim, to: order.name }));
      const spec = { replicas, template: { spec: { volumes: changed } } };
      try {
        await snapshots.api.patch(ref, { metadata: { annotations, resourceVersion }, spec });
        return;
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt >= PATCH_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    sayStopped(scene, swap.workload);
    throw error;
  }
}

function withClaim(volume: Volume, { from, to }: { readonly from: string; readonly to: string }): Volume {
  const { persistentVolumeClaim: used } = volume;
  return used?.claimName === from ? { ...volume, persistentVolumeClaim: { ...used, claimName: to } } : volume;
}

async function whenReady(scene: SnapshotScene, snapshots: VolumeSnapshots, swap: Swap): Promise<void> {
  const { workload, order } = swap;
  const isReady = async () => ((await workloadOf(scene, snapshots)).isReady ? true : undefined);
  const { signal } = scene.context;
  if (await waitFor(isReady, { milliseconds: order.deadlineMs, signal })) return;
  const reason = await reasonInEvents(snapshots.api, claimRef(snapshots.namespace, order.name));
  const told = reason === undefined ? '' : ` (its claim: ${reason})`;
  throw new RunnerError(
    `start ${workload.name}: it isn't ready with claim '${order.name}' after ${formatDuration(order.deadlineMs)}${told}; look at its pods, or go back by: ${undoOf(swap).join(' && ')}`,
    ExitCode.FAILED,
    { workload: workload.name, claim: order.name },
  );
}

/** Back to the old claim, by hand. */
function undoOf({ workload, order }: Swap): string[] {
  const { ref, name, volumes, replicas } = workload;
  const names = [order.source.claim, order.name];
  const volume = volumes.find(({ persistentVolumeClaim: used }) => used && names.includes(used.claimName))?.name;
  // Without a volume of the workload's own, the new claim has the old one's name, and there was nothing to go back to.
  if (volume === undefined || order.name === order.source.claim) return [];
  const back = { name: volume, persistentVolumeClaim: { claimName: order.source.claim } };
  const patch = JSON.stringify({ spec: { replicas, template: { spec: { volumes: [back] } } } });
  const kubectl = `kubectl -n ${ref.namespace}`;
  return [
    `${kubectl} scale ${name} --replicas=0`,
    `${kubectl} patch ${name} --type=strategic -p '${patch}'`,
    `${kubectl} rollout status ${name} --timeout=10m`,
  ];
}
