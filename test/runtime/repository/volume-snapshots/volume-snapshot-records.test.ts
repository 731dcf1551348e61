import type { VolumeSnapshotRecord } from '../../../../lib/contract/volume-snapshots/record';
import { prune } from '../../../../runtime/repository/prune';
import type { Repository } from '../../../../runtime/repository/repository';
import {
  readVolumeSnapshotRecords,
  recordVolumeSnapshot,
  settleVolumeSnapshot,
} from '../../../../runtime/repository/volume-snapshots/volume-snapshot-records';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import { sourceOf } from '../../../helpers/buffer-source';
import { backUp, DAY, FakeClock, FakeTempo, openRepository } from '../../../helpers/repository-blocks';

const NAME = 'data-tempo-0-20261123-080000';
const FACTS: Omit<VolumeSnapshotRecord, 'format' | 'repository'> = {
  tempo: 'tempo',
  namespace: 'monitoring',
  name: NAME,
  uid: '7c6b5c1e-0000-4000-8000-000000000001',
  source: {
    ...{ claim: 'data-tempo-0', volume: 'pvc-1', storageClass: 'fast', driver: 'ebs.csi.aws.com' },
    ...{ accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', bytes: 2 ** 30 },
  },
  volumeSnapshotClass: 'csi',
  volumeSnapshotContent: 'snapcontent-1',
  restoreBytes: 2 ** 30,
  createdAt: '2026-11-23T08:00:00.000Z',
  readyAt: '2026-11-23T08:00:05.000Z',
  rule: 'daily',
  deleteAfter: '14d',
  runner: '0.1.0',
};

async function newRepository(): Promise<{ storage: MemoryStorage; repository: Repository; clock: FakeClock }> {
  const clock = new FakeClock();
  const storage = new MemoryStorage({ clock: clock.now });
  return { storage, clock, repository: await openRepository(storage, clock) };
}

describe('records of volume snapshots', () => {
  it('are read as they were written, until they are settled', async () => {
    const { repository } = await newRepository();
    await recordVolumeSnapshot(repository, FACTS);
    const { records } = await readVolumeSnapshotRecords(repository);
    expect(records.get(NAME)).toEqual({ format: 1, repository: repository.identity.id, ...FACTS });
    await settleVolumeSnapshot(repository, FACTS, 'past its retention');
    const after = await readVolumeSnapshotRecords(repository);
    expect([after.records.size, [...after.settled]]).toEqual([0, [NAME]]);
  });

  it('are not asked for once they are settled', async () => {
    const { repository, storage } = await newRepository();
    await recordVolumeSnapshot(repository, FACTS);
    await settleVolumeSnapshot(repository, FACTS, 'past its retention');
    const before = storage.requests.get;
    await readVolumeSnapshotRecords(repository);
    expect(storage.requests.get).toBe(before);
  });

  it('are written once: the same one again is fine, another one of that name is not', async () => {
    const { repository, storage } = await newRepository();
    await recordVolumeSnapshot(repository, FACTS);
    const bytes = String(storage.objects.get(`pvc-snapshots/${NAME}.json`)?.bytes);
    await recordVolumeSnapshot(repository, { ...FACTS, readyAt: '2026-11-23T09:00:00.000Z' });
    await expect(recordVolumeSnapshot(repository, { ...FACTS, uid: 'other' })).rejects.toThrow(
      /is of another one of this name; move it elsewhere$/,
    );
    expect(String(storage.objects.get(`pvc-snapshots/${NAME}.json`)?.bytes)).toBe(bytes);
  });

  it.each(['../repository', 'a/b', 'a.b', 'A', ''])('are not written under a name that is none: %j', async (name) => {
    const { repository, storage } = await newRepository();
    const before = storage.objects.size;
    await expect(recordVolumeSnapshot(repository, { ...FACTS, name })).rejects.toThrow(/no name of one/);
    expect(storage.objects.size).toBe(before);
  });

  it.each<[string, object | string]>([
    ['no JSON', '{'],
    ['another name', { name: 'data-tempo-0-20261123-090000' }],
    ['another repository', { repository: '0b9c8f3e-6f0e-4d7b-9a53-0f6f3c1f2d11' }],
    ['a newer format', { format: 2 }],
    ['a claim that is no name', { source: { ...FACTS.source, claim: '../x' } }],
    ['an access mode that is none', { source: { ...FACTS.source, accessModes: ['All'] } }],
    ['a size that is none', { restoreBytes: -1 }],
    ['a time that is none', { createdAt: 'yesterday' }],
    ['more bytes than any record has', { rule: 'x'.repeat(70_000) }],
  ])('are named and passed over when they have %s', async (_, changes) => {
    const { repository, storage } = await newRepository();
    const valid = { format: 1, repository: repository.identity.id, ...FACTS };
    const text = typeof changes === 'string' ? changes : JSON.stringify({ ...valid, ...changes });
    await storage.put(`pvc-snapshots/${NAME}.json`, sourceOf(text));
    const { records, unreadable } = await readVolumeSnapshotRecords(repository);
    expect(records.size).toBe(0);
    expect(unreadable.get(NAME)).toContain(`pvc-snapshots/${NAME}.json`);
  });

  it('are told apart from keys that nobody knows', async () => {
    const { repository, storage } = await newRepository();
    for (const key of ['pvc-snapshots/README.md', 'pvc-snapshots/a/b.json']) await storage.put(key, sourceOf('x'));
    expect((await readVolumeSnapshotRecords(repository)).foreign).toEqual([
      'pvc-snapshots/README.md',
      'pvc-snapshots/a/b.json',
    ]);
  });

  it('stay when the repository is pruned', async () => {
    const { repository, storage, clock } = await newRepository();
    await recordVolumeSnapshot(repository, FACTS);
    await settleVolumeSnapshot(repository, FACTS, 'past its retention');
    const tempo = new FakeTempo(9, clock);
    tempo.addBlock();
    await backUp(repository, tempo);
    clock.pass(400 * DAY);
    await prune(repository, { grace: DAY, maxShare: 1 });
    clock.pass(400 * DAY);
    await prune(repository, { grace: DAY, maxShare: 1 });
    const kept = [...storage.objects.keys()].filter((key) => key.startsWith('pvc-snapshots/'));
    expect(kept.sort()).toEqual([`pvc-snapshots/${NAME}.deleted.json`, `pvc-snapshots/${NAME}.json`]);
  });
});
