import type {
  BackupResult,
  CommandResults,
  ListedPoint,
  ListResult,
  PruneLocks,
  PruneResult,
  RestoreResult,
  ShownPoint,
  ShowResult,
  VerifyResult,
} from '../../lib/contract/results';
import { formatSize } from '../../lib/contract/values/size';
import { renderConfigDiff } from './render-config-diff';
import { renderReplica, renderReplicate, renderRewind } from './render-copies';
import { renderSnapshot } from './render-snapshot';
import { renderClusterRestore } from './render-cluster-restore';
import { age, type Column, counted, table } from './table';

type Renderers = { readonly [C in keyof CommandResults]: (result: CommandResults[C], now: Date) => string };

const RENDERERS: Renderers = {
  backup: renderBackup,
  list: renderList,
  show: renderShow,
  verify: renderVerify,
  restore: renderRestore,
  prune: renderPrune,
  rewind: renderRewind,
  replicate: renderReplicate,
  snapshot: renderSnapshot,
};

/** The result of a command as people read it. */
export function render<C extends keyof CommandResults>(command: C, result: CommandResults[C], now: Date): string {
  return RENDERERS[command](result, now);
}

function renderBackup(result: BackupResult): string {
  const { recoveryPoint: point, blocks, bytes, seconds, flush, verified, problems } = result;
  const newest = latest(point.tenants.map((tenant) => tenant.newest));
  const parts = [
    `recovery point ${point.id}`,
    `${counted(blocks.total, 'block')} in ${counted(point.tenants.length, 'tenant')}`,
    ...(point.wal.pages > 0 ? [`${counted(point.wal.pages, 'WAL page')}`] : []),
    `${formatSize(bytes.total)}, ${formatSize(bytes.sent)} sent`,
    ...(bytes.copied > 0 ? [`${formatSize(bytes.copied)} copied by the server`] : []),
    `${(seconds.total ?? 0).toFixed(1)} s`,
    ...(newest === undefined ? [] : [`blocks up to ${newest}`]),
    ...(verified ? [`verified at level ${verified.level}`] : []),
  ];
  const kept = blocks.damaged.filter(({ block }) => !point.suspectReasons.some((reason) => reason.includes(block)));
  const damaged = kept.map(({ tenant, block, reason }) => `damaged: ${tenant} ${block}: ${reason}`);
  return lines([
    parts.join(' · '),
    ...damaged,
    ...point.suspectReasons.map((reason) => `suspect: ${reason}`),
    ...problems.map(({ key, reason }) => `NOT GOOD ${key}: ${reason}`),
    ...(flush && !flush.reached ? [`not flushed: ${flush.reason ?? ''}`] : []),
  ]);
}

function renderList({ recoveryPoints }: ListResult, now: Date): string {
  if (recoveryPoints.length === 0) return 'no recovery points yet';
  const columns: Column<ListedPoint>[] = [
    { title: 'RECOVERY POINT', value: ({ id }) => id },
    { title: 'AGE', value: ({ createdAt }) => age(createdAt, now) },
    { title: 'RULE', value: ({ rule }) => rule ?? '-' },
    { title: 'KEPT FOR', value: keptFor },
    { title: 'BLOCKS', value: ({ blocks }) => blocks.toLocaleString('en-US'), align: 'right' },
    { title: 'SIZE', value: ({ bytes }) => formatSize(bytes), align: 'right' },
    {
      title: 'VERIFIED',
      value: (point) => verification(point, now) ?? '-',
    },
    { title: '', value: ({ suspect }) => (suspect ? 'SUSPECT' : '') },
  ];
  return table(columns, recoveryPoints);
}

function keptFor({ pinned, pinnedFor, deleteAfter }: ListedPoint): string {
  if (!pinned) return deleteAfter ?? 'ever';
  return pinnedFor === null ? 'pinned' : `pinned ${pinnedFor}`;
}

