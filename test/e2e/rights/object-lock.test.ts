import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { BackupResult, PruneResult } from '../../../lib/contract/results';
import { STORAGE_ACTIONS, STORAGE_RIGHTS } from '../../../lib/contract/index';
import { GRACE_SECONDS, LockScene } from './lock-scene';
import type { MinioServer } from './minio-users';

const { TEST_S3_ENDPOINT, TEST_MC, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const absent = ['TEST_S3_ENDPOINT', 'TEST_MC'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `a locked bucket on a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
} else {
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  const server = { mc: TEST_MC ?? '', endpoint: TEST_S3_ENDPOINT ?? '', root };
  describe('a bucket that a MinIO locks', () => governanceSuite(server));
  describe('a bucket that a MinIO locks for everybody', () => complianceSuite(server));
}

const PERIOD_SECONDS = 100;
/** Longer than prune runs. */
const STRICT_SECONDS = 25;
const DAY = 24 * 60 * 60 * 1000;

function governanceSuite(server: MinioServer): void {
  let scene: LockScene;

  beforeAll(async () => {
    scene = await LockScene.make(server);
    await scene.setDefaultLock('GOVERNANCE');
  }, 120_000);

  afterAll(async () => expect(await scene.remove(true)).toEqual([]), 120_000);

  it('takes backups, verifications and restores as any other', async () => {
    expect(await backUpTwice(scene)).toEqual(new Set(['GOVERNANCE']));
  }, 120_000);

  it('is pruned but for what is locked or held, of which prune says until when', async () => {
    const { id, until } = await pruneWhatIsLocked(scene);
    expect(until.getTime()).toBeGreaterThan(Date.now());

    for (const key of await scene.keys('')) await scene.relock(key, 'GOVERNANCE', new Date(Date.now() + 1000));
    const strict = new Date(Math.ceil(Date.now() / 1000) * 1000 + STRICT_SECONDS * 1000);
    await scene.relock(`prod/points/${id}.json`, 'COMPLIANCE', strict);
    await sleep(2000);
    const kept = await scene.run<PruneResult>('prune');
    expect(kept.locks?.points).toEqual([{ id, until: strict.toISOString() }]);
    expect(kept.objects.deleted).toBe(0);

    await scene.hold(`prod/points/${id}.json`, 'ON');
    await sleep(strict.getTime() - Date.now() + 1000);
    const held = await scene.run<PruneResult>('prune');
    expect(held.points.deleted).toEqual([]);
    expect(held.locks).toMatchObject({ points: [{ id, until: null }], held: 1, until: null });
    expect(await scene.keys(`prod/points/${id}`)).toEqual([`prod/points/${id}.json`]);

    await scene.hold(`prod/points/${id}.json`, 'OFF');
    const freed = await scene.run<PruneResult>('prune');
    expect(freed.points.deleted).toEqual([id]);
    expect(freed.locks).toMatchObject({ points: [], held: 0, until: null });
    expect(await scene.keys(`prod/points/${id}`)).toEqual([]);
  }, 180_000);

  it('is locked anew where a newer point needs what no lock holds any more', async () => {
    // A bucket that locks nothing by itself takes the period of the plan, which may be shorter than a day.
    await scene.setDefaultLock();
    await scene.configure({ deleteAfter: '1h', lockPeriod: `${PERIOD_SECONDS}s` });
    const shared = await firstData(scene);
    expect((await scene.lockOf(shared)).until.getTime()).toBeLessThan(Date.now());
    const lock = await extendedLockOf(scene, shared);
    expect(lock.mode).toBe('GOVERNANCE');
    const version = await scene.versionOf(shared);
    await expect(scene.client.send(new DeleteObjectCommand(version))).rejects.toThrow(/WORM/);
    expect((await scene.run<PruneResult>('prune')).locks?.extended).toBe(0);
  }, 120_000);

  it('is worked on with exactly the rights that the component grants there', () => {
    const locking = scene.called.filter(({ action }) => /Retention|LegalHold|ObjectLock/.test(action));
    expect(new Set(locking.map(({ command }) => command))).toEqual(new Set(['prune']));
    const granted = [
      ...STORAGE_ACTIONS.delete.onBucket,
      ...STORAGE_ACTIONS.readLock.onObjects,
      ...STORAGE_ACTIONS.extendLock.onObjects,
    ];
    expect([...new Set(locking.map(({ action }) => action))].sort()).toEqual(granted.sort());
    expect(STORAGE_RIGHTS.prune.extendLock).not.toContain('points/*');
  });
}

/** Nobody can remove its objects before the day is over, so the bucket stays when the suite ends. */
function complianceSuite(server: MinioServer): void {
  let scene: LockScene;

  beforeAll(async () => {
    scene = await LockScene.make(server);
  }, 120_000);

  afterAll(async () => expect(await scene.remove(false)).toEqual([]), 120_000);

  it('is locked anew in the mode of each object, which then nobody can lift', async () => {
    await scene.configure({ deleteAfter: '1h', lockPeriod: `${PERIOD_SECONDS}s` });
    scene.addBlock();
    await scene.run('backup', '--rule', 'short');
    const shared = await firstData(scene);
    await scene.relock(shared, 'COMPLIANCE', new Date(Date.now() + 2000));
    // Of what is younger than a tenth of the period the lock isn't asked for.
    await sleep(PERIOD_SECONDS * 100 + 2000);
    const lock = await extendedLockOf(scene, shared);
    expect(lock.mode).toBe('COMPLIANCE');
    const version = await scene.versionOf(shared);
    const remove = new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true });
    await expect(scene.client.send(remove)).rejects.toThrow(/WORM/);
    await expect(scene.relock(shared, 'GOVERNANCE', new Date(Date.now() + 1000))).rejects.toThrow(/WORM/);
  }, 120_000);

  it('takes backups, verifications and restores as any other', async () => {
    await scene.setDefaultLock('COMPLIANCE');
    await scene.configure();
    expect(await backUpTwice(scene)).toEqual(new Set(['COMPLIANCE']));
  }, 120_000);

  it('is pruned but for what is locked, of which prune says until when', async () => {
    const { id, until } = await pruneWhatIsLocked(scene);
    expect((until.getTime() - Date.now()) / DAY).toBeCloseTo(1, 1);
    const manifest = await scene.versionOf(`prod/points/${id}`);
    const remove = new DeleteObjectCommand({ ...manifest, BypassGovernanceRetention: true });
    await expect(scene.client.send(remove)).rejects.toThrow(/WORM/);
  }, 120_000);
}

/** @returns the modes of the locks of all that it stored */
async function backUpTwice(scene: LockScene): Promise<Set<string>> {
  const before = new Set(await scene.keys(''));
  scene.addBlock(9 * 1024 * 1024);
  const first = await scene.run<BackupResult>('backup', '--rule', 'short');
  expect(first.recoveryPoint.id).not.toBe('');
  scene.addBlock();
  await scene.run('backup', '--rule', 'short');
  await scene.run('verify', '--level', 'full');
  await scene.run('restore', '--recovery-point', 'latest', '--target', `${scene.folder}/restored`);
  const stored = (await scene.keys('')).filter((key) => !before.has(key));
  return new Set(await Promise.all(stored.map(async (key) => (await scene.lockOf(key)).mode)));
}

/** @returns the point that would be deleted, and until when it can't be */
async function pruneWhatIsLocked(scene: LockScene): Promise<{ readonly id: string; readonly until: Date }> {
  await sleep(GRACE_SECONDS * 1000);
  const condemning = await scene.run<PruneResult>('prune');
  expect(condemning.points.condemned).toHaveLength(1);
  const [id = ''] = condemning.points.condemned;
  await sleep(2 * GRACE_SECONDS * 1000);
  const before = await scene.keys('');
  const held = await scene.run<PruneResult>('prune');
  expect(held.points.deleted).toEqual([]);
  const { until } = await scene.lockOf(`prod/points/${id}.json`);
  expect(held.locks?.points).toEqual([{ id, until: until.toISOString() }]);
  expect(held.locks?.until).toBe(until.toISOString());
  expect(await scene.keys('')).toEqual(expect.arrayContaining(before));
  return { id, until };
}

async function firstData(scene: LockScene): Promise<string> {
  return (await scene.keys('prod/blocks/')).find((key) => key.endsWith('data.parquet')) ?? '';
}

/** Makes a newer point that needs the object, and has its lock made longer. */
async function extendedLockOf(scene: LockScene, shared: string): ReturnType<LockScene['lockOf']> {
  scene.addBlock();
  const { recoveryPoint } = await scene.run<BackupResult>('backup', '--rule', 'short');
  const made = await scene.modifiedAt(`prod/points/${recoveryPoint.id}.json`);
  const { locks } = await scene.run<PruneResult>('prune');
  expect(locks?.extended).toBeGreaterThan(0);
  const lock = await scene.lockOf(shared);
  expect(Math.abs(lock.until.getTime() - (made + PERIOD_SECONDS * 1000))).toBeLessThan(1000);
  return lock;
}
