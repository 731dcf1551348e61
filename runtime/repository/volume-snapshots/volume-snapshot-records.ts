import { DocumentError, FORMAT_VERSION } from '../../../lib/contract/manifest';
import {
  deletedVolumeSnapshotKey,
  VOLUME_SNAPSHOTS_PREFIX,
  volumeSnapshotKey,
  volumeSnapshotOf,
} from '../../../lib/contract/repository-layout';
import {
  type DeletedVolumeSnapshot,
  type VolumeSnapshotRecord,
  volumeSnapshotRecordSchema,
} from '../../../lib/contract/volume-snapshots/record';
import { IntegrityError, UsageError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { bytesInMemory } from '../../storage/storage';
import { readDocument } from '../documents';
import type { Repository } from '../repository';

const RECORD_LIMIT = 64 * 1024;
const RECORDS_AT_ONCE = 16;

/** What a repository knows of volume snapshots. */
export interface VolumeSnapshotRecords {
  /** Those that can be read, settled ones left out. */
  readonly records: ReadonlyMap<string, VolumeSnapshotRecord>;
  /** Names of records that can't be read, and why. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Names of those of which `prune` recorded that they are gone. */
  readonly settled: ReadonlySet<string>;
  /** Keys below `pvc-snapshots/` that nobody knows. */
  readonly foreign: readonly string[];
}

/** Reads all records but settled ones: their number stays that of the volume snapshots that are kept. */
export async function readVolumeSnapshotRecords(repository: Repository): Promise<VolumeSnapshotRecords> {
  const names: string[] = [];
  const settled = new Set<string>();
  const foreign: string[] = [];
  for await (const { key } of repository.storage.list(VOLUME_SNAPSHOTS_PREFIX)) {
    const found = volumeSnapshotOf(key);
    if (found === undefined) foreign.push(key);
    else if (found.deleted) settled.add(found.name);
    else names.push(found.name);
  }
  const records = new Map<string, VolumeSnapshotRecord>();
  const unreadable = new Map<string, string>();
  const open = names.filter((name) => !settled.has(name));
  await forEachConcurrently(open, RECORDS_AT_ONCE, async (name) => {
    const found = await recordOrReason(repository, name);
    if (typeof found === 'string') unreadable.set(name, found);
    else records.set(name, found);
  });
  return { records, unreadable, settled, foreign };
}

/** Records a volume snapshot. That it is recorded already is fine, as long as it is the same one. */
export async function recordVolumeSnapshot(
  repository: Repository,
  facts: Omit<VolumeSnapshotRecord, 'format' | 'repository'>,
): Promise<void> {
  const { storage, identity } = repository;
  const record: VolumeSnapshotRecord = { format: FORMAT_VERSION, repository: identity.id, ...facts };
  const key = volumeSnapshotKey(record.name);
  if (volumeSnapshotOf(key)?.name !== record.name)
    throw new UsageError(`record volume snapshot '${record.name}': that is no name of one that the runner makes`);
  const { created } = await storage.put(key, bytesInMemory(Buffer.from(`${JSON.stringify(record)}\n`)));
  await storage.sync();
  if (created) return;
  const found = await readRecord(repository, record.name);
  if (found.uid !== record.uid)
    throw new IntegrityError(
      `record volume snapshot '${record.name}': '${key}' is of another one of this name; move it elsewhere`,
      { key, expected: record.uid, found: found.uid },
    );
}

/** Records that a volume snapshot is gone, once. */
export async function settleVolumeSnapshot(
  repository: Repository,
  { name, uid }: Pick<VolumeSnapshotRecord, 'name' | 'uid'>,
  reason: string,
): Promise<void> {
  const { storage, identity, now } = repository;
  const document: DeletedVolumeSnapshot = {
    ...{ format: FORMAT_VERSION, repository: identity.id, name, uid },
    ...{ deletedAt: now().toISOString(), reason },
  };
  await storage.put(deletedVolumeSnapshotKey(name), bytesInMemory(Buffer.from(`${JSON.stringify(document)}\n`)));
  await storage.sync();
}

async function recordOrReason(repository: Repository, name: string): Promise<VolumeSnapshotRecord | string> {
  try {
    return await readRecord(repository, name);
  } catch (error) {
    if (error instanceof IntegrityError) return error.message;
    if (error instanceof UsageError && error.cause instanceof DocumentError) return error.message;
    throw error;
  }
}

/** A repository is untrusted input: a record must be of this repository and say the name that its key says. */
async function readRecord({ storage, identity }: Repository, name: string): Promise<VolumeSnapshotRecord> {
  const key = volumeSnapshotKey(name);
  const text = (await storage.get(key, RECORD_LIMIT)).toString('utf8');
  const record = readDocument(volumeSnapshotRecordSchema, key, text);
  if (record.repository !== identity.id)
    throw new IntegrityError(`read repository: '${key}' belongs to another repository; move it back there`, {
      key,
      expected: identity.id,
      found: record.repository,
    });
  if (record.name !== name)
    throw new IntegrityError(`read repository: '${key}' is damaged: its name is '${record.name}'`, { key });
  return record;
}