function renderShow({ recoveryPoint: point, configDiff }: ShowResult, now: Date): string {
  if (configDiff) return renderConfigDiff(configDiff);
  const facts: [string, string][] = [
    ['recovery point', point.id],
    [
      'made',
      `${point.createdAt}, ${age(point.createdAt, now)} ago, by ${point.rule === null ? 'hand' : `rule ${point.rule}`}, runner ${point.runner}`,
    ],
    [point.source.walPath === null ? 'blocks as of' : 'complete up to', point.cutAt],
    [
      'kept',
      point.pinned
        ? `for ${point.pinnedFor ?? 'ever'}: ${point.pinReason ?? ''}`
        : `for ${point.deleteAfter ?? 'ever'}`,
    ],
    ['verified', verification(point, now) ?? 'not yet'],
    ...(point.verificationFailed?.problems ?? []).map((problem): [string, string] => ['NOT GOOD', problem]),
    ['source', `${point.source.name}, Tempo ${point.source.tempoVersion ?? 'of unknown version'}`],
    ['write-ahead log', walText(point)],
    ...(point.flush ? [['flushed', flushText(point.flush)] as [string, string]] : []),
    ...point.config.map(({ name, bytes, encrypted }): [string, string] => [
      'configuration',
      `${name}, ${formatSize(bytes)}${encrypted ? ', encrypted' : ''}`,
    ]),
    ...point.suspectReasons.map((reason): [string, string] => ['SUSPECT', reason]),
    ...point.damaged.map(({ tenant, block, reason }): [string, string] => ['DAMAGED', `${tenant} ${block}: ${reason}`]),
  ];
  const tenants = table(
    [
      { title: 'TENANT', value: (row) => row.tenant },
      { title: 'BLOCKS', value: (row) => row.blocks.toLocaleString('en-US'), align: 'right' },
      { title: 'TRACES', value: (row) => row.objects.toLocaleString('en-US'), align: 'right' },
      { title: 'SIZE', value: (row) => formatSize(row.bytes), align: 'right' },
      { title: 'OLDEST', value: (row) => row.oldest ?? '-' },
      { title: 'NEWEST', value: (row) => row.newest ?? '-' },
    ],
    point.tenants,
  );
  return lines([...facts.map(([name, value]) => `${name.padEnd(16)}  ${value}`), '', tenants]);
}

function walText({ source, wal }: ShownPoint): string {
  if (source.walPath === null) return "not backed up ('tempo.storage.walPath' isn't set)";
  return `${counted(wal.blocks, 'block')}, ${counted(wal.pages, 'page')}, ${formatSize(wal.bytes)}`;
}

function flushText({ reached, waitedMs, reason }: NonNullable<ShownPoint['flush']>): string {
  return reached ? `before the cut, in ${(waitedMs / 1000).toFixed(1)} s` : `NO: ${reason ?? ''}`;
}

function verification({ verified, verificationFailed }: ListedPoint | ShownPoint, now: Date): string | undefined {
  if (verificationFailed) return `NOT GOOD, found ${age(verificationFailed.at, now)} ago`;
  return verified ? `${verified.level}, ${age(verified.at, now)} ago` : undefined;
}

function renderVerify(result: VerifyResult): string {
  const points = result.recoveryPoints.map((point) => `${point.id}  ${stateOf(point, result.level)}`);
  const rest = result.remainingBytes > 0 ? [`${formatSize(result.remainingBytes)} are left for the next run`] : [];
  const problems = result.problems.map(({ recoveryPoint, key, reason }) => `${recoveryPoint}  ${key}: ${reason}`);
  const total = `${counted(result.objects.checked, 'object')} checked · ${formatSize(result.bytes.read)} read · ${(result.seconds.total ?? 0).toFixed(1)} s`;
  return lines([...points, ...problems, ...rest, ...(result.replica ? renderReplica(result.replica) : []), total]);
}

function stateOf({ ok, suspect, complete, problems }: VerifyResult['recoveryPoints'][number], level: string): string {
  if (!ok) return `NOT GOOD: ${counted(problems, 'problem')}`;
  if (!complete) return 'good so far, not finished';
  return `verified at level ${level}${suspect ? '; but SUSPECT: what it lacks, no verification brings back, see show' : ''}`;
}

