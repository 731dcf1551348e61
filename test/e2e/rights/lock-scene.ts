import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectRetentionCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectLockRetentionMode,
  PutObjectLegalHoldCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { BackupBucket, S3Compatible } from '../../../lib/aws/index';
import { recommendedPlan } from '../../../lib/contract/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { copyFixture, makeBlock } from '../../helpers/tempo-tree';
import { type Credentials, type MinioServer, MinioUsers } from './minio-users';
import { runProgram } from './run-program';
import { type S3Call, S3Recorder } from './s3-recorder';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

export const LOCK_COMMANDS = ['backup', 'verify', 'restore', 'prune'] as const;
export type LockCommand = (typeof LOCK_COMMANDS)[number];
/** Longer than a backup of this scene takes. */
export const GRACE_SECONDS = 10;

/** A bucket that can lock objects, a Tempo's data to back up into it, and the program with each command's own credentials. */
export class LockScene {
  static async make(server: MinioServer): Promise<LockScene> {
    const recorder = await S3Recorder.before(server.endpoint);
    const minio = await MinioUsers.on(server);
    const folder = await mkdtemp(join(tmpdir(), 'tempo-backup-lock-'));
    const scene = new LockScene(server, { recorder, minio, folder });
    await scene.client.send(new CreateBucketCommand({ Bucket: scene.bucket, ObjectLockEnabledForBucket: true }));
    for (const [command, policy] of await policiesOf(scene.bucket)) {
      scene.policies.set(command, policy);
      scene.users.set(command, await minio.add(command, policy));
    }
    copyFixture('tempo-2.9', folder);
    await writeFile(scene.tempoConfig, 'block_retention: 87600h\n');
    await scene.configure();
    return scene;
  }

  readonly bucket = `locked-${randomBytes(6).toString('hex')}`;
  readonly called = new Map<LockCommand, S3Call[]>();
  /** Of each command, as the component makes it. */
  readonly policies = new Map<LockCommand, string>();
  /** Of the owner of the server. */
  readonly client: S3Client;
  readonly folder: string;
  private readonly users = new Map<LockCommand, Credentials>();

  private constructor(
    private readonly server: MinioServer,
    private readonly parts: {
      readonly recorder: S3Recorder;
      readonly minio: MinioUsers;
      readonly folder: string;
    },
  ) {
    this.folder = parts.folder;
    const { endpoint, root: credentials } = server;
    this.client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  }

  /** Each step, also where another one fails: a server that is left open keeps the process alive. */
  async remove(bucketToo: boolean): Promise<readonly unknown[]> {
    const { recorder, minio, folder } = this.parts;
    const steps = [
      () => rm(folder, { recursive: true }),
      () => minio.remove(),
      ...(bucketToo ? [() => this.removeBucket()] : []),
      () => recorder.close(),
    ];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    this.client.destroy();
    return failures;
  }

