import type { CommandResults } from '../../lib/contract/results';
import { formatSize } from '../../lib/contract/values/size';
import type {
  ClaimSwap,
  SettledLeftovers,
  SnapshotCreateResult,
  SnapshotListResult,
  SnapshotPruneResult,
  SnapshotRestoreResult,
  VolumeSnapshotFacts,
} from '../../lib/contract/volume-snapshots/results';
import { age, type Column, counted, table } from './table';

/** The result of `snapshot` as people read it. */
export function renderSnapshot(result: CommandResults['snapshot'], now: Date): string {
  switch (result.action) {
    case 'create':
      return createdText(result);
    case 'list':
      return listText(result, now);
    case 'prune':
      return pruneText(result);
    case 'restore':
      return restoreText(result);
  }
}

function createdText(result: SnapshotCreateResult): string {
  const { volumeSnapshots, failed } = result;
  return lines([
    ...leftoversText(result),
    ...volumeSnapshots.map(
      ({ name, claim, bytes, deleteAfter, readySeconds }) =>
        `volume snapshot ${name} of ${claim ?? '-'} · ${sizeOf(bytes)} · kept for ${deleteAfter ?? 'ever'} · ready after ${readySeconds.toFixed(1)} s`,
    ),
    ...failed.map(({ claim, message }) => `FAILED ${claim}: ${message}`),
  ]);
}

function listText({ volumeSnapshots, clusterError }: SnapshotListResult, now: Date): string {
  const columns: Column<VolumeSnapshotFacts>[] = [
    { title: 'VOLUME SNAPSHOT', value: ({ name }) => name },
    { title: 'CLAIM', value: ({ claim }) => claim ?? '-' },
    { title: 'AGE', value: ({ createdAt }) => age(createdAt, now) },
    { title: 'SIZE', value: ({ bytes }) => sizeOf(bytes), align: 'right' },
    { title: 'RULE', value: ({ rule }) => rule ?? '-' },
    { title: 'KEPT FOR', value: ({ deleteAfter, own }) => deleteAfter ?? (own ? 'ever' : '-') },
    { title: 'STATE', value: ({ state }) => state },
    { title: '', value: ({ remark }) => remark ?? '' },
  ];
  return lines([
    ...(clusterError === null ? [] : [`FROM RECORDS ONLY: ${clusterError}`]),
    volumeSnapshots.length === 0 ? 'no volume snapshots yet' : table(columns, volumeSnapshots),
  ]);
}

function pruneText(result: SnapshotPruneResult): string {
  const { kept, deleted, deleting, gone, dryRun } = result;
  return lines([
    ...leftoversText(result),
    ...kept.map(({ name, reasons }) => `keep     ${name}  ${reasons.join(', ')}`),
    ...deleted.map((name) => `delete   ${name}`),
    ...deleting.map((name) => `delete   ${name}  asked to go, still there`),
    ...gone.map((name) => `settle   ${name}  past its retention and gone already`),
    `${counted(deleted.length + deleting.length, 'volume snapshot')} ${dryRun ? 'would be ' : ''}deleted, ${counted(kept.length, 'volume snapshot')} kept`,
  ]);
}

function restoreText({ claim, swap, volumeSnapshot, dryRun }: SnapshotRestoreResult): string {
  const made = dryRun ? 'would make' : 'made';
  const states = { bound: 'bound', 'waits-for-pod': 'gets its volume with its first pod', planned: 'not made' };
  return lines([
    ...(claim === null
      ? []
      : [
          `${made} claim ${claim.name} of volume snapshot ${volumeSnapshot} · ${formatSize(claim.bytes)} · class ${claim.storageClass ?? 'default'} · ${claim.accessModes.join(', ')} · ${states[claim.state]}`,
        ]),
    ...(swap === null ? [] : swapText(swap, dryRun)),
  ]);
}

function swapText({ workload, replacedClaim, done, steps, undo }: ClaimSwap, dryRun: boolean): string[] {
  const back = undo.length > 0 ? ['to go back:', ...undo.map((step) => `  ${step}`)] : [];
  if (done) return [`${workload} runs with it; ${replacedClaim} and its data are kept`, ...back];
  if (steps.length === 0) return dryRun ? [`${workload} would be stopped, given it, and started again`, ...back] : [];
  return [
    `NOT DONE: a template of ${workload} fixes the name of its claim; these commands put the volume snapshot in its place, and keep the old data as ${replacedClaim}:`,
    ...steps.map((step) => `  ${step}`),
  ];
}

function leftoversText({ adopted, removed }: SettledLeftovers): string[] {
  return [
    ...adopted.map((name) => `adopted ${name}, which a run before had made and not recorded`),
    ...removed.map((name) => `removed ${name}, which a run before had asked for and which never became ready`),
  ];
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? '-' : formatSize(bytes);
}

function lines(texts: readonly string[]): string {
  return texts.join('\n');
}
