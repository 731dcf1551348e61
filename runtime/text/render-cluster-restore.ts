import type { ClusterRestore, ComparedTenant, RestoredObject } from '../../lib/contract/cluster-restore';
import type { RestoreResult } from '../../lib/contract/results';
import { formatSize } from '../../lib/contract/values/size';
import { counted } from './table';

/** What a restore in a cluster did, and how long each step took. */
export function renderClusterRestore(result: RestoreResult, cluster: ClusterRestore): string[] {
  const { namespace, workload, replicas, phases, configuration, remarks, undo } = cluster;
  const verb = result.dryRun ? 'would restore' : 'restored';
  const what = `${verb} recovery point ${result.recoveryPoint} in namespace ${namespace}: ${amount(result, cluster)}`;
  const took = result.dryRun ? '' : ` · ${(result.seconds.total ?? 0).toFixed(1)} s`;
  return [
    `${what}${took}`,
    ...phases.map(({ name, seconds }) =>
      `  ${name.padEnd(22)}${seconds === null ? '' : `${seconds.toFixed(1)} s`}`.trimEnd(),
    ),
    `${workload}: ${counted(replicas.before, 'replica')} before, ${replicas.now} now`,
    ...configuration.map((object) => objectText(object, result.dryRun)),
    ...(cluster.compared ?? []).map(comparedText),
    ...sampleTexts(cluster),
    ...result.gates.map(({ name, message }) => `allowed ${name}: ${message}`),
    ...result.blocks.failed.map(({ tenant, block, reason }) => `FAILED ${tenant} ${block}: ${reason}`),
    ...result.movedAside.map((path) => `what was there is now in ${path}`),
    ...remarks.map((remark) => `note: ${remark}`),
    ...(undo.length > 0 ? ['to undo it:', ...undo.map((command) => `  ${command}`)] : []),
  ];
}

function amount({ dryRun, blocks, wal, bytes }: RestoreResult, { configuration }: ClusterRestore): string {
  const written = dryRun ? formatSize(bytes.total) : `${formatSize(bytes.written)} written`;
  const data = [counted(dryRun ? blocks.total : blocks.restored, 'block'), counted(wal.pages, 'WAL page'), written];
  const objects = configuration.length > 0 ? [counted(configuration.length, 'Kubernetes object')] : [];
  return [...(bytes.total > 0 ? data : []), ...objects].join(', ');
}

function objectText({ kind, name, action, reason }: RestoredObject, dryRun: boolean): string {
  const said = dryRun && (action === 'created' || action === 'replaced') ? `would be ${action}` : action;
  return `${kind} ${name}: ${said}${reason === undefined ? '' : `: ${reason}`}`;
}

function comparedText({ tenant, expected, found }: ComparedTenant): string {
  const differs = (found ?? 0) < expected ? 'DIFFERS ' : '';
  return `${differs}tenant ${tenant}: ${expected} traces in the recovery point, ${found ?? 'none'} in Tempo`;
}

function sampleTexts({ sampleTraces }: ClusterRestore): string[] {
  if (!sampleTraces) return [];
  const { asked, missing } = sampleTraces;
  return [
    `Tempo finds ${asked - missing.length} of ${asked} traces that it was asked for`,
    ...missing.map(({ tenant, traceId }) => `MISSING trace ${traceId} of tenant ${tenant}`),
  ];
}