  /** Runs the program, which must succeed without a call that is refused. */
  async run<T>(command: LockCommand, ...args: string[]): Promise<T> {
    const argv = [command, ...args, '--config', join(this.folder, 'tempo-backup.yaml')];
    const ran = await runProgram(this.parts.recorder, this.users.get(command), argv);
    const { exitCode, stderr, stdout, calls } = ran;
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: expect.any(String) });
    expect(calls.filter(({ status }) => status === 403)).toEqual([]);
    expect(calls.filter(({ bucket }) => bucket !== this.bucket)).toEqual([]);
    this.called.set(command, [...(this.called.get(command) ?? []), ...calls]);
    return JSON.parse(stdout) as T;
  }

  async configure({ deleteAfter = '1s', lockPeriod = '' } = {}): Promise<void> {
    const { folder } = this;
    const parameters = new URLSearchParams({ endpoint: this.parts.recorder.endpoint, region: 'us-east-1' }).toString();
    const rule = `{ name: short, schedule: { cron: '* * * * *' }, deleteAfter: ${deleteAfter} }`;
    const storage = lockPeriod === '' ? '' : `, storage: { lockPeriod: ${lockPeriod} }`;
    await writeFile(
      join(folder, 'tempo-backup.yaml'),
      [
        `tempo: { storage: { path: ${folder}/var-tempo/traces, walPath: ${folder}/var-tempo/wal }, configFiles: [${this.tempoConfig}], retention: 87600h }`,
        `repository: { url: "s3://${this.bucket}/prod?${parameters}" }`,
        `plan: { prune: { grace: ${GRACE_SECONDS}s, maxShare: 1 }, rules: [${rule}]${storage} }`,
        '',
      ].join('\n'),
    );
  }

  /** Of the command's user. */
  clientOf(command: LockCommand): S3Client {
    const credentials = this.users.get(command);
    if (!credentials) throw new Error(`there is no user for ${command}`);
    const { endpoint } = this.server;
    return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  }

  private get tempoConfig(): string {
    return join(this.folder, 'tempo.yaml');
  }

  /** @returns its ID */
  addBlock(size?: number): string {
    const { id } = makeBlock(join(this.folder, 'var-tempo/traces'), 'team-a', size === undefined ? {} : { size });
    return id;
  }

  /** As somebody else would. */
  async put(Key: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body: 'of nobody' }));
  }

  /** What new objects are locked by, from now on; nothing without a mode. */
  async setDefaultLock(Mode?: ObjectLockRetentionMode): Promise<void> {
    const Rule = Mode && { DefaultRetention: { Mode, Days: 1 } };
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
    await this.client.send(new PutObjectLockConfigurationCommand({ Bucket: this.bucket, ObjectLockConfiguration }));
  }

  async keys(Prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix }));
    return Contents.map(({ Key = '' }) => Key);
  }

  async modifiedAt(Prefix: string): Promise<number> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix }));
    return Contents[0]?.LastModified?.getTime() ?? 0;
  }

  async versionOf(
    Prefix: string,
  ): Promise<{ readonly Bucket: string; readonly Key: string; readonly VersionId: string }> {
    const { bucket: Bucket } = this;
    const { Versions: [newest] = [] } = await this.client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    return { Bucket, Key: newest?.Key ?? '', VersionId: newest?.VersionId ?? '' };
  }

  async lockOf(Key: string): Promise<{ readonly mode: string; readonly until: Date }> {
    const { Retention } = await this.client.send(new GetObjectRetentionCommand({ Bucket: this.bucket, Key }));
    return { mode: Retention?.Mode ?? '', until: Retention?.RetainUntilDate ?? new Date(0) };
  }

  /** As time would, or somebody who locks an object by hand. */
  async relock(Key: string, Mode: ObjectLockRetentionMode, RetainUntilDate: Date): Promise<void> {
    const Retention = { Mode, RetainUntilDate };
    const lift = { Bucket: this.bucket, Key, Retention, BypassGovernanceRetention: true };
    await this.client.send(new PutObjectRetentionCommand(lift));
  }

  async hold(Key: string, Status: 'ON' | 'OFF'): Promise<void> {
    await this.client.send(new PutObjectLegalHoldCommand({ Bucket: this.bucket, Key, LegalHold: { Status } }));
  }

  private async removeBucket(): Promise<void> {
    const { bucket: Bucket } = this;
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await this.client.send(new ListObjectVersionsCommand({ Bucket }));
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) break;
      const Delete = { Objects, Quiet: true };
      await this.client.send(new DeleteObjectsCommand({ Bucket, Delete, BypassGovernanceRetention: true }));
    }
    await this.client.send(new DeleteBucketCommand({ Bucket }));
  }
}

/** The policies exactly as the component hands them out for a bucket that it locks. */
async function policiesOf(bucket: string): Promise<Map<LockCommand, string>> {
  const endpoint = S3Compatible.minio({ url: 'https://minio.example.com' });
  const objectLock = { days: 1 };
  const { made } = await RecordingEngine.run(
    () => new BackupBucket('tempo-backups', { plan: recommendedPlan(), bucket, prefix: 'prod', endpoint, objectLock }),
  );
  const policies = LOCK_COMMANDS.map(async (command) => [command, await valueOf(made.policyFor(command))] as const);
  return new Map(await Promise.all(policies));
}
