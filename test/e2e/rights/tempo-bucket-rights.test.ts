import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { BackupBucket, TempoBucketProtection } from '../../../lib/aws/index';
import { recommendedPlan, TEMPO_BUCKET_COMMANDS, type TempoBucketCommand } from '../../../lib/contract/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { blockFiles } from '../../helpers/tempo-tree';
import { type ForbiddenCall, ONLY_WITH_LOCKS, permittedOf, TIED_ON_MINIO } from './forbidden-calls';
import { type Credentials, type MinioServer, MinioUsers } from './minio-users';
import { PolicyCheck } from './policy-check';
import { runProgram, type RanProgram } from './run-program';
import { type S3Call, S3Recorder } from './s3-recorder';

const { TEST_S3_ENDPOINT, TEST_MC, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
const absent = ['TEST_S3_ENDPOINT', 'TEST_MC'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `rights on Tempo's bucket on a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
} else {
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  describe("the rights on Tempo's own bucket on a MinIO", () =>
    rightsSuite({ mc: TEST_MC ?? '', endpoint: TEST_S3_ENDPOINT ?? '', root }));
}

const TENANT = 'team-a';
/** More than one part. */
const BIG = 9 * 1024 * 1024;
const PART = 5 * 1024 * 1024;
/** Copies of more than 5 GiB alone go in parts that are aborted. */
const NOT_SEEN = /^TempoBlocks: s3:AbortMultipartUpload /;
/** What rewind is there for. */
const REWINDS: readonly ForbiddenCall[] = ['tags an object'];

function rightsSuite(server: MinioServer): void {
  const suffix = randomBytes(6).toString('hex');
  const buckets = { tempo: `traces-${suffix}`, backups: `backups-${suffix}` };
  const users = new Map<TempoBucketCommand, Credentials>();
  let policies: ReadonlyMap<TempoBucketCommand, Policies>;
  const runs: { readonly command: TempoBucketCommand; readonly what: string; readonly ran: RanProgram }[] = [];
  const undo: (() => Promise<unknown>)[] = [];
  let client: S3Client;
  let recorder: S3Recorder;
  let folder: string;
  let lost: string;

  beforeAll(async () => {
    recorder = await S3Recorder.before(server.endpoint);
    undo.push(() => recorder.close());
    client = clientFor(server.root);
    folder = await mkdtemp(join(tmpdir(), 'tempo-backup-rights-'));
    undo.push(() => rm(folder, { recursive: true }));
    for (const Bucket of Object.values(buckets)) {
      await client.send(new CreateBucketCommand({ Bucket }));
      undo.push(() => removeBucket(client, Bucket));
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    }
    const minio = await MinioUsers.on(server);
    undo.push(() => minio.remove());
    policies = await policiesOf(buckets);
    for (const [command, { onRepository, onTempo }] of policies)
      users.set(command, await minio.add(`tempo-${command}`, ...onRepository, ...onTempo));
    await liveThrough();
  }, 300_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    client.destroy();
    expect(failures).toEqual([]);
  }, 120_000);

  it('let backup, restore and rewind run their whole way', () => {
    const failed = runs.filter(({ what, ran }) => ran.exitCode !== (what.includes('--block') ? 12 : 0));
    expect(failed.map(({ what, ran }) => `${what}: ${ran.exitCode} ${ran.stderr}`)).toEqual([]);
    expect(new Set(runs.map(({ command }) => command))).toEqual(new Set(TEMPO_BUCKET_COMMANDS));
    expect(runs.flatMap(({ ran }) => ran.calls.filter(({ status }) => status === 403))).toEqual([]);
  });

  it('are rights to have the server copy: no block passes through the client where it is one server', () => {
    const passed = runs.map(
      ({ what, ran }) => `${what.split(' ')[0] ?? ''} ${ran.bytes < BIG ? 'copied' : 'streamed'}`,
    );
    const streamed = ['restore streamed', 'restore streamed'];
    expect(passed).toEqual([
      'backup copied',
      'backup copied',
      'rewind copied',
      'rewind copied',
      'restore copied',
      ...streamed,
    ]);
    // The first one also tried the server, with an object in parts.
    const [, backup] = runs;
    // Lists, manifests, and each block's meta.json.
    expect(backup?.ran.bytes).toBeLessThan(64 * 1024);
    expect(JSON.parse(backup?.ran.stdout ?? '{}')).toMatchObject({ bytes: { copied: expect.any(Number) } });
  });

  describe.each(TEMPO_BUCKET_COMMANDS)('of %s', (command) => {
    it('have every call that was made in the policies that the components make', () => {
      const { onRepository = [], onTempo = [] } = policies.get(command) ?? {};
      const calls = callsOf(command);
      const onOthers = calls.filter(({ bucket }) => !Object.values(buckets).includes(bucket));
      expect(onOthers).toEqual([]);
      expect(new PolicyCheck([...onRepository, ...onTempo]).lacks(calls)).toEqual([]);
    });

    it('have nothing in the policy on the bucket that was never called', () => {
      const calls = callsOf(command).filter(({ bucket }) => bucket === buckets.tempo);
      expect(calls.length).toBeGreaterThan(0);
      const unused = new PolicyCheck(policies.get(command)?.onTempo ?? []).unused(calls);
      const isSeldom = (grant: string): boolean => command === 'rewind' && NOT_SEEN.test(grant);
      expect(unused.filter((grant) => !isSeldom(grant))).toEqual([]);
      expect(unused.some(isSeldom)).toBe(command === 'rewind');
    });

    it('refuse to change the bucket, its versions and its locks', async () => {
      const list = new ListObjectVersionsCommand({ Bucket: buckets.tempo, Prefix: 'single/' });
      const [{ Key = '', VersionId = '' } = {}] = (await client.send(list)).Versions ?? [];
      const exceptions = [...TIED_ON_MINIO, ...ONLY_WITH_LOCKS, ...(command === 'rewind' ? REWINDS : [])];
      expect(await permittedOf(as(command), { Bucket: buckets.tempo, Key, VersionId }, exceptions)).toEqual([]);
    });
  });

  it('end at the prefix of Tempo', async () => {
    for (const command of TEMPO_BUCKET_COMMANDS) {
      const get = new GetObjectCommand({ Bucket: buckets.tempo, Key: 'elsewhere' });
      await expect(as(command).send(get)).rejects.toMatchObject({ name: 'AccessDenied' });
    }
  });

  it('let backup write nothing and restore delete nothing', async () => {
    const Key = `single/${TENANT}/${lost}/meta.json`;
    const put = new PutObjectCommand({ Bucket: buckets.tempo, Key, Body: 'x' });
    await expect(as('backup').send(put)).rejects.toMatchObject({ name: 'AccessDenied' });
    const remove = new DeleteObjectCommand({ Bucket: buckets.tempo, Key });
    for (const command of ['backup', 'restore'] as const)
      await expect(as(command).send(remove)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  function callsOf(command: TempoBucketCommand): S3Call[] {
    return runs.filter((run) => run.command === command).flatMap(({ ran }) => ran.calls);
  }

  /** A backup, a loss, a rewind; then another loss and restores, by copies of the server and through the program. */
  async function liveThrough(): Promise<void> {
    await flush();
    await configure({ sameServer: true });
    await run('backup');
    lost = await flush();
    await run('backup');
    const moment = new Date(Date.now() + 1000).toISOString();
    await sleep(3000);
    await lose(lost);
    // Came after the moment, so it is hidden.
    await flush();
    await run('rewind', '--to', moment, '--allow', 'tempo-running');
    // Another one looks whether what is there is what the first brought back.
    await run('rewind', '--to', moment, '--allow', 'tempo-running');
    await lose(lost);
    await run('restore', '--recovery-point', 'latest', '--scope', 'data');
    await configure({ sameServer: false });
    await lose(lost);
    recorder.answersToLose.push((method, { searchParams }) => method === 'POST' && searchParams.has('uploads'));
    await run('restore', '--recovery-point', 'latest', '--scope', 'data');
    await lose(lost);
    // The key is taken by other bytes, so the upload is aborted.
    await put(lost, 'data.parquet', Buffer.alloc(BIG, 7));
    await run('restore', '--recovery-point', 'latest', '--scope', 'data', '--block', lost);
  }

  async function flush(): Promise<string> {
    const { id, files } = blockFiles(TENANT, { size: BIG });
    for (const [name, bytes] of files) await (bytes.length > PART ? putInParts : put)(id, name, bytes);
    return id;
  }

  async function put(id: string, name: string, Body: Buffer): Promise<void> {
    const Key = `single/${TENANT}/${id}/${name}`;
    await client.send(new PutObjectCommand({ Bucket: buckets.tempo, Key, Body }));
  }

  /** As Tempo does: the copy of such an object has another ETag. */
  async function putInParts(id: string, name: string, bytes: Buffer): Promise<void> {
    const object = { Bucket: buckets.tempo, Key: `single/${TENANT}/${id}/${name}` };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let start = 0; start < bytes.length; start += PART) {
      const PartNumber = Parts.length + 1;
      const Body = bytes.subarray(start, start + PART);
      const { ETag } = await client.send(new UploadPartCommand({ ...object, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
  }

  /** As Tempo's retention does. */
  async function lose(id: string): Promise<void> {
    for (const name of ['data.parquet', 'bloom-0', 'index', 'meta.json'])
      await client.send(new DeleteObjectCommand({ Bucket: buckets.tempo, Key: `single/${TENANT}/${id}/${name}` }));
  }

  async function run(command: TempoBucketCommand, ...args: string[]): Promise<void> {
    const ran = await runProgram(recorder, users.get(command), [command, ...args, '--config', configFile()]);
    runs.push({ command, what: [command, ...args].join(' '), ran });
  }

  function configFile(): string {
    return join(folder, 'tempo-backup.yaml');
  }

  /** Where region or endpoint are written differently, nobody knows that it is one server. */
  async function configure({ sameServer }: { readonly sameServer: boolean }): Promise<void> {
    const { endpoint } = recorder;
    const other = sameServer ? endpoint : endpoint.replace('127.0.0.1', 'localhost');
    const parameters = new URLSearchParams({ endpoint: other, region: 'us-east-1' }).toString();
    const storage = `{ backend: s3, bucket: ${buckets.tempo}, prefix: single, endpoint: "${endpoint}", region: us-east-1 }`;
    await writeFile(
      configFile(),
      `tempo: { storage: ${storage}, retention: 87600h }\nrepository: { url: "s3://${buckets.backups}/prod?${parameters}" }\n`,
    );
  }

  function as(command: TempoBucketCommand): S3Client {
    const user = users.get(command);
    if (!user) throw new Error(`there is no user for ${command}`);
    return clientFor(user);
  }

  function clientFor(credentials: Credentials): S3Client {
    return new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  }
}

interface Policies {
  readonly onRepository: readonly string[];
  readonly onTempo: readonly string[];
}

/** The policies exactly as the components hand them out: on the repository, where there is one, and on Tempo's bucket. */
async function policiesOf(buckets: {
  readonly tempo: string;
  readonly backups: string;
}): Promise<Map<TempoBucketCommand, Policies>> {
  const plan = recommendedPlan();
  const policies = new Map<TempoBucketCommand, Policies>();
  const { made } = await RecordingEngine.run(() => ({
    backups: new BackupBucket('tempo-backups', { plan, bucket: buckets.backups, prefix: 'prod' }),
    traces: new TempoBucketProtection('traces', { plan, bucket: buckets.tempo, prefix: 'single' }),
  }));
  for (const command of TEMPO_BUCKET_COMMANDS) {
    const onRepository = command === 'rewind' ? [] : [await valueOf(made.backups.policyFor(command))];
    policies.set(command, { onRepository, onTempo: [await valueOf(made.traces.policyFor(command))] });
  }
  return policies;
}

async function removeBucket(client: S3Client, Bucket: string): Promise<void> {
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) break;
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}
