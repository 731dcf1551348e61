import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { Manifest } from '../../../lib/contract/manifest';
import type { Requests } from '../../../lib/contract/receipt';
import type { RestoreResult } from '../../../lib/contract/results';
import { resolvePoint } from '../../repository/verification/latest-verified';
import { Stopwatch } from '../../stopwatch';
import { sumOfRequests } from '../backup/backup-source';
import type { CommandContext, Outcome } from '../context';
import { exitCodeOf, refuse, select } from './restore-guards';
import type { Selection } from './restore-selection';

type RestoreOne = (options: RestoreOptions) => Promise<Outcome<RestoreResult>>;

/** Whether Tempo itself has a place for both: its bucket, and a folder for the write-ahead log that is mounted here. */
export function hasBothPlaces({ config }: CommandContext, { target, scope, replace }: RestoreOptions): boolean {
  const { storage } = config.tempo;
  return (
    storage.backend === 's3' && storage.walPath !== undefined && target === undefined && scope === 'all' && !replace
  );
}

/** Blocks into Tempo's bucket, and into its folder what the point has in the write-ahead log alone. */
export async function restoreBucketAndWal(
  context: CommandContext,
  options: RestoreOptions,
  restoreOne: RestoreOne,
): Promise<Outcome<RestoreResult>> {
  const watch = new Stopwatch();
  const manifest = await resolvePoint(context.repository, options.recoveryPoint, (message) =>
    context.log.warn(message),
  );
  const chosen = { ...options, recoveryPoint: manifest.id };
  const selection = await select(context, manifest, chosen);
  const blocks = { ...chosen, scope: 'data' as const };
  if (!hasWalOfItsOwn(selection)) return restoreOne(blocks);
  const wal = { ...chosen, scope: 'wal' as const };
  if (selection.blocks.length === 0 && selection.damaged.length === 0) return restoreOne(wal);
  if (!options.dryRun) await refuseBeforehand(manifest, wal, restoreOne);
  const inBucket = await restoreOne(blocks);
  const made = { ...context.repository.storage.requests };
  const onDisk = await restoreOne(wal);
  // What both halves asked of the repository is in the second one's, too.
  const requests = sumOfRequests(inBucket.result.requests, difference(onDisk.result.requests, made));
  const result = { ...both(inBucket.result, onDisk.result), requests, seconds: watch.seconds() };
  return { result, exitCode: exitCodeOf(result) };
}

function hasWalOfItsOwn({ blocks, wal }: Selection): boolean {
  const known = new Set(blocks.map(({ block }) => block.id));
  return wal.some(({ block }) => !known.has(block.id));
}

/** What speaks against the second half must be known before the first one changes anything. */
async function refuseBeforehand(manifest: Manifest, wal: RestoreOptions, restoreOne: RestoreOne): Promise<void> {
  const { result } = await restoreOne({ ...wal, dryRun: true });
  refuse(
    manifest,
    result.gates.filter(({ allowed }) => !allowed),
  );
}

function both(inBucket: RestoreResult, onDisk: RestoreResult): RestoreResult {
  const names = new Set(inBucket.gates.map(({ name }) => name));
  return {
    ...inBucket,
    blocks: { ...inBucket.blocks, failed: [...inBucket.blocks.failed, ...onDisk.blocks.failed] },
    wal: onDisk.wal,
    bytes: sumOf(['total', 'written', 'read'], inBucket.bytes, onDisk.bytes),
    movedAside: onDisk.movedAside,
    leftovers: onDisk.leftovers,
    freeBytes: onDisk.freeBytes,
    owner: onDisk.owner,
    archived: sumOf(['objects', 'bytes', 'thawing', 'thawed'], inBucket.archived, onDisk.archived),
    gates: [...inBucket.gates, ...onDisk.gates.filter(({ name }) => !names.has(name))],
  };
}

function sumOf<Key extends string>(
  keys: readonly Key[],
  one: Readonly<Record<Key, number>>,
  other: Readonly<Record<Key, number>>,
): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, one[key] + other[key]])) as Record<Key, number>;
}

function difference(all: Requests, made: Requests): Record<string, number> {
  return Object.fromEntries(Object.entries(all).map(([kind, count]) => [kind, count - (made[kind] ?? 0)]));
}
