import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectRetentionCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { BackupBucket, S3Compatible } from '../../../lib/aws/index';
import type { BackupResult, PruneResult } from '../../../lib/contract/results';
import { type CommandName, recommendedPlan, STORAGE_ACTIONS, STORAGE_RIGHTS } from '../../../lib/contract/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { copyFixture, makeBlock } from '../../helpers/tempo-tree';
import { type Credentials, type MinioServer, MinioUsers } from './minio-users';
import { runProgram } from './run-program';
import { S3Recorder } from './s3-recorder';

const { TEST_S3_ENDPOINT, TEST_MC, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
const absent = ['TEST_S3_ENDPOINT', 'TEST_MC'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `a locked bucket on a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
} else {
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  describe('a bucket that a MinIO locks', () =>
    lockSuite({ mc: TEST_MC ?? '', endpoint: TEST_S3_ENDPOINT ?? '', root }));
}

const COMMANDS = ['backup', 'verify', 'restore', 'prune'] as const;
type Command = (typeof COMMANDS)[number];
/** Longer than a backup of this scene takes. */
const GRACE_SECONDS = 10;
const PERIOD_SECONDS = 100;
/** Longer than prune runs. */
const STRICT_SECONDS = 25;

function lockSuite(server: MinioServer): void {
  const bucket = `locked-${randomBytes(6).toString('hex')}`;
  const users = new Map<Command, Credentials>();
  const undo: (() => Promise<unknown>)[] = [];
  let recorder: S3Recorder;
  let client: S3Client;
  let folder: string;
  const called: { readonly command: CommandName; readonly action: string; readonly key: string }[] = [];

  beforeAll(async () => {
    recorder = await S3Recorder.before(server.endpoint);
    undo.push(() => recorder.close());
    client = new S3Client({
      ...{ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true },
      credentials: server.root,
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
    undo.push(() => removeBucket());
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } as const;
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
      }),
    );
    const minio = await MinioUsers.on(server);
    undo.push(() => minio.remove());
    for (const [command, policy] of await policiesOf(bucket)) users.set(command, await minio.add(command, policy));
    folder = await mkdtemp(join(tmpdir(), 'tempo-backup-lock-'));
    undo.push(() => rm(folder, { recursive: true }));
    copyFixture('tempo-2.9', folder);
    await configure();
  }, 120_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    client.destroy();
    expect(failures).toEqual([]);
  }, 120_000);

  it('takes backups, verifications and restores as any other', async () => {
    makeBlock(join(folder, 'var-tempo/traces'), 'team-a', { size: 9 * 1024 * 1024 });
    const first = await run<BackupResult>('backup', '--rule', 'short');
    expect(first.recoveryPoint.id).not.toBe('');
    makeBlock(join(folder, 'var-tempo/traces'), 'team-a');
    await run('backup', '--rule', 'short');
    await run('verify', '--level', 'full');
    await run('restore', '--recovery-point', 'latest', '--target', join(folder, 'restored'));
    const locks = await Promise.all((await keys('')).map(async (key) => (await lockOf(key)).mode));
    expect(new Set(locks)).toEqual(new Set(['GOVERNANCE']));
  }, 120_000);

  it('is pruned but for what is locked, of which prune says until when', async () => {
    await sleep(GRACE_SECONDS * 1000);
    const condemning = await run<PruneResult>('prune');
    expect(condemning.points.condemned).toHaveLength(1);
    const [id = ''] = condemning.points.condemned;
    await sleep(2 * GRACE_SECONDS * 1000);
    const before = await keys('');
    const held = await run<PruneResult>('prune');
    expect(held.points.deleted).toEqual([]);
    const { until } = await lockOf(`prod/points/${id}.json`);
    expect(held.locks?.points).toEqual([{ id, until: until.toISOString() }]);
    expect(held.locks?.until).toBe(until.toISOString());
    expect(await keys('')).toEqual(expect.arrayContaining(before));

    for (const key of await keys('')) await relock(key, 'GOVERNANCE', new Date(Date.now() + 1000));
    const strict = new Date(Math.ceil(Date.now() / 1000) * 1000 + STRICT_SECONDS * 1000);
    await relock(`prod/points/${id}.json`, 'COMPLIANCE', strict);
    await sleep(2000);
    const kept = await run<PruneResult>('prune');
    expect(kept.locks?.points).toEqual([{ id, until: strict.toISOString() }]);
    expect(kept.objects.deleted).toBe(0);

    await sleep(strict.getTime() - Date.now() + 1000);
    const freed = await run<PruneResult>('prune');
    expect(freed.points.deleted).toEqual([id]);
    expect(freed.locks).toMatchObject({ points: [], until: null });
    expect(await keys(`prod/points/${id}`)).toEqual([]);
  }, 180_000);

  it('is locked anew where a newer point needs what no lock holds any more', async () => {
    // A bucket that locks nothing by itself takes the period of the plan, which may be shorter than a day.
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' } as const;
    await client.send(new PutObjectLockConfigurationCommand({ Bucket: bucket, ObjectLockConfiguration }));
    await configure({ deleteAfter: '1h', lockPeriod: `${PERIOD_SECONDS}s` });
    const [shared = ''] = (await keys('prod/blocks/')).filter((key) => key.endsWith('data.parquet'));
    expect((await lockOf(shared)).until.getTime()).toBeLessThan(Date.now());
    makeBlock(join(folder, 'var-tempo/traces'), 'team-a');
    const { recoveryPoint } = await run<BackupResult>('backup', '--rule', 'short');
    const manifest = `prod/points/${recoveryPoint.id}.json`;
    const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: manifest });
    const made = (await client.send(list)).Contents?.[0]?.LastModified?.getTime() ?? 0;

    const { locks } = await run<PruneResult>('prune');
    expect(locks?.extended).toBeGreaterThan(0);
    const lock = await lockOf(shared);
    expect(Math.abs(lock.until.getTime() - (made + PERIOD_SECONDS * 1000))).toBeLessThan(1000);
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: shared }));
    const version = { Bucket: bucket, Key: shared, VersionId: Versions[0]?.VersionId };
    await expect(client.send(new DeleteObjectCommand(version))).rejects.toThrow(/WORM/);
    expect((await run<PruneResult>('prune')).locks?.extended).toBe(0);
  }, 120_000);

  it('is worked on with exactly the rights that the component grants there', () => {
    const locking = called.filter(({ action }) => /Retention|ObjectLock/.test(action));
    expect(new Set(locking.map(({ command }) => command))).toEqual(new Set(['prune']));
    const granted = [
      ...STORAGE_ACTIONS.delete.onBucket,
      ...STORAGE_ACTIONS.readLock.onObjects,
      ...STORAGE_ACTIONS.extendLock.onObjects,
    ];
    expect([...new Set(locking.map(({ action }) => action))].sort()).toEqual(granted.sort());
    expect(STORAGE_RIGHTS.prune.extendLock).not.toContain('points/*');
  });

  async function run<T>(command: Command, ...args: string[]): Promise<T> {
    const argv = [command, ...args, '--config', join(folder, 'tempo-backup.yaml')];
    const { exitCode, stderr, stdout, calls } = await runProgram(recorder, users.get(command), argv);
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: expect.any(String) });
    expect(calls.filter(({ status }) => status === 403)).toEqual([]);
    called.push(...calls.map(({ action, key }) => ({ command, action, key })));
    return JSON.parse(stdout) as T;
  }

  async function configure({ deleteAfter = '1s', lockPeriod = '' } = {}): Promise<void> {
    const parameters = new URLSearchParams({ endpoint: recorder.endpoint, region: 'us-east-1' }).toString();
    const rule = `{ name: short, schedule: { cron: '* * * * *' }, deleteAfter: ${deleteAfter} }`;
    const storage = lockPeriod === '' ? '' : `, storage: { lockPeriod: ${lockPeriod} }`;
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      [
        `tempo: { storage: { path: ${folder}/var-tempo/traces, walPath: ${folder}/var-tempo/wal }, retention: 87600h }`,
        `repository: { url: "s3://${bucket}/prod?${parameters}" }`,
        `plan: { prune: { grace: ${GRACE_SECONDS}s, maxShare: 1 }, rules: [${rule}]${storage} }`,
        '',
      ].join('\n'),
    );
  }

  async function keys(Prefix: string): Promise<string[]> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    return Contents.map(({ Key = '' }) => Key);
  }

  async function lockOf(Key: string): Promise<{ readonly mode: string; readonly until: Date }> {
    const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket: bucket, Key }));
    return { mode: Retention?.Mode ?? '', until: Retention?.RetainUntilDate ?? new Date(0) };
  }

  /** As time would, or somebody who locks an object by hand. */
  async function relock(Key: string, Mode: 'GOVERNANCE' | 'COMPLIANCE', RetainUntilDate: Date): Promise<void> {
    const Retention = { Mode, RetainUntilDate };
    const lift = { Bucket: bucket, Key, Retention, BypassGovernanceRetention: true };
    await client.send(new PutObjectRetentionCommand(lift));
  }

  async function removeBucket(): Promise<void> {
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket }),
      );
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) break;
      const Delete = { Objects, Quiet: true };
      await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete, BypassGovernanceRetention: true }));
    }
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  }
}

/** The policies exactly as the component hands them out for a bucket that it locks. */
async function policiesOf(bucket: string): Promise<Map<Command, string>> {
  const endpoint = S3Compatible.minio({ url: 'https://minio.example.com' });
  const objectLock = { days: 1 };
  const { made } = await RecordingEngine.run(
    () => new BackupBucket('tempo-backups', { plan: recommendedPlan(), bucket, prefix: 'prod', endpoint, objectLock }),
  );
  const policies = COMMANDS.map(async (command) => [command, await valueOf(made.policyFor(command))] as const);
  return new Map(await Promise.all(policies));
}
