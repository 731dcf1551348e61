import type { Damage } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import type { Bucket } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import { type BlockExtent, extentIn } from '../block/block-extent';
import { META_SIZE_LIMIT } from '../block/block-meta';
import type { PlannedFolder } from '../target/target-folder';
import { BucketBlock } from './bucket-block';
import { listBlocks, type ListedFiles } from './bucket-scan';

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
const BLOCKS_AT_ONCE = 8;
const TENANTS_AT_ONCE = 8;
const METAS_AT_ONCE = 32;

/** What is to be done, by what lies in the bucket. */
export interface BucketForecast {
  readonly missing: readonly PlannedFolder[];
  /** Already there, and live. */
  readonly present: readonly PlannedFolder[];
  /** There, but marked as compacted. */
  readonly compacted: readonly PlannedFolder[];
  /** Other live blocks there, of each tenant that has compacted ones. */
  readonly beside: ReadonlyMap<string, readonly BlockExtent[]>;
  /** Damaged where they go, which a restore can't mend there. */
  readonly failed: readonly Damage[];
}

/** Compares the blocks with what lies where they go; looks closer at those alone whose files have other sizes. */
export async function forecastBucket(
  bucket: Bucket,
  folders: readonly PlannedFolder[],
  signal: AbortSignal,
): Promise<BucketForecast> {
  const listed = new Map<string, ReadonlyMap<string, ListedFiles>>();
  const list = async (tenant: string): Promise<void> =>
    void listed.set(tenant, await listBlocks(bucket, `${tenant}/`, signal));
  await forEachConcurrently(new Set(folders.map(({ tenant }) => tenant)), TENANTS_AT_ONCE, list, signal);
  const missing: PlannedFolder[] = [];
  const present: PlannedFolder[] = [];
  const compacted: PlannedFolder[] = [];
  const failed: Damage[] = [];
  const sort = async (folder: PlannedFolder): Promise<void> => {
    const files = listed.get(folder.tenant)?.get(folder.id);
    if (!files?.has(META) && !files?.has(COMPACTED)) missing.push(folder);
    else if (files.has(COMPACTED)) compacted.push(folder);
    else if (hasSizesOf(folder, files)) present.push(folder);
    else {
      const defect = await defectOf(bucket, folder, files);
      if (defect === undefined) present.push(folder);
      else failed.push({ tenant: folder.tenant, block: folder.id, reason: defect });
    }
  };
  await forEachConcurrently(folders, BLOCKS_AT_ONCE, sort, signal);
  const beside = new Map<string, BlockExtent[]>();
  for (const tenant of new Set(compacted.map((folder) => folder.tenant))) {
    const own = new Set(folders.filter((folder) => folder.tenant === tenant).map(({ id }) => id));
    const others = [...(listed.get(tenant) ?? [])].filter(([id]) => !own.has(id));
    beside.set(tenant, await extentsOf(bucket, others, signal));
  }
  return { missing, present, compacted, beside, failed };
}

async function extentsOf(
  bucket: Bucket,
  blocks: readonly (readonly [string, ListedFiles])[],
  signal: AbortSignal,
): Promise<BlockExtent[]> {
  const extents: BlockExtent[] = [];
  const read = async ([, files]: readonly [string, ListedFiles]): Promise<void> => {
    const meta = files.has(COMPACTED) ? undefined : files.get(META);
    if (!meta || meta.size > META_SIZE_LIMIT) return;
    const extent = extentIn((await bucket.get(meta.key, META_SIZE_LIMIT))?.bytes ?? Buffer.alloc(0));
    if (extent) extents.push(extent);
  };
  await forEachConcurrently(blocks, METAS_AT_ONCE, read, signal);
  return extents;
}

function hasSizesOf({ files }: PlannedFolder, listed: ListedFiles): boolean {
  return files.every(({ name, reference }) => listed.get(name)?.size === reference.size);
}

/** A block that Tempo wrote again has other sizes, and is whole. */
async function defectOf(
  bucket: Bucket,
  { tenant, id }: PlannedFolder,
  files: ListedFiles,
): Promise<string | undefined> {
  try {
    await BucketBlock.open(bucket, { tenant, id, listedAt: performance.now() }, files);
    return undefined;
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return (
      `it lies in '${bucket.url}' and ${error.message}; delete its '${tenant}/${id}/${META}' there, which hides it from Tempo, ` +
      `and the files that are damaged, then restore it again; or, where the bucket keeps versions, go back by 'rewind --to' a moment before`
    );
  }
}
