import { ExitCode } from '../../../lib/contract/exit-codes';
import type {
  SnapshotListResult,
  VolumeSnapshotFacts,
  VolumeSnapshotState,
} from '../../../lib/contract/volume-snapshots/results';
import type { VolumeSnapshot } from '../../cluster/objects/volume-snapshots';
import { RunnerError } from '../../errors';
import type { Outcome } from '../context';
import type { SnapshotScene } from './scene';
import { factsOf, type KnownVolumeSnapshot, survey, timeOf } from './survey';

interface Asked {
  readonly found: readonly VolumeSnapshot[];
  /** Why the cluster couldn't be asked. */
  readonly error: RunnerError | undefined;
}

/** The volume snapshots, newest first. Without the cluster it still says what was recorded, but doesn't end as if all were well. */
export async function list(scene: SnapshotScene): Promise<Outcome<SnapshotListResult>> {
  const { found, error } = await ask(scene);
  if (error) scene.context.log.error(`${error.message}; what follows is from the repository's records alone`);
  const { known, records } = await survey(scene, found);
  const { namespace } = scene.kubernetes;
  const volumeSnapshots = known.map((each) => shown(each, { namespace, asked: error === undefined }));
  const unreadable = records.unreadable.size > 0 ? ExitCode.INTEGRITY : ExitCode.DONE;
  return {
    result: { action: 'list', volumeSnapshots, clusterError: error?.message ?? null },
    exitCode: error?.exitCode ?? unreadable,
  };
}

async function ask(scene: SnapshotScene): Promise<Asked> {
  try {
    return { found: await (await scene.cluster()).list(), error: undefined };
  } catch (error) {
    if (scene.context.signal.aborted || !(error instanceof RunnerError)) throw error;
    return { found: [], error };
  }
}

function shown(
  known: KnownVolumeSnapshot,
  view: { readonly namespace: string; readonly asked: boolean },
): VolumeSnapshotFacts {
  const { inCluster, record, own } = known;
  if (!inCluster) return factsOf(known, withoutCluster(known, view));
  const state = stateOf(inCluster);
  const since = timeOf(known).toISOString();
  const unrecorded =
    state === 'ready' ? "has no record; 'snapshot create' or 'prune' adds it" : `not ready since ${since}`;
  const strange = own ? null : 'not made by tempo-backup for this Tempo';
  const lacking = own && !record ? unrecorded : strange;
  return factsOf(known, { state, remark: inCluster.error ?? lacking });
}

function withoutCluster(
  { record }: KnownVolumeSnapshot,
  { namespace, asked }: { readonly namespace: string; readonly asked: boolean },
): { readonly state: VolumeSnapshotState; readonly remark: string | null } {
  if (record && record.namespace !== namespace)
    return { state: 'unknown', remark: `it was made in namespace '${record.namespace}'` };
  return asked
    ? { state: 'gone', remark: 'recorded, but there is no VolumeSnapshot of it any more' }
    : { state: 'unknown', remark: null };
}

function stateOf({ isDeleting, isReady, error }: VolumeSnapshot): VolumeSnapshotState {
  if (isDeleting) return 'deleting';
  if (isReady) return 'ready';
  return error === undefined ? 'pending' : 'failed';
}
