import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockMeta, parseBlockMeta } from '../block/block-meta';
import type { PlannedFolder } from './target-folder';
import { stateOf } from './target-tree';

/** `defect` says in a sentence's beginning which file is wrong and how. */
export type Found = 'absent' | 'whole' | 'compacted' | { readonly defect: string };

/** What Tempo renames the meta.json of a block to that it is done with: its other files may go at any moment. */
const RETIRED = { block: 'meta.compacted.json', wal: 'meta.deleted.json' } as const;

/** What lies where the folder goes, compared with what the recovery point says of it. An empty folder counts as absent: rename replaces it. */
export function foundAt(folder: PlannedFolder): Found {
  const { target, kind } = folder;
  const state = stateOf(target);
  if (!state) return 'absent';
  if (!state.isDirectory()) return { defect: `'${target}' is no folder` };
  if (stateOf(join(target, RETIRED[kind]))?.isFile()) return kind === 'block' ? 'compacted' : 'whole';
  if (readdirSync(target).length === 0) return 'absent';
  const defect = defectIn(target, folder);
  return defect === undefined ? 'whole' : { defect };
}

/** The first file at `path` that isn't there as the recovery point says; undefined when all are. By size: it reads no data. */
export function defectIn(path: string, folder: PlannedFolder): string | undefined {
  for (const { name, reference } of folder.files) {
    const defect = fileDefect(join(path, name), reference.size);
    if (defect !== undefined) return defect;
  }
  return metaDefect(join(path, 'meta.json'), folder);
}

function fileDefect(path: string, size: number | undefined): string | undefined {
  const state = stateOf(path);
  if (!state) return `'${path}' is missing`;
  if (!state.isFile()) return `'${path}' is no regular file`;
  return size === undefined || state.size === size
    ? undefined
    : `'${path}' has ${state.size} bytes, the recovery point says ${size}`;
}

function metaDefect(path: string, folder: PlannedFolder): string | undefined {
  const { kind, meta, intoTenant } = folder;
  // Tempo writes that of a WAL block anew as the block grows.
  if (kind === 'wal') return fileDefect(path, undefined);
  if (intoTenant === undefined) return fileDefect(path, typeof meta === 'string' ? Buffer.byteLength(meta) : meta.size);
  return fileDefect(path, undefined) ?? rewrittenMetaDefect(path, folder);
}

/** The size of a meta.json that was rewritten for another tenant is known only from the object itself, which isn't read for this. */
function rewrittenMetaDefect(path: string, { id, tenant }: PlannedFolder): string | undefined {
  let meta: BlockMeta;
  try {
    meta = parseBlockMeta(readFileSync(path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `'${path}' can't be read: ${error.message}`;
  }
  return meta.blockID === id && meta.tenantID === tenant
    ? undefined
    : `'${path}' is of block '${meta.blockID}' of tenant '${meta.tenantID}'`;
}
