import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { BackupResult, PruneResult } from '../../../lib/contract/results';
import { type ForbiddenCall, permittedOf, TIED_ON_MINIO } from './forbidden-calls';
import { GRACE_SECONDS, LOCK_COMMANDS, LockScene } from './lock-scene';
import type { MinioServer } from './minio-users';
import { PolicyCheck } from './policy-check';

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
/**
 * Prune makes locks longer, so whoever has its rights can. MinIO takes the header that bypasses governance from anybody who may do that,
 * though the policy denies it; AWS asks for `s3:BypassGovernanceRetention`.
 */
const EXTENDING: readonly ForbiddenCall[] = ['locks an object', 'makes a lock shorter'];
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
    // Its place is taken, so it goes to another one.
    await scene.put(`prod/blocks/team-a/${scene.addBlock()}/data.parquet`);
    await scene.run('backup', '--rule', 'short');
    // Of what is younger than a tenth of the period the lock isn't asked for.
    await sleep(PERIOD_SECONDS * 100 + 2000);
    const lock = await extendedLockOf(scene, shared);
    expect(lock.mode).toBe('GOVERNANCE');
    const version = await scene.versionOf(shared);
    await expect(scene.client.send(new DeleteObjectCommand(version))).rejects.toThrow(/WORM/);
    expect((await scene.run<PruneResult>('prune')).locks?.extended).toBe(0);
  }, 120_000);

  it('is pruned of what no point names, once the lock of each is over', async () => {
    const orphans = [
      'rewritten/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/0123456789abcdef/meta.json',
      'wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000009',
      `config/${'0'.repeat(64)}.yaml`,
    ].map((key) => `prod/${key}`);
    for (const key of orphans) await scene.put(key);
    // The server tells its time in whole seconds.
    await sleep((GRACE_SECONDS + 3) * 1000);
    await scene.run('prune');
    await sleep((2 * GRACE_SECONDS + 3) * 1000);
    await scene.run('prune');
    const left = new Set(await scene.keys(''));
    expect(orphans.filter((key) => left.has(key))).toEqual([]);
  }, 180_000);

  it.each(LOCK_COMMANDS)('is worked on by %s with what the policy has that the component makes', (command) => {
    const calls = scene.called.get(command) ?? [];
    expect(calls.length).toBeGreaterThan(0);
    const check = new PolicyCheck([scene.policies.get(command) ?? '']);
    expect(check.lacks(calls)).toEqual([]);
    const locks = /^\w+: s3:\w*(Retention|LegalHold|ObjectLock)/;
    expect(check.unused(calls).filter((grant) => locks.test(grant))).toEqual([]);
    expect(check.unused([]).filter((grant) => locks.test(grant)).length > 0).toBe(command === 'prune');
  });

  it.each(LOCK_COMMANDS)('keeps its configuration, versions and locks whatever %s tries', async (command) => {
    const client = scene.clientOf(command);
    for (const prefix of ['prod/blocks/', 'prod/points/']) {
      const [current = ''] = await scene.keys(prefix);
      const version = await scene.versionOf(current);
      await scene.relock(version.Key, 'GOVERNANCE', new Date(Date.now() + DAY));
      const before = await scene.lockOf(version.Key);
      const extending = command === 'prune' && prefix === 'prod/blocks/' ? EXTENDING : [];
      expect(await permittedOf(client, version, [...TIED_ON_MINIO, ...extending])).toEqual([]);
      expect(await scene.lockOf(version.Key)).toEqual(before);
    }
    client.destroy();
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
    const prune = scene.clientOf('prune');
    const outcomes = await permittedOf(prune, version, [...TIED_ON_MINIO, 'locks an object']);
    expect(outcomes.filter((outcome) => !/^makes a lock shorter: InvalidRequest$/.test(outcome))).toEqual([]);
    prune.destroy();
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
