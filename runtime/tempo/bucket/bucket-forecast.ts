import type { Damage } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import type { Bucket } from '../../storage/bucket';
import { forEachConcurrently } from '../../streams/concurrency';
import type { PlannedFolder } from '../target/target-folder';
import { BucketBlock } from './bucket-block';
import { listBlocks, type ListedFiles } from './bucket-scan';

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
const BLOCKS_AT_ONCE = 8;
const TENANTS_AT_ONCE = 8;

/** What is to be done, by what lies in the bucket. */
export interface BucketForecast {
  readonly missing: readonly PlannedFolder[];
  /** Already there, live or compacted. */
  readonly present: readonly PlannedFolder[];
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
  const failed: Damage[] = [];
  const sort = async (folder: PlannedFolder): Promise<void> => {
    const files = listed.get(folder.tenant)?.get(folder.id);
    if (!files?.has(META) && !files?.has(COMPACTED)) missing.push(folder);
    else if (files.has(COMPACTED) || hasSizesOf(folder, files)) present.push(folder);
    else {
      const defect = await defectOf(bucket, folder, files);
      if (defect === undefined) present.push(folder);
      else failed.push({ tenant: folder.tenant, block: folder.id, reason: defect });
    }
  };
  await forEachConcurrently(folders, BLOCKS_AT_ONCE, sort, signal);
  return { missing, present, failed };
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
      `and the files that are damaged, then restore it again`
    );
  }
}
