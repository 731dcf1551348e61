import { formatDuration } from '../../../lib/contract/values/duration';
import { formatSize } from '../../../lib/contract/values/size';
import type { Gate, GatedBlock, GateInput, GateName } from './gate-input';
import { blockVersionGate } from './gates-versions';
import { retentionOf } from '../configuration/retention';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MOST_LISTED = 5;

/** All that stands against a restore; empty when nothing does. */
export function findGates(input: GateInput): Gate[] {
  const messages: readonly (readonly [GateName, string | undefined])[] = [
    ['damaged', damagedGate(input)],
    ['retention', retentionGate(input)],
    ['block-version', blockVersionGate(input)],
    ['replication-factor', replicationFactorGate(input)],
    ['wal-timeout', walTimeoutGate(input)],
    ['free-space', freeSpaceGate(input)],
    ['owner', ownerGate(input)],
  ];
  return messages.flatMap(([name, finding]) =>
    finding === undefined
      ? []
      : [{ name, lift: name, finding, message: `${finding}, or restore all the same with '--allow ${name}'` }],
  );
}

function damagedGate({ damage }: GateInput): string | undefined {
  if (damage.length === 0) return undefined;
  return `the recovery point isn't whole: ${list(damage)}; choose an earlier one that 'list' shows as sound`;
}

function retentionGate({ now, blocks, target }: GateInput): string | undefined {
  const doomed = blocks.filter((block) => isPastRetention(block, { now, target }));
  const [first] = doomed;
  if (!first) return undefined;
  const ends = doomed.map(({ end }) => end.getTime());
  const oldest = earliest(ends);
  const tenants = unique(doomed.map(({ tenant }) => tenant));
  const kept = tenants.map((tenant) => `${formatDuration(retentionOf(target.retention, tenant))} for '${tenant}'`);
  const longEnough = formatDuration(Math.ceil((now.getTime() - oldest) / DAY_MS + 1) * DAY_MS);
  return (
    `Tempo's retention would delete ${doomed.length} of ${count(blocks.length, 'block')} again, with data from ${instant(oldest)} ` +
    `to ${instant(ends.reduce((a, b) => Math.max(a, b)))}: block_retention is ${list(kept)} (${target.retention.origin}); ` +
    `set 'compaction_disabled: true' for ${tenants.length === 1 ? 'this tenant' : 'these tenants'} or a block_retention of ${longEnough} before Tempo starts`
  );
}

/** Whether Tempo deletes, or has deleted, what is that old. */
export function isPastRetention(
  { tenant, end }: Pick<GatedBlock, 'tenant' | 'end'>,
  { now, target }: Pick<GateInput, 'now' | 'target'>,
): boolean {
  return now.getTime() - end.getTime() > retentionOf(target.retention, tenant);
}

function replicationFactorGate({ blocks, sourceVersion, target }: GateInput): string | undefined {
  // In a 2.x of its own, a block with factor 1 is the metrics-generator's, and Tempo uses it as it did before.
  if (!target.version?.startsWith('2.') || sourceVersion?.startsWith('2.')) return undefined;
  const { rf1After } = target;
  const invisible = blocks.filter(
    ({ replicationFactor, start }) => replicationFactor === 1 && !(rf1After && start > rf1After),
  );
  if (invisible.length === 0) return undefined;
  const oldest = earliest(invisible.map(({ start }) => start.getTime()));
  const set = rf1After ? `is ${instant(rf1After.getTime())}` : "isn't set";
  return (
    `Tempo ${target.version} wouldn't show ${invisible.length} of ${count(blocks.length, 'block')}: their replication factor is 1, as Tempo 3.0 writes them, ` +
    `and query_frontend.rf1_after ${set}; set it to a time before ${instant(oldest)}`
  );
}

function walTimeoutGate({ now, walBlocks, target }: GateInput): string | undefined {
  if (!target.version?.startsWith('3.')) return undefined;
  const old = walBlocks.filter(({ end }) => now.getTime() - end.getTime() > target.completeBlockTimeout);
  if (old.length === 0) return undefined;
  const age = now.getTime() - earliest(old.map(({ end }) => end.getTime()));
  const raised = formatDuration(Math.ceil(age / HOUR_MS + 1) * HOUR_MS);
  return (
    `Tempo ${target.version} would drop ${old.length} of ${count(walBlocks.length, 'WAL block')} when it starts: the oldest ended ` +
    `${formatDuration(Math.round(age / 1000) * 1000)} ago, live_store.complete_block_timeout is ${formatDuration(target.completeBlockTimeout)}; ` +
    `set that to ${raised} for the one start after the restore, restore blocks alone with '--scope data'`
  );
}

function freeSpaceGate({ neededBytes, target }: GateInput): string | undefined {
  if (neededBytes <= target.freeBytes) return undefined;
  return (
    `'${target.path}' has too little free space: ${formatSize(neededBytes)} needed, ${formatSize(target.freeBytes)} free; ` +
    `make room, enlarge the volume, restore less with --tenant, --from or --to`
  );
}

function ownerGate({ target: { owner, user, path } }: GateInput): string | undefined {
  if (!owner || user.uid === 0 || user.uid === owner.uid) return undefined;
  return (
    `Tempo couldn't read or would drop what is restored: files in '${path}' belong to user ${owner.uid}, this is user ${user.uid} and can't give them away; ` +
    `run as user ${owner.uid} or as root, set 'tempo.owner' if Tempo runs as user ${user.uid}`
  );
}

function earliest(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b), Infinity);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function list(texts: readonly string[]): string {
  const more = texts.length - MOST_LISTED;
  return texts.slice(0, MOST_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function instant(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
