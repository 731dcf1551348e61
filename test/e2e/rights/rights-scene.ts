import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { CommandName, StorageCaller } from '../../../lib/contract/index';
import { ClusterDouble } from '../../helpers/cluster-double';
import { copyFixture, fakeParquet, makeBlock, makeWalBlock, pageName } from '../../helpers/tempo-tree';
import type { Credentials } from './minio-users';
import { boundClaim, CLAIM, NAMESPACE, snapshotter } from '../../runtime/commands/snapshot/snapshot-scene';
import { type RanProgram, runProgram } from './run-program';
import type { S3Call, S3Recorder } from './s3-recorder';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** More than one part. */
const BIG = 9 * 1024 * 1024;
const LEAST_GRACE_SECONDS = 15;
const MOST_GRACE_SECONDS = 60;
/** A backup of this scene takes longer than a command that only asks, on a busy machine as on an idle one. */
const GRACE_IN_QUICK_RUNS = 20;

/** A bucket with versions, a Tempo's data to back up into it, and the program with each command's own credentials. */
export class RightsScene {
  static async make(recorder: S3Recorder, server: { endpoint: string; root: Credentials }): Promise<RightsScene> {
    const cluster = await ClusterDouble.start({ objects: [boundClaim(CLAIM)], controllers: [snapshotter()] });
    const folder = await mkdtemp(join(tmpdir(), 'tempo-backup-rights-'));
    const scene = new RightsScene(recorder, server, { folder, cluster });
    copyFixture('tempo-2.9', scene.folder);
    await writeFile(scene.tempoConfig, 'block_retention: 87600h\n');
    for (const Bucket of scene.buckets) {
      await scene.root.send(new CreateBucketCommand({ Bucket }));
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await scene.root.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    }
    await scene.configure();
    await scene.configureSnapshots();
    return scene;
  }

  readonly bucket = `rights-${randomBytes(6).toString('hex')}`;
  /** Of the repository that `replicate` writes to. */
  readonly targetBucket = `${this.bucket}-copy`;
  /** What the server of the bucket keeps as its replica. */
  readonly replicaBucket = `${this.bucket}-replica`;
  readonly prefix = 'prod/';
  /** Longer than a backup of this scene takes; what is past it is tried by waiting. */
  graceSeconds = LEAST_GRACE_SECONDS;
  readonly root: S3Client;
  readonly users = new Map<StorageCaller, Credentials>();
  /** Everything that each command called, on the repository and on its replica. */
  readonly called = new Map<StorageCaller, S3Call[]>();
  private namedTempoConfig: string | undefined;
  private readonly folder: string;
  private readonly cluster: ClusterDouble;

  private constructor(
    private readonly recorder: S3Recorder,
    private readonly server: { readonly endpoint: string; readonly root: Credentials },
    { folder, cluster }: { readonly folder: string; readonly cluster: ClusterDouble },
  ) {
    this.folder = folder;
    this.cluster = cluster;
    this.root = this.client(server.root);
  }

  /** A client past the recorder. */
  client(credentials: Credentials): S3Client {
    return new S3Client({ endpoint: this.server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  }

  /** Runs the bundled program as the command's user. */
  async run(command: CommandName, ...args: string[]): Promise<RanProgram> {
    const config = command === 'snapshot' ? this.snapshotConfig : this.config;
    const argv = [command, ...args, '--config', config];
    const environment = { KUBECONFIG: join(this.folder, 'kubeconfig') };
    const ran = await runProgram(this.recorder, this.users.get(command), argv, environment);
    const { calls } = ran;
    const elsewhere = calls.filter(({ bucket }) => !this.buckets.includes(bucket));
    if (elsewhere.length > 0)
      throw new Error(`${argv.join(' ')} called on other buckets: ${JSON.stringify(elsewhere)}`);
    this.note(
      command,
      calls.filter(({ bucket }) => bucket !== this.targetBucket),
    );
    this.note(
      'replicate-target',
      calls.filter(({ bucket }) => bucket === this.targetBucket),
    );
    return ran;
  }

  /** On which the caller works. */
  bucketOf(caller: StorageCaller): string {
    return caller === 'replicate-target' ? this.targetBucket : this.bucket;
  }

  /** Grants backups the more time, the longer the machine takes for a command that does little. */
  async adaptGrace(quickRunMilliseconds: number): Promise<void> {
    const wanted = Math.ceil((GRACE_IN_QUICK_RUNS * quickRunMilliseconds) / 1000);
    this.graceSeconds = Math.min(MOST_GRACE_SECONDS, Math.max(LEAST_GRACE_SECONDS, wanted));
    await this.configure();
  }

  /** What `replicate --to` takes. */
  get copyUrl(): string {
    return this.urlOf(this.targetBucket);
  }

  get replicaUrl(): string {
    return this.urlOf(this.replicaBucket);
  }

  /** As the server of a bucket with replication does. */
  async fillReplica(): Promise<void> {
    for (const key of await this.keys('')) {
      const CopySource = `${this.bucket}/${this.prefix}${key}`;
      await this.root.send(new CopyObjectCommand({ Bucket: this.replicaBucket, Key: this.prefix + key, CopySource }));
    }
  }

  /** The folder that restores go to. */
  get target(): string {
    return join(this.folder, 'restored');
  }

  /** A new block of the source, larger than a part. */
  addBlock(): { readonly id: string; readonly data: Buffer } {
    const { id, files } = makeBlock(join(this.folder, 'var-tempo/traces'), 'team-a', { size: BIG });
    return { id, data: files.get('data.parquet') ?? Buffer.alloc(0) };
  }

  /** A new block of the write-ahead log with a page larger than a part. */
  async addWalBlock(): Promise<void> {
    const { folder, traceIds } = makeWalBlock(join(this.folder, 'var-tempo/wal'), 'team-a');
    await writeFile(join(folder, pageName(1)), fakeParquet(traceIds, 'wal', BIG));
  }

  /** Changes Tempo's configuration file, and says under which key it will lie. */
  async changeTempoConfig(text: string): Promise<string> {
    await writeFile(this.tempoConfig, text);
    return `config/${createHash('sha256').update(text).digest('hex')}.yaml`;
  }

  async put(key: string, body: Buffer | string, Bucket = this.bucket): Promise<void> {
    await this.root.send(new PutObjectCommand({ Bucket, Key: this.prefix + key, Body: body }));
  }

  async get(key: string): Promise<Buffer> {
    const { Body } = await this.root.send(new GetObjectCommand({ Bucket: this.bucket, Key: this.prefix + key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async delete(key: string): Promise<void> {
    await this.root.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: this.prefix + key }));
  }

  async keys(prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.root.send(
      new ListObjectsV2Command({ Bucket: this.bucket, Prefix: this.prefix + prefix }),
    );
    return Contents.map(({ Key = '' }) => this.relative(Key));
  }

  /** Key and ID of some version of each object and delete marker. */
  async versions(Bucket = this.bucket): Promise<{ Key: string; VersionId: string }[]> {
    const { Versions = [], DeleteMarkers = [] } = await this.root.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key = '', VersionId = '' }) => ({ Key, VersionId }));
  }

