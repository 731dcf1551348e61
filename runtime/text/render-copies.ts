import type { ReplicaHealth } from '../../lib/contract/replica-health';
import type { ReplicateResult, RewindResult } from '../../lib/contract/results';
import { formatDuration } from '../../lib/contract/values/duration';
import { formatSize } from '../../lib/contract/values/size';
import { counted } from './table';

/** The result of a rewind, for people. */
export function renderRewind(result: RewindResult): string {
  const { archived, comeBack, waiting, vanish, kept, lost, dryRun, objects, bytes, unchanged } = result;
  const size = comeBack.reduce((sum, block) => sum + block.bytes, 0);
  const total = dryRun
    ? `would rewind ${result.bucket} to ${result.to}: ${counted(comeBack.length, 'block')} would come back (${formatSize(size)}), ${vanish.length} would vanish, ${unchanged} stay`
    : `rewound ${result.bucket} to ${result.to}: ${counted(comeBack.length, 'block')} came back, ${vanish.length} vanished, ${unchanged} stay · ${counted(objects.copied, 'object')} (${formatSize(bytes.copied)}) copied by the server, ${objects.hidden} hidden, no version deleted · ${(result.seconds.total ?? 0).toFixed(1)} s`;
  return [
    ...comeBack.map(
      ({ tenant, id, objects: traces, start, end }) =>
        `+ ${tenant} ${id}  ${counted(traces, 'trace')}, ${start} to ${end}`,
    ),
    ...waiting.map(({ tenant, id }) => `+ ${tenant} ${id}  its meta.json must be thawed first`),
    ...vanish.map(({ tenant, id }) => `- ${tenant} ${id}`),
    ...kept.map(({ tenant, id }) => `KEPT ${tenant} ${id}: may hold traces of what can't come back`),
    ...lost.map(({ tenant, block, reason }) => `LOST ${tenant} ${block}: ${reason}`),
    ...renderArchived(archived),
    ...result.gates.map(({ name, message, allowed }) => `${allowed ? 'allowed' : 'REFUSED'} ${name}: ${message}`),
    total,
  ].join('\n');
}

function renderArchived({ objects, bytes, thawing, thawed, versions }: RewindResult['archived']): string[] {
  if (objects === 0) return [];
  return [
    ...versions.map(
      ({ key, versionId, archiveClass, state }) => `${state} ${key} version ${versionId} in ${archiveClass}`,
    ),
    `${counted(objects, 'version')} (${formatSize(bytes)}) in an archive class: ${thawed} thawed, ${thawing} thawing`,
  ];
}

/** The result of a replication, for people. */
export function renderReplicate({ to, dryRun, isNew, points, objects, bytes, seconds }: ReplicateResult): string {
  const verb = dryRun ? 'would copy' : 'copied';
  return [
    ...points.copied.map((id) => `+ ${id}`),
    ...points.failed.map(({ id, reason }) => `FAILED ${id}: ${reason}`),
    ...(dryRun && isNew ? [`there is no repository at ${to} yet: the first run makes it, if it can write there`] : []),
    `${verb} ${counted(points.copied.length, 'recovery point')} to ${to}, ${points.present} were there · ${counted(objects.sent, 'object')} (${formatSize(bytes.sent)}) ${dryRun ? 'to send' : 'sent'}, ${objects.present} there already · ${(seconds.total ?? 0).toFixed(1)} s`,
  ].join('\n');
}

/** How a replica is, for people: in lines. */
export function renderReplica(replica: ReplicaHealth): string[] {
  const { url, points, missing, newestHere, newestThere, behindSeconds } = replica;
  const open = points.missing.length + points.incomplete.length;
  const newest =
    newestThere === null
      ? `nothing is whole there${newestHere === null ? ', as there is nothing here' : ''}`
      : newestThere === newestHere
        ? `the newest recovery point is whole there`
        : `newest whole ${newestThere}, ${spanOf(behindSeconds ?? 0)} behind ${newestHere ?? ''}`;
  const isLate = replica.waitingSeconds > replica.maxWaitingSeconds;
  const waiting = `waiting for ${spanOf(replica.waitingSeconds)}, ${isLate ? 'MORE THAN' : 'at most'} ${spanOf(replica.maxWaitingSeconds)}`;
  const rest = missing.objects - missing.keys.length;
  return [
    ...points.missing.map((id) => `replica  ${id}  not there`),
    ...points.incomplete.map(({ id, objects }) => `replica  ${id}  lacks ${counted(objects, 'object')}`),
    ...missing.keys.map((key) => `replica  missing ${key}`),
    ...(rest > 0 ? [`replica  and ${counted(rest, 'object')} more`] : []),
    `replica ${url}: ${newest} · ${counted(points.whole, 'point')} whole, ${open} not${open > 0 ? `, ${waiting} · ${counted(missing.objects, 'object')} (${formatSize(missing.bytes)}) missing` : ''}`,
  ];
}

function spanOf(seconds: number): string {
  return seconds === 0 ? '0s' : formatDuration(seconds * 1000);
}
