import { setTimeout as sleep } from 'node:timers/promises';
import {
  CopyObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
} from '@aws-sdk/client-s3';
import { BackupBucket } from '../../../lib/aws/index';
import { ExitCode, recommendedPlan } from '../../../lib/contract/index';
import { THAW_COMMANDS } from '../../../lib/contract/storage-rights';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { type Credentials, type MinioServer, MinioUsers } from './minio-users';
import { PolicyCheck } from './policy-check';
import { RightsScene } from './rights-scene';
import type { RanProgram } from './run-program';
import { S3Recorder } from './s3-recorder';

const { TEST_S3_ENDPOINT, TEST_MC, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const absent = ['TEST_S3_ENDPOINT', 'TEST_MC'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `rights to thaw on a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
} else {
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  describe('the rights to thaw on a MinIO that has a tier named GLACIER', () =>
    thawSuite({ mc: TEST_MC ?? '', endpoint: TEST_S3_ENDPOINT ?? '', root }));
}

type ThawCommand = (typeof THAW_COMMANDS)[number];
const MOST_RUNS = 10;

function thawSuite(server: MinioServer): void {
  let recorder: S3Recorder;
  let scene: RightsScene;
  let policies: Policies;
  const plainUsers = new Map<ThawCommand, Credentials>();
  const undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    recorder = await S3Recorder.before(server.endpoint);
    undo.push(() => recorder.close());
    const users = await MinioUsers.on(server);
    undo.push(() => users.remove());
    scene = await RightsScene.make(recorder, server);
    undo.push(async () => expect(await scene.remove()).toEqual([]));
    policies = await policiesOfComponent(scene.bucket);
    scene.users.set('backup', await users.add('backup', policies.backup));
    for (const command of THAW_COMMANDS) {
      plainUsers.set(command, await users.add(command, policies.plain[command]));
      scene.users.set(command, await users.add(`${command}-thaw`, policies.thawing[command]));
    }
    // A key that is taken, so that there is something in another place.
    const { id, data } = scene.addBlock();
    await scene.put(`blocks/team-a/${id}/data.parquet`, Buffer.alloc(data.length, 7));
    await done('backup', '--rule', 'all');
    await done('verify', '--level', 'full');
    await archiveNewObjects();
  }, 300_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    expect(failures).toEqual([]);
  }, 120_000);

  describe.each(THAW_COMMANDS)('of %s', (command) => {
    it('are what --thaw calls, neither more nor less', async () => {
      // As where everything else is gone: then Tempo's configuration is the one of the recovery point.
      if (command === 'restore') await scene.forgetTempoConfig();
      await freeze();
      const before = scene.called.get(command)?.length ?? 0;
      const ended = await runUntilThawed(command);
      expect({ exitCode: ended.exitCode, stderr: ended.stderr }).toMatchObject({ exitCode: ExitCode.DONE });
      expect(recorder.frozen.size).toBeLessThan((await scene.keys('')).length);
      const calls = (scene.called.get(command) ?? []).slice(before);
      expect(calls.filter(({ status }) => status === 403)).toEqual([]);
      const check = new PolicyCheck([policies.thawing[command]]);
      expect(check.lacks(calls)).toEqual([]);
      const plain = new PolicyCheck([policies.plain[command]]);
      const unused = check.unused(calls).filter((grant) => !plain.unused([]).includes(grant));
      expect(unused).toEqual([]);
      expect(plain.lacks(calls).length).toBeGreaterThan(0);
    }, 120_000);

    it('are missing where they are not granted', async () => {
      await freeze();
      const granted = scene.users.get(command);
      scene.users.set(command, plainUsers.get(command) ?? { accessKeyId: '', secretAccessKey: '' });
      const ran = await scene.run(command, ...argumentsOf(command));
      if (granted) scene.users.set(command, granted);
      expect(ran).toMatchObject({ exitCode: ExitCode.CONFIGURATION });
      expect(ran.stdout).toMatch(/access denied|s3:RestoreObject/i);
      const thaws = ran.calls.filter(({ action }) => action === 's3:RestoreObject');
      expect(thaws.filter(({ status }) => status !== 403)).toEqual([]);
    }, 120_000);
  });

  async function done(command: 'backup' | 'verify', ...args: string[]): Promise<void> {
    const ran = await scene.run(command, ...args);
    if (ran.exitCode !== 0) throw new Error(`${command}: ${ran.exitCode} ${ran.stderr}`);
  }

  /** At once, as MinIO does with a rule of 0 days. */
  async function archiveNewObjects(): Promise<void> {
    const Transitions = [{ Days: 0, StorageClass: 'GLACIER' as const }];
    const Rules = [{ ID: 'archive', Status: 'Enabled' as const, Filter: { Prefix: scene.prefix }, Transitions }];
    const LifecycleConfiguration = { Rules };
    await scene.root.send(new PutBucketLifecycleConfigurationCommand({ Bucket: scene.bucket, LifecycleConfiguration }));
  }

  /** Makes each object anew, which moves it to the archive, and waits until all are there. */
  async function freeze(): Promise<void> {
    const { bucket: Bucket, root } = scene;
    for (const { Key } of await listed()) {
      const { Metadata } = await root.send(new HeadObjectCommand({ Bucket, Key }));
      const anew = { MetadataDirective: 'REPLACE', Metadata, ChecksumAlgorithm: 'SHA256' } as const;
      await root.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${Key}`, ...anew }));
    }
    for (let left = 1; left > 0; await sleep(200))
      left = (await listed()).filter(({ StorageClass }) => StorageClass !== 'GLACIER').length;
    for (const { Key } of await listed()) recorder.frozen.add(`/${Bucket}/${Key}`);
  }

  async function listed(): Promise<{ readonly Key: string; readonly StorageClass: string | undefined }[]> {
    const list = new ListObjectsV2Command({ Bucket: scene.bucket, Prefix: scene.prefix });
    const { Contents = [] } = await scene.root.send(list);
    return Contents.map(({ Key = '', StorageClass }) => ({ Key, StorageClass }));
  }

  async function runUntilThawed(command: ThawCommand): Promise<RanProgram> {
    for (let run = 1; ; run++) {
      const ran = await scene.run(command, ...argumentsOf(command));
      if (ran.exitCode !== Number(ExitCode.THAWING) || run === MOST_RUNS) return ran;
      await sleep(500);
    }
  }

  function argumentsOf(command: ThawCommand): string[] {
    const what = command === 'verify' ? ['--level', 'full'] : ['--recovery-point', 'latest', '--target', scene.target];
    return [...what, '--thaw', 'standard', '--thaw-for', '2d'];
  }
}

interface Policies {
  readonly backup: string;
  readonly plain: Readonly<Record<ThawCommand, string>>;
  readonly thawing: Readonly<Record<ThawCommand, string>>;
}

/** The policies exactly as the component hands them out. */
async function policiesOfComponent(bucket: string): Promise<Policies> {
  const plan = recommendedPlan();
  const { made } = await RecordingEngine.run(() => new BackupBucket('backups', { plan, bucket, prefix: 'prod' }));
  const policiesWith = async (thaw: boolean): Promise<Policies['plain']> => ({
    verify: await valueOf(made.policyFor('verify', { thaw })),
    restore: await valueOf(made.policyFor('restore', { thaw })),
  });
  const backup = await valueOf(made.policyFor('backup'));
  return { backup, plain: await policiesWith(false), thawing: await policiesWith(true) };
}
