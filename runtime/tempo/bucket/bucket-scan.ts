import { createHash } from 'node:crypto';
import type { Damage } from '../../../lib/contract/manifest';
import { isBlockFile, isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import type { Bucket, BucketObject } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import type { ScannedTenant, ScannedTree } from '../source/block-tree';

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
const TENANTS_AT_ONCE = 8;
/** Says `all of them` where a report names a block. */
const ALL = '*';

/** The files of a block by name, as a listing shows them. */
export type ListedFiles = ReadonlyMap<string, BucketObject>;

/** What a scan of a bucket found. */
export interface ScannedBucket extends ScannedTree {
  /** `<tenant>/<block ID>` to the files of live blocks. */
  readonly files: ReadonlyMap<string, ListedFiles>;
}

/**
 * Looks through `<tenant>/<block ID>/` by listing: Tempo's own index of a tenant is minutes old, and may never be written again. What has
 * neither meta is being written or deleted, or was left by a flush that failed: no block. With both metas it is being marked as compacted, and
 * Tempo counts it as that: its successor is there already, and another scan shows it.
 */
export async function scanBucket(bucket: Bucket, signal: AbortSignal): Promise<ScannedBucket> {
  const tenants = new Map<string, ScannedTenant>();
  const damaged: Damage[] = [];
  const files = new Map<string, ListedFiles>();
  const scanTenant = async (tenant: string): Promise<void> => {
    const blocks = await listBlocks(bucket, `${tenant}/`, signal);
    if (blocks.size === 0) return;
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
  return { tenants, damaged, files };
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

/** The blocks below a tenant's prefix, or the one below its own, by ID. */
export async function listBlocks(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal,
): Promise<Map<string, Map<string, BucketObject>>> {
  const blocks = new Map<string, Map<string, BucketObject>>();
  for await (const object of bucket.list(prefix)) {
    signal.throwIfAborted();
    const [, id, name, deeper] = object.key.split('/');
    if (id === undefined || name === undefined || deeper !== undefined || !isBlockId(id)) continue;
    if (!isBlockFile(name) && name !== COMPACTED) continue;
    const files = blocks.get(id) ?? new Map<string, BucketObject>();
    blocks.set(id, files.set(name, object));
  }
  return blocks;
}