function renderRestore(result: RestoreResult): string {
  if (result.cluster) return lines(renderClusterRestore(result, result.cluster));
  const { blocks, wal, bytes } = result;
  const gates = result.gates.map(
    ({ name, message, allowed }) => `${allowed ? 'allowed' : 'REFUSED'} ${name}: ${message}`,
  );
  const what = `recovery point ${result.recoveryPoint} into ${result.target}`;
  const amount = `${counted(blocks.total, 'block')}, ${counted(wal.pages, 'WAL page')}, ${formatSize(bytes.total)}`;
  if (result.dryRun) {
    return lines([
      `would restore ${what}: ${amount}, ${there(blocks)}${room(result)}`,
      ...gates,
      ...blocks.failed.map(({ tenant, block, reason }) => `WOULD FAIL ${tenant} ${block}: ${reason}`),
      ...archivedLines(result.archived),
      ...result.movedAside.map((path) => `what is there would be moved to ${path}`),
      ...result.leftovers.map((path) => `another restore isn't finished: ${path}`),
    ]);
  }
  return lines([
    `restored ${what}: ${counted(blocks.restored, 'block')}, ${counted(wal.pages, 'WAL page')}, ${formatSize(bytes.written)} written, ${there(blocks)} · ${(result.seconds.total ?? 0).toFixed(1)} s`,
    ...gates,
    ...blocks.failed.map(({ tenant, block, reason }) => `FAILED ${tenant} ${block}: ${reason}`),
    ...result.movedAside.map((path) => `what was there is now in ${path}`),
    ...result.leftovers.map((path) => `another restore isn't finished: ${path}`),
  ]);
}

function there({ skipped, compacted }: RestoreResult['blocks']): string {
  return `${skipped} already there${compacted > 0 ? `, ${compacted} there marked as compacted` : ''}`;
}

function archivedLines({ objects, bytes, thawing, thawed }: RestoreResult['archived']): string[] {
  if (objects === 0) return [];
  return [
    `${counted(objects, 'object')} (${formatSize(bytes)}) in an archive class: ${thawed} thawed, ${thawing} thawing, ${objects - thawed - thawing} not requested`,
  ];
}

/** A bucket has neither an end nor owners. */
function room({ freeBytes, owner }: RestoreResult): string {
  return freeBytes === null || owner === null ? '' : ` · ${formatSize(freeBytes)} free, owner ${owner}`;
}

function renderPrune(result: PruneResult): string {
  const { points, objects, bytes, dryRun } = result;
  const would = dryRun ? 'would be ' : '';
  return lines([
    ...(result.refused ? [`REFUSED ${result.refused.name}: ${result.refused.message}`] : []),
    ...points.kept.map(({ id, reasons }) => `keep     ${id}  ${reasons.join(', ')}`),
    ...points.condemned.map((id) => `condemn  ${id}`),
    ...points.deleted.map((id) => `delete   ${id}`),
    ...(result.locks ? lockLines(result.locks, dryRun) : []),
    `${counted(points.condemned.length, 'point')} and ${counted(objects.condemned, 'object')} (${formatSize(bytes.condemned)}) ${would}condemned, ${counted(points.deleted.length, 'point')} and ${counted(objects.deleted, 'object')} (${formatSize(bytes.deleted)}) ${would}deleted`,
  ]);
}

function lockLines({ points, objects, bytes, held, until, extended }: PruneLocks, dryRun: boolean): string[] {
  const locked = `${counted(points.length, 'point')} and ${counted(objects, 'object')} (${formatSize(bytes)})`;
  const ends = [
    ...(until === null ? [] : [`the last until ${until}`]),
    ...(held === 0 ? [] : [`${held} until their legal hold is lifted`]),
  ];
  const left = ends.length === 0 ? [] : [`${locked} left, as they are locked, ${ends.join(', ')}`];
  const longer = `${counted(extended, 'lock')} ${dryRun ? 'would be ' : ''}made longer, of what newer points need`;
  return [
    ...points.map((point) => `locked   ${point.id}  until ${point.until ?? 'its legal hold is lifted'}`),
    ...left,
    ...(extended > 0 ? [longer] : []),
  ];
}

function latest(times: readonly (string | null)[]): string | undefined {
  return times
    .filter((time) => time !== null)
    .sort()
    .at(-1);
}

function lines(texts: readonly string[]): string {
  return texts.join('\n');
}
