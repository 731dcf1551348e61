import type { Damage } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import type { Bucket } from '../../storage/bucket';
import type { ByteSource, Storage } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';
import { META_SIZE_LIMIT } from '../block/block-meta';
import { bytesOf, type PlannedFile, type PlannedFolder, restoredMeta } from '../target/target-folder';
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

export interface BucketRestore {
  readonly folders: readonly PlannedFolder[];
  /** Where Tempo looks, below its prefix. */
  readonly target: Storage;
  /** The bytes of a file of the repository: verified while they are read, or copied by the server. */
  readonly open: (file: PlannedFile) => Promise<ByteSource>;
  /** A whole small file of the repository, verified. */
  readonly read: (reference: PlannedFile['reference']) => Promise<Buffer>;
  readonly signal: AbortSignal;
  readonly onRestored: (folder: PlannedFolder) => void;
}

export interface RestoredBlocks {
  readonly restored: readonly PlannedFolder[];
  readonly failed: readonly Damage[];
  /** Sent by this program, and copied by the server. */
  readonly bytes: { readonly sent: number; readonly copied: number };
}

/**
 * Brings blocks into a bucket that a Tempo may be reading: data.parquet, the blooms and the index, then the meta.json that makes Tempo see the
 * block. Nothing is overwritten or deleted, and a run after one that was killed finds what that one stored.
 */
export async function restoreIntoBucket(restore: BucketRestore): Promise<RestoredBlocks> {
  const restored: PlannedFolder[] = [];
  const failed: Damage[] = [];
  const bytes = { sent: 0, copied: 0 };
  const bring = async (folder: PlannedFolder): Promise<void> => {
    const done = { sent: 0, copied: 0 };
    try {
      await restoreBlock(restore, folder, done);
      restored.push(folder);
    } catch (error) {
      // One damaged block must not keep the others from coming back.
      if (!(error instanceof IntegrityError)) throw error;
      failed.push({ tenant: folder.tenant, block: folder.id, reason: error.message });
    } finally {
      bytes.sent += done.sent;
      bytes.copied += done.copied;
    }
    restore.onRestored(folder);
  };
  await forEachConcurrently(restore.folders, BLOCKS_AT_ONCE, bring, restore.signal);
  return { restored, failed, bytes };
}

/** Of blocks that nobody has started on, what there is to write. */
export function bytesToWrite(folders: readonly PlannedFolder[]): number {
  return folders.reduce((sum, folder) => sum + bytesOf(folder), 0);
}

async function restoreBlock(
  { target, open, read }: BucketRestore,
  folder: PlannedFolder,
  done: { sent: number; copied: number },
): Promise<void> {
  if (typeof folder.meta === 'string') throw new IntegrityError('it has no meta.json');
  if (folder.meta.size > META_SIZE_LIMIT) throw new IntegrityError(`its meta.json has ${folder.meta.size} bytes`);
  // Read before anything is stored: what isn't a block's must leave nothing behind.
  const meta = restoredMeta(folder, await read(folder.meta));
  const order = [...folder.files].sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1));
  for (const file of order) {
    const key = `${folder.target}/${file.name}`;
    if (await holds(target, key, file)) continue;
    const { copied = false, created, size, sha256 } = await target.put(key, await open(file));
    if (!created && (await target.head(key))?.sha256 !== sha256) throw taken(target, key);
    if (created) done[copied ? 'copied' : 'sent'] += size;
  }
  const metaKey = `${folder.target}/${META}`;
  const { created, sha256, size } = await target.put(metaKey, inMemory(meta));
  if (!created && (await target.head(metaKey))?.sha256 !== sha256) throw taken(target, metaKey);
  if (created) done.sent += size;
}

/** What an interrupted run stored; a server's own copies show it when they are made again. */
async function holds(target: Storage, key: string, { reference }: PlannedFile): Promise<boolean> {
  const found = await target.head(key);
  return found?.size === reference.size && found.sha256 === reference.sha256;
}

function taken({ url }: Storage, key: string): IntegrityError {
  return new IntegrityError(
    `'${key}' lies in '${url}' with other bytes; nothing is overwritten: delete that object, then restore it again`,
  );
}

function rankOf({ name }: PlannedFile): number {
  return name === 'data.parquet' ? 0 : name.startsWith('bloom-') ? 1 : 2;
}

function inMemory(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, into) => Promise.resolve(void bytes.copy(into, 0, offset, offset + into.length)),
  };
}
