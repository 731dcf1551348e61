import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { footerSize, parquetBytes, type StoredTrace } from './parquet-file';

export interface BlockMeta {
  readonly format: string;
  readonly blockID: string;
  readonly tenantID: string;
  readonly startTime: string;
  readonly endTime: string;
  readonly totalObjects: number;
  readonly size: number;
  readonly bloomShards: number;
}

export const FORMATS = ['vParquet3', 'vParquet4', 'vParquet5'];
export const META = 'meta.json';
export const COMPACTED = 'meta.compacted.json';
const FOLDER_MODE = 0o700;

/** Makes a completed block: data, bloom filter, index, and meta.json last, as Tempo does. */
export function writeBlock(
  folder: string,
  tenant: string,
  block: { id: string; traces: readonly StoredTrace[] },
): void {
  const data = parquetBytes(block.traces);
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  writeFileSync(join(folder, 'data.parquet'), data);
  writeFileSync(join(folder, 'bloom-0'), emptyBloom());
  writeFileSync(join(folder, 'index'), JSON.stringify({ rowGroups: [] }));
  const meta = { ...newMeta(tenant, block.id, block.traces.length), size: data.length, footerSize: footerSize(data) };
  writeFileSync(join(folder, META), JSON.stringify({ ...meta, totalRecords: 1, bloomShards: 1 }));
}

/** What a WAL block's meta.json says, and a block's begins with. */
export function newMeta(tenant: string, id: string, totalObjects: number): object {
  const now = new Date().toISOString();
  const times = { startTime: now, endTime: now };
  return {
    format: 'vParquet4',
    blockID: id,
    tenantID: tenant,
    ...times,
    totalObjects,
    encoding: 'none',
    dataEncoding: '',
  };
}

/** Copies a block to where it is read from, meta.json last; over one of the same ID, if there is one. */
export async function copyBlock(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: FOLDER_MODE });
  const names = readdirSync(from).filter((name) => name !== META && name !== 'flushed');
  for (const name of [...names, META]) await copyFile(join(from, name), join(to, name));
}

/** Throws when there is none, or it isn't whole. */
export function readMeta(folder: string, name = META): BlockMeta {
  const meta = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Partial<BlockMeta>;
  if (typeof meta.blockID !== 'string' || typeof meta.format !== 'string')
    throw new Error(`${folder}: no block ID in ${name}`);
  return { tenantID: '', startTime: '', endTime: '', totalObjects: 0, size: 0, bloomShards: 0, ...meta } as BlockMeta;
}

export function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** All bits set: every trace may be in the block, so it is always opened. */
function emptyBloom(): Buffer {
  const bytes = Buffer.alloc(32, 0xff);
  [64n, 7n, 64n].forEach((value, index) => bytes.writeBigUInt64BE(value, index * 8));
  return bytes;
}
