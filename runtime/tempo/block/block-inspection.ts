import type { ByteSource } from '../../storage/storage';
import { IntegrityError } from '../../errors';
import { findBlockDefect, findParquetDefect } from './block-check';
import { type BlockMeta, META_SIZE_LIMIT, parseBlockMeta } from './block-meta';
import { countRows, readTraceIds } from './parquet';

/** What is wrong with a block's content, in words that follow its name: opens every file, and reads every trace ID. */
export async function inspectBlock(files: ReadonlyMap<string, ByteSource>): Promise<string[]> {
  return asDefects(async () => {
    const meta = metaIn(await readWhole(files.get('meta.json'), META_SIZE_LIMIT));
    const defect = await findBlockDefect(meta, files);
    if (defect !== undefined) return [defect];
    const data = files.get('data.parquet');
    const traces = data ? await countTraces(data) : 0;
    return traces === meta.totalObjects ? [] : [`has ${traces} traces, its meta.json says ${meta.totalObjects}`];
  });
}

/** What is wrong with a WAL page's content, in words that follow its name. */
export async function inspectPage(page: ByteSource): Promise<string[]> {
  return asDefects(async () => {
    const defect = await findParquetDefect(page);
    if (defect !== undefined) return [defect];
    const [rows, traces] = [await countRows(page), await countTraces(page)];
    return rows === traces ? [] : [`has ${traces} trace IDs in ${rows} rows`];
  });
}

async function countTraces(source: ByteSource): Promise<number> {
  let count = 0;
  for await (const ids of readTraceIds(source)) count += ids.length;
  return count;
}

function metaIn(bytes: Buffer): BlockMeta {
  try {
    return parseBlockMeta(bytes);
  } catch (cause) {
    throw new IntegrityError("has a meta.json that can't be read", {}, { cause });
  }
}

async function readWhole(source: ByteSource | undefined, limit: number): Promise<Buffer> {
  if (!source || source.size > limit)
    throw new IntegrityError(source ? `has a file of ${source.size} bytes` : 'has no meta.json');
  const bytes = Buffer.alloc(source.size);
  await source.read(0, bytes);
  return bytes;
}

/** Damage is what an inspection is for; anything else, such as storage that doesn't answer, ends it. */
async function asDefects(inspect: () => Promise<string[]>): Promise<string[]> {
  try {
    return await inspect();
  } catch (error) {
    if (error instanceof IntegrityError) return [error.message];
    throw error;
  }
}
