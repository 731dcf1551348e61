import { ExitCode } from '../../../lib/contract/exit-codes';
import { VolumeSnapshotAnnotation } from '../../../lib/contract/volume-snapshots/labels';
import type { VolumeSnapshotRecord } from '../../../lib/contract/volume-snapshots/record';
import type { SnapshotPruneResult } from '../../../lib/contract/volume-snapshots/results';
import { RunnerError } from '../../errors';
import { reasonOfAge } from '../../repository/retention';
import { settleVolumeSnapshot } from '../../repository/volume-snapshots/volume-snapshot-records';
import type { VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import type { Outcome } from '../context';
import { settleLeftovers } from './leftovers';
import { remove } from './removal';
import type { SnapshotScene } from './scene';
import { type KnownVolumeSnapshot, type Survey, survey, timeOf } from './survey';

const EXPIRED = 'past its retention';

interface Decision {
  readonly kept: SnapshotPruneResult['kept'];
  readonly expired: readonly KnownVolumeSnapshot[];
  /** Past their retention, and only recorded. */
  readonly gone: readonly VolumeSnapshotRecord[];
}

/**
 * Deletes volume snapshots past their retention: only those that the runner made for this Tempo, and never the newest ready one of a claim.
 * A record is not removed but settled by a second object, so that this needs no right to delete in the repository.
 */
export async function prune(scene: SnapshotScene): Promise<Outcome<SnapshotPruneResult>> {
  const { context, options } = scene;
  const snapshots = await scene.cluster();
  const first = await survey(scene, await snapshots.list());
  const leftovers = await settleLeftovers(scene, snapshots, first);
  // Those that were just recorded count like all others.
  const current = leftovers.adopted.length > 0 ? await survey(scene, await snapshots.list()) : first;
  const decision = decide(scene, current, await context.repository.storage.now());
  const { deleted, deleting, failed } = options.dryRun
    ? { deleted: decision.expired.map(({ name }) => name), deleting: [], failed: undefined }
    : await carryOut(scene, snapshots, decision);
  const result: SnapshotPruneResult = {
    ...{ action: 'prune', dryRun: options.dryRun, kept: decision.kept, deleted, deleting },
    gone: decision.gone.map(({ name }) => name),
    ...leftovers,
  };
  const unreadable = current.records.unreadable.size > 0 ? ExitCode.INTEGRITY : ExitCode.DONE;
  return { result, exitCode: failed?.exitCode ?? unreadable };
}

function decide(scene: SnapshotScene, { known, records }: Survey, now: Date): Decision {
  const own = known.filter((each) => each.own);
  const newest = newestReady(own);
  const kept: { name: string; reasons: string[] }[] = [];
  const expired: KnownVolumeSnapshot[] = [];
  for (const each of own.filter(({ inCluster }) => inCluster !== undefined)) {
    const reasons = [
      ...(newest.has(each.name) ? ['newest of its claim'] : []),
      ...reasonsOfAge(each, now),
      ...(records.unreadable.has(each.name) ? ["its record can't be read"] : []),
    ];
    if (reasons.length > 0) kept.push({ name: each.name, reasons });
    else expired.push(each);
  }
  const gone = own.flatMap((each) => {
    const { inCluster, record } = each;
    const isGone = !inCluster && record?.namespace === scene.kubernetes.namespace;
    return isGone && reasonsOfAge(each, now).length === 0 ? [record] : [];
  });
  return { kept, expired, gone };
}

function newestReady(newestFirst: readonly KnownVolumeSnapshot[]): Set<string> {
  const claims = new Map<string | undefined, string>();
  for (const { inCluster } of newestFirst) {
    if (!inCluster?.isReady || inCluster.isDeleting || claims.has(inCluster.claim)) continue;
    claims.set(inCluster.claim, inCluster.name);
  }
  return new Set(claims.values());
}

/** Cluster and record must agree that it is old enough: whoever can change one of them alone deletes nothing. */
function reasonsOfAge(known: KnownVolumeSnapshot, now: Date): string[] {
  const { inCluster, record } = known;
  if (!record) return ['has no record'];
  const said = [record.deleteAfter];
  if (inCluster) said.push(inCluster.annotations[VolumeSnapshotAnnotation.DELETE_AFTER] ?? null);
  const age = now.getTime() - Math.max(inCluster?.requestedAt.getTime() ?? 0, timeOf(known).getTime());
  return [...new Set(said)].flatMap((deleteAfter) => reasonOfAge(deleteAfter, age));
}

async function carryOut(
  { context }: SnapshotScene,
  snapshots: VolumeSnapshots,
  { expired, gone }: Decision,
): Promise<{ deleted: string[]; deleting: string[]; failed: RunnerError | undefined }> {
  const { repository, signal, log } = context;
  const deleted: string[] = [];
  const deleting: string[] = [];
  let failed: RunnerError | undefined;
  for (const { name, record } of expired) {
    signal.throwIfAborted();
    try {
      const isGone = await remove(snapshots, name);
      if (isGone && record) await settleVolumeSnapshot(repository, record, EXPIRED);
      (isGone ? deleted : deleting).push(name);
    } catch (error) {
      if (signal.aborted || !(error instanceof RunnerError)) throw error;
      log.error(error.message, { volumeSnapshot: name });
      failed ??= error;
    }
  }
  for (const record of gone) await settleVolumeSnapshot(repository, record, `${EXPIRED}, and no longer there`);
  return { deleted, deleting, failed };
}
