import { createHash } from 'node:crypto';
import type { Damage } from '../../../lib/contract/manifest';
import { isBlockFile, isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import type { Bucket, BucketObject } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import type { ScannedTenant, ScannedTree } from '../source/block-tree';
import { TENANT_INDEX } from './tenant-index';

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
const TENANTS_AT_ONCE = 8;
/** A tenant with more is listed in several ranges at once: pages of one listing can only be asked for one after the other. */
const OBJECTS_IN_A_ROW = 20_000;
const RANGES = [...'0123456789abcdef'];
/** Says `all of them` where a report names a block. */
const ALL = '*';

/** The files of a block by name, as a listing shows them. */
export type ListedFiles = ReadonlyMap<string, BucketObject>;

/** What a scan of a bucket found. */
export interface ScannedBucket extends ScannedTree {
  /** `<tenant>/<block ID>` to the files of live blocks. */
  readonly files: ReadonlyMap<string, ListedFiles>;
  /** Tempo's own index of each tenant that was listed. */
  readonly indexes: ReadonlyMap<string, BucketObject>;
}

export interface BucketScanOptions {
  readonly signal: AbortSignal;
  /** What is known of a tenant with just these blocks, so that it needs no closer look. */
  readonly known: (tenant: string, ids: ReadonlySet<string>) => ScannedTenant | undefined;
  /** A tenant with more objects is listed in several ranges at once. @default 20,000 */
  readonly splitAbove?: number;
}

/**
 * Looks through `<tenant>/<block ID>/` by listing: Tempo's own index of a tenant is minutes old, and may never be written again. What has
 * neither meta is being written or deleted, or was left by a flush that failed: no block. With both metas it is being marked as compacted, and
 * Tempo counts it as that: its successor is there already, and another scan shows it.
 */
export async function scanBucket(
  bucket: Bucket,
  { signal, known, splitAbove = OBJECTS_IN_A_ROW }: BucketScanOptions,
): Promise<ScannedBucket> {
  const tenants = new Map<string, ScannedTenant>();
  const damaged: Damage[] = [];
  const files = new Map<string, ListedFiles>();
  const indexes = new Map<string, BucketObject>();
  const scanTenant = async (tenant: string): Promise<void> => {
    const same = isTenant(tenant) ? known(tenant, await blockIds(bucket, tenant, signal)) : undefined;
    if (same) {
      tenants.set(tenant, same);
      return;
    }
    const { blocks, index } = await listTenant(bucket, `${tenant}/`, { signal, splitAbove });
    if (blocks.size === 0) return;
    if (index) indexes.set(tenant, index);
    if (!isTenant(tenant)) {
      damaged.push({ tenant, block: ALL, reason: 'has blocks, but its name is no tenant ID that Tempo accepts' });
      return;
    }
    const found: ScannedTenant = { live: new Map(), compacted: new Set() };
    for (const [id, listed] of blocks) {
      if (listed.has(COMPACTED)) found.compacted.add(id);
      else if (listed.has(META)) {
        found.live.set(id, stateOf(listed));
        files.set(`${tenant}/${id}`, listed);
      }
    }
    tenants.set(tenant, found);
  };
  await forEachConcurrently(bucket.folders(''), TENANTS_AT_ONCE, scanTenant, signal);
  return { tenants, damaged, files, indexes };
}

/** Whatever has files. A fourth of a listing of them all, or less: servers list names of folders without looking into these. */
async function blockIds(bucket: Bucket, tenant: string, signal: AbortSignal): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const name of bucket.folders(`${tenant}/`)) {
    signal.throwIfAborted();
    if (isBlockId(name)) ids.add(name);
  }
  return ids;
}

/** The files of one block, as they are now. */
export async function listBlock(bucket: Bucket, tenant: string, id: string, signal: AbortSignal): Promise<ListedFiles> {
  return (await listBlocks(bucket, `${tenant}/${id}/`, signal)).get(id) ?? new Map<string, BucketObject>();
}

/** Changes whenever one of the block's files does: ETags, sizes and times of all of them. */
export function stateOf(files: ListedFiles): string {
  const lines = Array.from(files, ([name, { etag, size, modifiedAt }]) => `${name} ${etag} ${size} ${+modifiedAt}\n`);
  return createHash('sha256').update(lines.sort().join('')).digest('hex').slice(0, 32);
}

type Blocks = Map<string, Map<string, BucketObject>>;

interface Listed {
  readonly blocks: Blocks;
  index?: BucketObject;
}

/** The blocks below a tenant's prefix, or the one below its own, by ID. */
export async function listBlocks(bucket: Bucket, prefix: string, signal: AbortSignal): Promise<Blocks> {
  const listed: Listed = { blocks: new Map() };
  await listInto(listed, bucket.list(prefix), { signal, atMost: Infinity });
  return listed.blocks;
}

async function listTenant(
  bucket: Bucket,
  prefix: string,
  { signal, splitAbove }: { readonly signal: AbortSignal; readonly splitAbove: number },
): Promise<Listed> {
  const listed: Listed = { blocks: new Map() };
  const last = await listInto(listed, bucket.list(prefix), { signal, atMost: splitAbove });
  if (last === undefined) return listed;
  const rest = [...RANGES, TENANT_INDEX].filter((start) => start >= last.slice(prefix.length, prefix.length + 1));
  // The range in which the listing stopped is listed anew: what was seen of it may be gone by now.
  for (const id of listed.blocks.keys()) if (rest.includes(id.slice(0, 1))) listed.blocks.delete(id);
  const listRange = async (start: string): Promise<void> =>
    void (await listInto(listed, bucket.list(`${prefix}${start}`), { signal, atMost: Infinity }));
  await forEachConcurrently(rest, rest.length, listRange, signal);
  return listed;
}

/** The key where it stopped; undefined at the end of the listing. */
async function listInto(
  into: Listed,
  listing: AsyncIterable<BucketObject>,
  { signal, atMost }: { readonly signal: AbortSignal; readonly atMost: number },
): Promise<string | undefined> {
  let listed = 0;
  for await (const object of listing) {
    signal.throwIfAborted();
    take(into, object);
    if (++listed >= atMost) return object.key;
  }
  return undefined;
}

function take(into: Listed, object: BucketObject): void {
  const [, id, name, deeper] = object.key.split('/');
  if (id === TENANT_INDEX && name === undefined) into.index = object;
  if (id === undefined || name === undefined || deeper !== undefined || !isBlockId(id)) return;
  if (!isBlockFile(name) && name !== COMPACTED) return;
  const files = into.blocks.get(id) ?? new Map<string, BucketObject>();
  into.blocks.set(id, files.set(name, object));
}
