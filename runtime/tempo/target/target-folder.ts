import type { ObjectReference } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import { type BlockMeta, parseBlockMeta } from '../block/block-meta';

/** A file of the repository on its way to a folder of Tempo's. */
export interface PlannedFile {
  readonly name: string;
  readonly reference: ObjectReference;
}

/** A block, or a WAL block, as one folder that appears at once: all but its meta.json. */
export interface PlannedFolder {
  /** The tenant that it is restored for. */
  readonly tenant: string;
  readonly id: string;
  /** Where it lies below the staging folder: `blocks/<tenant>/<id>` or `wal/<name>`. */
  readonly staged: string;
  /** Where it goes: an absolute path. */
  readonly target: string;
  readonly kind: 'block' | 'wal';
  readonly files: readonly PlannedFile[];
  /** meta.json in the repository, or its text. */
  readonly meta: ObjectReference | string;
  /** Set when meta.json must name this tenant and not the one that it was written for. */
  readonly intoTenant: string | undefined;
}

/** Tempo's own modes. */
export const FILE_MODES = { block: 0o644, wal: 0o600 } as const;

export function bytesOf(folder: PlannedFolder): number {
  const meta = typeof folder.meta === 'string' ? Buffer.byteLength(folder.meta) : folder.meta.size;
  return folder.files.reduce((sum, { reference }) => sum + reference.size, meta);
}

/** What of the repository it is made of. */
export function referencesOf({ files, meta }: PlannedFolder): ObjectReference[] {
  const references = files.map(({ reference }) => reference);
  return typeof meta === 'string' ? references : [...references, meta];
}

/**
 * The bytes of meta.json to write. A digest only says that they are what was stored: a block that isn't what its meta.json says would make
 * every query fail, so it isn't let through.
 */
export function restoredMeta(folder: PlannedFolder, bytes: Buffer): Buffer {
  const meta = parsed(folder, bytes);
  const defect = folder.kind === 'block' ? blockDefect(folder, meta) : undefined;
  if (meta.blockID !== folder.id) throw new IntegrityError(`its meta.json is of block '${meta.blockID}'`);
  if (defect !== undefined) throw new IntegrityError(defect);
  if (folder.intoTenant === undefined) return bytes;
  const value = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...value, tenantID: folder.intoTenant }));
}

function parsed(folder: PlannedFolder, bytes: Buffer): BlockMeta {
  try {
    return parseBlockMeta(bytes);
  } catch (cause) {
    throw new IntegrityError(
      `its meta.json can't be read: ${cause instanceof Error ? cause.message : 'invalid'}`,
      { block: folder.id },
      { cause },
    );
  }
}

function blockDefect({ files }: PlannedFolder, meta: BlockMeta): string | undefined {
  const data = files.find(({ name }) => name === 'data.parquet');
  if (data?.reference.size !== meta.size)
    return `its data.parquet has ${data?.reference.size ?? 0} bytes, its meta.json says ${meta.size}`;
  const names = new Set(files.map(({ name }) => name));
  for (let shard = 0; shard < meta.bloomShards; shard++) {
    if (!names.has(`bloom-${shard}`))
      return `it has no bloom-${shard}, its meta.json says that there are ${meta.bloomShards}`;
  }
  return undefined;
}
