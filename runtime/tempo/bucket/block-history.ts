import { isBlockFile, isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import type { ObjectVersion, VersionedBucket } from '../../storage/bucket';

export const META = 'meta.json';
export const COMPACTED = 'meta.compacted.json';
/** Rewritten at each poll of a Tempo that runs. */
const TENANT_INDEXES = ['index.json.gz', 'index.pb.zst'];

/** What lay under a key at the moment, and what lies there now; undefined: nothing. */
export interface KeyHistory {
  readonly key: string;
  then: ObjectVersion | undefined;
  now: ObjectVersion | undefined;
  /** The oldest that is known of the key, a delete marker included. */
  oldest: ObjectVersion;
}

export interface BlockHistory {
  readonly tenant: string;
  readonly id: string;
  /** By the name of the file. */
  readonly files: Map<string, KeyHistory>;
}

export interface BucketHistory {
  readonly blocks: readonly BlockHistory[];
  /** Since when versions are kept, at the latest; undefined when there is none. */
  readonly keptSince: Date | undefined;
  /** When something was last stored without a version though versions were kept before; undefined when it never was. */
  readonly suspendedUntil: Date | undefined;
  /** When a Tempo last wrote its index of a tenant. */
  readonly polledAt: Date | undefined;
}

/** Reads through all versions once, and keeps of each block's files what counts at the two moments. */
export async function readHistory(
  bucket: VersionedBucket,
  tenants: readonly string[],
  { to, signal }: { readonly to: Date; readonly signal: AbortSignal },
): Promise<BucketHistory> {
  const reader = new HistoryReader(to);
  for (const prefix of tenants.length === 0 ? [''] : tenants.map((tenant) => `${tenant}/`)) {
    for await (const version of bucket.versions(prefix)) {
      signal.throwIfAborted();
      reader.take(version);
    }
  }
  return reader.history();
}

class HistoryReader {
  private readonly blocks = new Map<string, BlockHistory>();
  private keptSince: Date | undefined;
  private withoutVersion: Date | undefined;
  private polledAt: Date | undefined;

  constructor(private readonly to: Date) {}

  take(version: ObjectVersion): void {
    const { id, key, modifiedAt } = version;
    if (id === 'null') this.withoutVersion = later(this.withoutVersion, modifiedAt);
    else if (!this.keptSince || modifiedAt < this.keptSince) this.keptSince = modifiedAt;
    const [tenant = '', block = '', name = '', deeper] = key.split('/');
    if (TENANT_INDEXES.includes(block) && version.isLatest) this.polledAt = later(this.polledAt, modifiedAt);
    if (deeper !== undefined || !isTenant(tenant) || !isBlockId(block)) return;
    if (isBlockFile(name) || name === COMPACTED) this.add({ tenant, id: block, name }, version);
  }

  history(): BucketHistory {
    const { blocks, keptSince, polledAt, withoutVersion } = this;
    const isSuspension = withoutVersion !== undefined && keptSince !== undefined && withoutVersion > keptSince;
    return {
      blocks: [...blocks.values()],
      keptSince,
      polledAt,
      suspendedUntil: isSuspension ? withoutVersion : undefined,
    };
  }

  private add(at: { tenant: string; id: string; name: string }, version: ObjectVersion): void {
    const place = `${at.tenant}/${at.id}`;
    const block = this.blocks.get(place) ?? { tenant: at.tenant, id: at.id, files: new Map<string, KeyHistory>() };
    this.blocks.set(place, block);
    const known = block.files.get(at.name) ?? { key: version.key, then: undefined, now: undefined, oldest: version };
    block.files.set(at.name, known);
    if (version.isLatest) known.now = version;
    if (isOlder(version, known.oldest)) known.oldest = version;
    if (version.modifiedAt <= this.to && isAfter(version, known.then)) known.then = version;
  }
}

/**
 * Which of two came later. Some servers keep time in seconds, and versions are listed apart from delete markers: of one second, the latest is
 * known, and else an object counts as later than a marker, as a block too many does no harm.
 */
function isAfter(version: ObjectVersion, other: ObjectVersion | undefined): boolean {
  if (!other) return true;
  if (version.modifiedAt.getTime() !== other.modifiedAt.getTime()) return version.modifiedAt > other.modifiedAt;
  if (version.isLatest !== other.isLatest) return version.isLatest;
  return version.content !== undefined && other.content === undefined;
}

/** Of one time the version: what has a marker beside it was there before that. */
function isOlder(version: ObjectVersion, other: ObjectVersion): boolean {
  if (version.modifiedAt.getTime() !== other.modifiedAt.getTime()) return version.modifiedAt < other.modifiedAt;
  return version.content !== undefined || other.content === undefined;
}

function later(one: Date | undefined, other: Date): Date {
  return one && one > other ? one : other;
}

/** Whether Tempo saw the block: it has a meta.json, and none that marks it as compacted. */
export function isLive({ files }: BlockHistory, when: 'then' | 'now'): boolean {
  return files.get(META)?.[when]?.content !== undefined && files.get(COMPACTED)?.[when]?.content === undefined;
}
