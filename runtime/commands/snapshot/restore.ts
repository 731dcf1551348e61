import { ExitCode } from '../../../lib/contract/exit-codes';
import { parseDuration } from '../../../lib/contract/values/duration';
import type { ClaimFacts } from '../../../lib/contract/volume-snapshots/record';
import type { ClaimSwap, RestoredClaim, SnapshotRestoreResult } from '../../../lib/contract/volume-snapshots/results';
import { claimRef, readClaim } from '../../cluster/objects/claims';
import type { VolumeSnapshot, VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import { RefusedError, RunnerError, UsageError } from '../../errors';
import { readVolumeSnapshotRecords } from '../../repository/volume-snapshots/volume-snapshot-records';
import type { Outcome } from '../context';
import { timedName } from './names';
import { sourceIn } from './records';
import { type ClaimOrder, makeClaim } from './swap/restored-claim';
import { isOwn, type SnapshotScene } from './scene';
import { stepsByHand } from './swap/steps-by-hand';
import { swapClaim } from './swap/swap-claim';
import { useOf, type Workload, workloadOf } from './swap/workload';

const DEFAULT_DEADLINE = '30m';

/** Makes a claim of a volume snapshot and, when asked to, puts it in the place of Tempo's own, which stays. */
export async function restore(scene: SnapshotScene): Promise<Outcome<SnapshotRestoreResult>> {
  const { options } = scene;
  const snapshots = await scene.cluster();
  const snapshot = await usable(scene, snapshots);
  const source = await sourceOf(scene, snapshots, snapshot);
  const workload = options.swap ? await workloadOf(scene, snapshots) : undefined;
  const order = await orderOf(scene, { snapshots, snapshot, source, workload });
  const result = { action: 'restore', dryRun: options.dryRun, volumeSnapshot: snapshot.name } as const;
  if (workload && order.isFixed) {
    const swap = await stepsByHand(snapshots, { workload, order, now: scene.context.now() });
    return {
      result: { ...result, claim: null, swap },
      exitCode: options.dryRun ? ExitCode.DONE : ExitCode.REFUSED,
    };
  }
  const claim = await makeClaim(scene, snapshots, order);
  const swap = workload ? await swapped(scene, snapshots, { workload, order, claim }) : null;
  return { result: { ...result, claim, swap }, exitCode: ExitCode.DONE };
}

async function usable({ kubernetes, context, options }: SnapshotScene, snapshots: VolumeSnapshots) {
  const { name } = options;
  if (name === undefined)
    throw new UsageError("snapshot restore: '--name NAME' is missing; 'snapshot list' prints the names");
  const found = (await snapshots.list()).find((each) => each.name === name);
  const refuse = (reason: string): never => {
    throw new UsageError(`restore volume snapshot '${name}': ${reason}`, { name, namespace: kubernetes.namespace });
  };
  if (!found) {
    const { records } = await readVolumeSnapshotRecords(context.repository);
    return refuse(
      records.has(name)
        ? "it was recorded and isn't in the cluster any more; choose another one from 'snapshot list', or a recovery point"
        : `there is none in namespace '${kubernetes.namespace}'; see 'snapshot list'`,
    );
  }
  if (found.isDeleting) refuse("it is being deleted; choose another one from 'snapshot list'");
  if (!found.isReady)
    refuse(`it isn't ready to use${found.error === undefined ? '' : `: ${found.error}`}; choose one that is`);
  return found;
}

/** What the claim was: the volume snapshot itself tells, else Tempo's claim as it is now, else the record. */
async function sourceOf(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  snapshot: VolumeSnapshot,
): Promise<ClaimFacts> {
  const { kubernetes, options, context } = scene;
  const { name, claim } = snapshot;
  const isOurs = isOwn(scene, snapshot) || (claim !== undefined && kubernetes.persistentVolumeClaims.includes(claim));
  if (!isOurs && !options.allow.includes('other-tempo'))
    throw new RefusedError(
      `restore volume snapshot '${name}': it is neither of one of 'kubernetes.persistentVolumeClaims' nor made for Tempo '${context.config.tempo.name}'; pass '--allow other-tempo' when it is the right one`,
      'other-tempo',
      { name, claim },
    );
  const told = sourceIn(snapshot);
  if (told) return told;
  const live = claim === undefined ? undefined : await snapshots.api.get(claimRef(snapshots.namespace, claim));
  if (live) return readClaim(live);
  const record = (await readVolumeSnapshotRecords(context.repository)).records.get(name);
  if (record?.uid === snapshot.uid) return record.source;
  throw new UsageError(
    `restore volume snapshot '${name}': nobody knows any more what its claim '${claim ?? ''}' was; make a claim by hand, with class, access modes and 'dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: ${name}}'`,
    { name, claim },
  );
}

interface Known {
  readonly snapshots: VolumeSnapshots;
  readonly snapshot: VolumeSnapshot;
  readonly source: ClaimFacts;
  readonly workload: Workload | undefined;
}

async function orderOf(scene: SnapshotScene, known: Known): Promise<ClaimOrder & { readonly isFixed: boolean }> {
  const { snapshots, snapshot, source, workload } = known;
  const { claim, deadline = DEFAULT_DEADLINE } = scene.options;
  const exists = (await snapshots.api.get(claimRef(snapshots.namespace, source.claim))) !== undefined;
  // Where the name is free, whatever wants the claim gets the new one without any swap.
  const inPlace = workload !== undefined && !exists;
  const name = claim ?? (inPlace ? source.claim : timedName(source.claim, 'restored', takenAt(snapshot)));
  return {
    ...{ name, source, snapshot },
    bytes: Math.max(snapshot.restoreBytes ?? 0, source.bytes),
    deadlineMs: parseDuration(deadline),
    isFixed: workload !== undefined && isFixed(workload, { old: source.claim, name, exists }),
  };
}

/** Whether a template of the workload fixes the name of the claim that is to be replaced. Throws when there is nothing to replace. */
function isFixed(
  workload: Workload,
  claims: { readonly old: string; readonly name: string; readonly exists: boolean },
): boolean {
  const { old, name, exists } = claims;
  const use = useOf(workload, old);
  if (use === 'none' && useOf(workload, name) !== 'volume')
    throw new UsageError(
      `swap claim '${old}': ${workload.name} doesn't use it; correct 'kubernetes.workload', or leave out '--swap'`,
      { claim: old, workload: workload.name },
    );
  if (use === 'template' && name !== old && !exists)
    throw new UsageError(
      `swap claim '${old}': a template of ${workload.name} fixes the name of its claim; leave out '--claim'`,
    );
  return use === 'template' && exists;
}

function takenAt({ takenAt: taken, requestedAt }: VolumeSnapshot): Date {
  return taken ?? requestedAt;
}

async function swapped(
  scene: SnapshotScene,
  snapshots: VolumeSnapshots,
  {
    workload,
    order,
    claim,
  }: { readonly workload: Workload; readonly order: ClaimOrder; readonly claim: RestoredClaim },
): Promise<ClaimSwap> {
  try {
    return await swapClaim(scene, snapshots, { workload, order });
  } catch (error) {
    if (scene.context.signal.aborted || !(error instanceof RunnerError)) throw error;
    throw new RunnerError(
      `${error.message}; claim '${claim.name}' is made, and the same command goes on with it`,
      error.exitCode,
      error.evidence,
    );
  }
}