  /** Makes the program forget where Tempo's configuration lies, as on a machine that is new. */
  forgetTempoConfig(): Promise<void> {
    this.namedTempoConfig = '';
    return this.configure();
  }

  /** Each step, also where another one fails: a server that is left open keeps the process alive. */
  async remove(): Promise<unknown[]> {
    const steps = [
      () => this.cluster.stop(),
      () => rm(this.folder, { recursive: true }),
      ...this.buckets.map((bucket) => () => this.removeBucket(bucket)),
    ];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    this.root.destroy();
    return failures;
  }

  private get buckets(): readonly string[] {
    return [this.bucket, this.targetBucket, this.replicaBucket];
  }

  private async removeBucket(Bucket: string): Promise<void> {
    for (let left = await this.versions(Bucket); left.length > 0; left = await this.versions(Bucket))
      await this.root.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: left, Quiet: true } }));
    await this.root.send(new DeleteBucketCommand({ Bucket }));
  }

  private get config(): string {
    return join(this.folder, 'tempo-backup.yaml');
  }

  private get snapshotConfig(): string {
    return join(this.folder, 'snapshots.yaml');
  }

  private note(caller: StorageCaller, calls: readonly S3Call[]): void {
    this.called.set(caller, [...(this.called.get(caller) ?? []), ...calls]);
  }

  private urlOf(bucket: string): string {
    const parameters = new URLSearchParams({ endpoint: this.recorder.endpoint, region: 'us-east-1' });
    return `s3://${bucket}/prod?${parameters.toString()}`;
  }

  private async configureSnapshots(): Promise<void> {
    await writeFile(join(this.folder, 'kubeconfig'), this.cluster.kubeconfig());
    const workload = '{ kind: StatefulSet, name: tempo }';
    await writeFile(
      this.snapshotConfig,
      `repository: { url: "${this.urlOf(this.bucket)}" }\n` +
        `kubernetes: { namespace: ${NAMESPACE}, workload: ${workload}, persistentVolumeClaims: [${CLAIM}] }\n`,
    );
  }

  private get tempoConfig(): string {
    return join(this.folder, 'tempo.yaml');
  }

  private relative(key: string): string {
    return key.startsWith(this.prefix) ? key.slice(this.prefix.length) : key;
  }

  private async configure(): Promise<void> {
    const tempoConfig = this.namedTempoConfig ?? this.tempoConfig;
    const storage = `{ path: ${this.folder}/var-tempo/traces, walPath: ${this.folder}/var-tempo/wal }`;
    const schedule = "schedule: { cron: '* * * * *' }, deleteAfter: 1s";
    const rules = ['all', 'data', 'wal', 'config'].map((scope) => `{ name: ${scope}, scope: ${scope}, ${schedule} }`);
    await writeFile(
      this.config,
      [
        `tempo: { storage: ${storage}, configFiles: [${tempoConfig}], retention: 87600h }`,
        `repository: { url: "${this.urlOf(this.bucket)}" }`,
        `plan: { prune: { grace: ${this.graceSeconds}s, maxShare: 1 }, rules: [${rules.join(', ')}] }`,
        '',
      ].join('\n'),
    );
  }
}
