import { tempoBucketUrl, type TempoStorage } from '../../../lib/contract/tempo-storage-config';
import { CLUSTER_RESTORE_PHASES, type ClusterRestore } from '../../../lib/contract/cluster-restore';
import { ExitCode } from '../../../lib/contract/exit-codes';
import type { RestoreResult } from '../../../lib/contract/results';
import { workloadText } from '../../cluster/workload/workload';
import type { Outcome } from '../context';
import { bytesOf } from '../point-results';
import { type Comparison, isWhole, NOT_COMPARED } from './compare-data';
import { describeChange } from './configuration/configuration-changes';
import { type CoordinatedRun, partsOf } from './coordinated-run';
import { startCommands } from './leave-safely';
import type { Moved } from './mover/move-data';
import type { Prepared } from './prepare-restore';

/** What a restore came to. */
export interface Carried {
  /** Now. */
  readonly replicas: number;
  readonly moved: Moved | undefined;
  readonly comparison: Comparison;
}

/** Of a restore that was carried out. */
export function restored(run: CoordinatedRun, prepared: Prepared, carried: Carried): Outcome<RestoreResult> {
  const { moved, comparison } = carried;
  const result = resultOf(run, prepared, { ...carried, phases: run.phases.done });
  const exitCode = isWhole(comparison) ? (moved?.exitCode ?? ExitCode.DONE) : ExitCode.INTEGRITY;
  return { result, exitCode };
}

/** Of a dry run: what it would do. */
export function planned(run: CoordinatedRun, prepared: Prepared): Outcome<RestoreResult> {
  const { configuration, data } = partsOf(run.options);
  const steps = {
    verify: true,
    'check configuration': configuration,
    'stop Tempo': data !== undefined,
    'restore configuration': configuration,
    'restore data': data !== undefined,
    'start Tempo': true,
    compare: data !== undefined && data !== 'wal',
    'roll back': false,
  };
  const phases = CLUSTER_RESTORE_PHASES.filter((name) => steps[name]).map((name) => ({ name, seconds: null }));
  const remarks = data
    ? ["what would keep the data from being moved is known to the mover alone, which wasn't started"]
    : [];
  const comparison = { ...NOT_COMPARED, remarks };
  const result = resultOf(run, prepared, { replicas: prepared.replicasBefore, moved: undefined, comparison, phases });
  return { result, exitCode: ExitCode.DONE };
}

function resultOf(
  run: CoordinatedRun,
  prepared: Prepared,
  carried: Carried & Pick<ClusterRestore, 'phases'>,
): RestoreResult {
  const { context, options } = run;
  const { phases, moved } = carried;
  const seconds = Object.fromEntries(run.phases.done.map(({ name, seconds: each }) => [name, each]));
  const total = run.phases.done.reduce((sum, each) => sum + each.seconds, 0);
  return {
    ...(moved?.result ?? unmoved(run, prepared)),
    dryRun: options.dryRun,
    cluster: clusterResult(run, prepared, { ...carried, phases }),
    requests: { ...context.repository.storage.requests },
    seconds: { ...seconds, total: Math.round(total * 1000) / 1000 },
  };
}

function placeOf(storage: TempoStorage): string {
  return storage.backend === 'local' ? storage.path : tempoBucketUrl(storage);
}

/** Of a restore that moves no data, or hasn't yet: what the recovery point has. */
function unmoved(
  { options, context }: CoordinatedRun,
  { manifest }: Prepared,
): Omit<RestoreResult, 'requests' | 'seconds'> {
  const { data } = partsOf(options);
  const blocks = data === undefined || data === 'wal' ? [] : manifest.tenants;
  const wal = data === undefined || data === 'data' || options.clearWal ? [] : manifest.wal;
  const pages = wal.reduce((sum, block) => sum + block.pages.length, 0);
  return {
    recoveryPoint: manifest.id,
    target: placeOf(context.config.tempo.storage),
    dryRun: false,
    blocks: {
      total: blocks.reduce((sum, tenant) => sum + tenant.blocks, 0),
      restored: 0,
      skipped: 0,
      compacted: 0,
      failed: [],
    },
    wal: { blocks: wal.length, pages },
    bytes: { total: bytesOf({ ...manifest, tenants: [...blocks], wal: [...wal], config: [] }), written: 0, read: 0 },
    archived: { objects: 0, bytes: 0, thawing: 0, thawed: 0 },
    movedAside: [],
    leftovers: [],
    freeBytes: 0,
    owner: context.config.tempo.owner ?? '',
    gates: [],
  };
}

function clusterResult(
  run: CoordinatedRun,
  prepared: Prepared,
  { replicas, moved, comparison, phases }: Carried & Pick<ClusterRestore, 'phases'>,
): ClusterRestore {
  const { namespace } = run.kubernetes;
  const { compared, sampleTraces } = comparison;
  return {
    phases,
    namespace,
    workload: workloadText(run.kubernetes),
    replicas: { before: prepared.replicasBefore, now: replicas },
    autoscaler: prepared.autoscaler,
    configuration: prepared.plan.changes.map(describeChange),
    mover: moved?.job ?? null,
    compared,
    sampleTraces,
    remarks: remarksOf(prepared, { replicas, moved, comparison }),
    undo: run.options.dryRun ? [] : undoCommands(run, prepared, moved),
  };
}

function remarksOf({ plan, autoscaler }: Prepared, { replicas, moved, comparison }: Carried): string[] {
  return [
    ...plan.remarks,
    ...comparison.remarks,
    ...(moved?.shortened ? [`lists in this result were cut off: the log of Job '${moved.job}' has all of them`] : []),
    ...(replicas === 0 ? ['Tempo had no replicas before the restore, and has none now: start it yourself'] : []),
    ...(autoscaler === null
      ? []
      : [`HorizontalPodAutoscaler '${autoscaler}' does nothing while Tempo has no replicas`]),
  ];
}

function undoCommands(run: CoordinatedRun, prepared: Prepared, moved: Moved | undefined): string[] {
  const { namespace } = run.kubernetes;
  const created = prepared.plan.changes.filter(({ action }) => action === 'created');
  const aside = moved?.result.movedAside ?? [];
  const start = startCommands(run, prepared.saved.objects);
  if (!moved) return [...start, ...created.map(createdText)];
  return [
    `kubectl -n ${namespace} scale ${workloadText(run.kubernetes)} --replicas=0`,
    ...aside.map((path) => `# what was replaced lies in '${path}' on Tempo's volume: move it back by hand`),
    ...start,
    ...created.map(createdText),
  ];
}

function createdText({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `# ${kind} '${name}' was created: delete it by hand`;
}
