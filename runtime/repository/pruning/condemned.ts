import { z } from 'zod';
import { FORMAT_VERSION } from '../../../lib/contract/manifest';
import { CONDEMNED_PREFIX, timedId } from '../../../lib/contract/repository-layout';
import { StorageError } from '../../errors';
import { bytesInMemory } from '../../storage/storage';
import { compressed, readFolded } from '../documents';
import { isDamage, type Repository } from '../repository';

const MIB = 1024 * 1024;
const RECORD_LIMIT = 16 * MIB;
/** Six times what 50,000 keys take. */
const UNFOLDED_RECORD_LIMIT = 48 * MIB;
const OBJECTS_IN_RECORD = 50_000;
const ATTEMPTS = 16;

const recordSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  points: z.array(z.string()),
  objects: z.array(z.tuple([z.string(), z.number().int().nonnegative()])),
});

/** What a run of prune announced to delete. It is only a note: whether a point or object may go is decided anew. */
export interface CondemnedRecord {
  readonly key: string;
  readonly modifiedAt: Date;
  readonly points: readonly string[];
  /** Key and size in bytes. */
  readonly objects: readonly (readonly [string, number])[];
}

export async function condemnedRecords(repository: Repository, warnings: string[]): Promise<CondemnedRecord[]> {
  const records: CondemnedRecord[] = [];
  for await (const { key, modifiedAt } of repository.storage.list(CONDEMNED_PREFIX)) {
    if (key.endsWith('.json.gz')) records.push({ key, modifiedAt, ...(await contentOf(repository, key, warnings)) });
  }
  return records;
}

/** Writes what is condemned; large lists as several records, each of which stands for itself. */
export async function condemn(
  repository: Repository,
  points: readonly string[],
  objects: CondemnedRecord['objects'],
): Promise<void> {
  for (let start = 0; start === 0 || start < objects.length; start += OBJECTS_IN_RECORD) {
    const content = {
      format: FORMAT_VERSION,
      points: start === 0 ? points : [],
      objects: objects.slice(start, start + OBJECTS_IN_RECORD),
    };
    await putRecord(repository, await compressed(JSON.stringify(content)));
  }
  await repository.storage.sync();
}

async function contentOf(
  { storage }: Repository,
  key: string,
  warnings: string[],
): Promise<Pick<CondemnedRecord, 'points' | 'objects'>> {
  try {
    const bytes = await storage.get(key, RECORD_LIMIT);
    return await readFolded(recordSchema, { key, bytes }, UNFOLDED_RECORD_LIMIT);
  } catch (error) {
    if (!isDamage(error)) throw error;
    warnings.push(`${error.message}; what it names is condemned again`);
    return { points: [], objects: [] };
  }
}

async function putRecord(repository: Repository, bytes: Buffer): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const key = `${CONDEMNED_PREFIX}${timedId(repository.now(), repository.suffix())}.json.gz`;
    if ((await repository.storage.put(key, bytesInMemory(bytes))).created) return;
  }
  throw new StorageError(`condemn objects: ${ATTEMPTS} names of records were taken; run prune again`);
}
