import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SampleTrace } from '../../../lib/contract/cluster-restore';
import { IntegrityError } from '../../errors';
import { readTraceIds } from '../block/parquet';
import { errorCode } from '../source/source-disk';
import type { PlannedFolder } from './target-folder';
import type { RestoredFolders } from './target-restore';

/** Enough to notice a tenant that doesn't come back; all of them must fit into a container's termination message. */
const TENANTS = 12;

/** Traces that Tempo must find after the restore: of each tenant one of its first block and one of its last. */
export async function chooseSamples({ installed, present }: RestoredFolders): Promise<SampleTrace[]> {
  const samples: SampleTrace[] = [];
  for (const [tenant, blocks] of [...blocksByTenant([...installed, ...present])].slice(0, TENANTS)) {
    for (const block of new Set([blocks[0], blocks.at(-1)])) {
      const traceId = block && (await firstTraceId(block));
      if (traceId !== undefined) samples.push({ tenant, traceId });
    }
  }
  return samples;
}

function blocksByTenant(folders: readonly PlannedFolder[]): Map<string, PlannedFolder[]> {
  const tenants = new Map<string, PlannedFolder[]>();
  for (const folder of folders.filter(({ kind }) => kind === 'block'))
    tenants.set(folder.tenant, [...(tenants.get(folder.tenant) ?? []), folder]);
  return tenants;
}

/** Of a block as it lies on the disk now; undefined when it can't be read. */
async function firstTraceId({ target }: PlannedFolder): Promise<string | undefined> {
  try {
    return await readFirst(join(target, 'data.parquet'));
  } catch (error) {
    // What was restored was compared with its digest: bytes that are no parquet were none at the source. A Tempo that runs may remove files.
    if (error instanceof IntegrityError || errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

async function readFirst(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const read = async (offset: number, into: Buffer): Promise<void> => {
      const { bytesRead } = await file.read(into, 0, into.length, offset);
      if (bytesRead < into.length) throw new IntegrityError(`'${path}' ends before byte ${offset + into.length}`);
    };
    for await (const [first] of readTraceIds({ size, read })) if (first) return first.toString('hex');
    return undefined;
  } finally {
    await file.close();
  }
}
