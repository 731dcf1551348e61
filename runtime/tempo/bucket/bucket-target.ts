import type { Damage } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import { bytesInMemory, type ByteSource, type Storage, type StoredObject } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';
import { digestOf, isOfWhole } from '../../streams/digest';
import { META_SIZE_LIMIT } from '../block/block-meta';
import { bytesOf, type PlannedFile, type PlannedFolder, restoredMeta } from '../target/target-folder';

const META = 'meta.json';
const BLOCKS_AT_ONCE = 8;

export interface BucketRestore {
  readonly folders: readonly PlannedFolder[];
  /** Where Tempo looks, below its prefix. */
  readonly target: Storage;
  /** The bytes of a file of the repository: verified while they are read, or copied by the server. */
  readonly open: (reference: PlannedFile['reference']) => Promise<ByteSource>;
  /** A whole small file of the repository, verified. */
  readonly read: (reference: PlannedFile['reference']) => Promise<Buffer>;
  /** The digest of what lies under a key of the target, as it is when read; of the same kind as the one given. */
  readonly digestAt: (object: PlannedFile['reference']) => Promise<string>;
  readonly signal: AbortSignal;
  readonly onRestored: (folder: PlannedFolder) => void;
}

export interface RestoredBlocks {
  readonly restored: readonly PlannedFolder[];
  readonly failed: readonly Damage[];
  /** Of whole blocks: sent by this program, and copied by the server. */
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
    const done: SentAndCopied = { sent: 0, copied: 0 };
    try {
      await restoreBlock(restore, folder, done);
      restored.push(folder);
      bytes.sent += done.sent;
      bytes.copied += done.copied;
    } catch (error) {
      // One damaged block must not keep the others from coming back.
      if (!(error instanceof IntegrityError)) throw error;
      failed.push({ tenant: folder.tenant, block: folder.id, reason: error.message });
    }
    restore.onRestored(folder);
  };
  await forEachConcurrently(restore.folders, BLOCKS_AT_ONCE, bring, restore.signal);
  return { restored, failed, bytes };
}

interface SentAndCopied {
  sent: number;
  copied: number;
}

/** Of blocks that nobody has started on, what there is to write. */
export function bytesToWrite(folders: readonly PlannedFolder[]): number {
  return folders.reduce((sum, folder) => sum + bytesOf(folder), 0);
}

async function restoreBlock(restore: BucketRestore, folder: PlannedFolder, done: SentAndCopied): Promise<void> {
  if (typeof folder.meta === 'string') throw new IntegrityError('it has no meta.json');
  if (folder.meta.size > META_SIZE_LIMIT) throw new IntegrityError(`its meta.json has ${folder.meta.size} bytes`);
  // Read before anything is stored: what isn't a block's must leave nothing behind.
  const meta = restoredMeta(folder, await restore.read(folder.meta));
  const order = [...folder.files].sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1));
  for (const { name, reference } of order) {
    const object = { ...reference, key: `${folder.target}/${name}`, open: () => restore.open(reference) };
    // What an interrupted run stored, and what Tempo itself left of the block, is never sent or copied again.
    const found = await restore.target.head(object.key);
    if (found) await checkSame(restore, object, found);
    else await store(restore, object, done);
  }
  const open = (): Promise<ByteSource> => Promise.resolve(bytesInMemory(meta));
  const object = { key: `${folder.target}/${META}`, size: meta.length, sha256: digestOf(meta), open };
  await store(restore, object, done);
}

/** An object on its way: its key at the target, and what it must be there. */
interface Arriving {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly open: () => Promise<ByteSource>;
}

async function store(restore: BucketRestore, object: Arriving, done: SentAndCopied): Promise<void> {
  const { target } = restore;
  const { copied = false, created, size, sha256 } = await target.put(object.key, await object.open());
  // Somebody stored it at this moment.
  if (!created) return checkSame(restore, object, await target.head(object.key));
  // Nobody has read what a server copied: that its checksum was right when it was sent says nothing about the bytes that it has now.
  if (copied && isComparable(sha256, object) && sha256 !== object.sha256) throw damagedCopy(target, object.key);
  done[copied ? 'copied' : 'sent'] += size;
}

async function checkSame(restore: BucketRestore, object: Arriving, found: StoredObject | undefined): Promise<void> {
  if (found?.size !== object.size || !(await isSame(restore, object, found))) throw taken(restore.target, object.key);
}

/** Objects that Tempo wrote have no digest, so they are read; a server's copies may have one of another kind, but say what they are copies of. */
async function isSame({ digestAt }: BucketRestore, object: Arriving, found: StoredObject): Promise<boolean> {
  if (found.sha256 !== undefined && isComparable(found.sha256, object)) return found.sha256 === object.sha256;
  if (found.copiedFrom !== undefined && (await object.open()).remote?.etag === found.copiedFrom) return true;
  return (await digestAt(object)) === object.sha256;
}

function isComparable(digest: string, { size, sha256 }: Arriving): boolean {
  return isOfWhole(digest, size) === isOfWhole(sha256, size);
}

function damagedCopy({ url }: Storage, key: string): IntegrityError {
  return new IntegrityError(
    `its server's copy, '${key}' in '${url}', is damaged: its SHA-256 differs from what was backed up, so what lies in the repository is damaged; ` +
      `restore that from a replica or an object version and delete the copy, then restore it again`,
    { key },
  );
}

function taken({ url }: Storage, key: string): IntegrityError {
  return new IntegrityError(
    `'${key}' lies in '${url}' with other bytes; nothing is overwritten: delete that object, then restore it again`,
  );
}

function rankOf({ name }: PlannedFile): number {
  return name === 'data.parquet' ? 0 : name.startsWith('bloom-') ? 1 : 2;
}
