import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  RestoreObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { RewindResult } from '../../lib/contract/results';
import { run } from '../../runtime/run';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { blockFiles } from '../helpers/tempo-tree';

const { TEST_AWS_ENDPOINT, TEST_AWS_ACCESS_KEY = '', TEST_AWS_SECRET_KEY = '' } = process.env;
if (TEST_AWS_ENDPOINT === undefined)
  process.stderr.write('skipped: TEST_AWS_ENDPOINT is not set, so no server has archive classes\n');

/** Servers may keep time in whole seconds. */
const TICK_MS = 1100;

// A server that behaves as AWS does: MinIO has no archive classes.
(TEST_AWS_ENDPOINT === undefined ? describe.skip : describe)("Tempo's bucket, whose old versions are archived", () => {
  const Bucket = `rewind-${randomBytes(6).toString('hex')}`;
  let client: S3Client;
  let folder: string;
  let restoreEnvironment: () => void;

  beforeAll(async () => {
    restoreEnvironment = useAwsEnvironment({
      AWS_ACCESS_KEY_ID: TEST_AWS_ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: TEST_AWS_SECRET_KEY,
    });
    client = new S3Client({ endpoint: TEST_AWS_ENDPOINT, region: 'us-east-1', forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    folder = await mkdtemp(join(tmpdir(), 'rewind-archived-'));
    const storage = `{ backend: s3, bucket: ${Bucket}, prefix: tempo, endpoint: "${TEST_AWS_ENDPOINT ?? ''}" }`;
    const repository = `{ url: "file:///nonexistent/repository" }`;
    await writeFile(join(folder, 'tempo-backup.yaml'), `tempo: { storage: ${storage} }\nrepository: ${repository}\n`);
  });

  afterAll(async () => {
    client.destroy();
    await rm(folder, { recursive: true });
    restoreEnvironment();
  });

  async function rewind(to: Date, ...args: string[]): Promise<{ exitCode: number; result: RewindResult }> {
    let stdout = '';
    const surroundings = {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: () => undefined },
      onSignal: () => undefined,
    };
    const config = join(folder, 'tempo-backup.yaml');
    const argv = ['rewind', '--to', to.toISOString(), '--config', config, '--output', 'json', ...args];
    const exitCode = await run(argv, surroundings);
    return { exitCode, result: JSON.parse(stdout) as RewindResult };
  }

  /** All of it in GLACIER, and deleted later; thawed before where that is asked, as the server thaws no versions that aren't current. */
  async function archivedBlock(tenant: string, { thawed }: { readonly thawed: boolean }) {
    const { id, files } = blockFiles(tenant);
    const keys = [...files.keys()].map((name) => `tempo/${tenant}/${id}/${name}`);
    for (const [index, Body] of [...files.values()].entries())
      await client.send(new PutObjectCommand({ Bucket, Key: keys[index], Body, StorageClass: 'GLACIER' }));
    const RestoreRequest = { Days: 2, GlacierJobParameters: { Tier: 'Standard' } } as const;
    for (const Key of thawed ? keys : []) await client.send(new RestoreObjectCommand({ Bucket, Key, RestoreRequest }));
    await sleep(TICK_MS);
    const to = new Date();
    await sleep(TICK_MS);
    for (const Key of keys) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    return { id, keys, to };
  }

  it('is told apart from what is lost, with the versions that must be thawed', async () => {
    const { id, keys, to } = await archivedBlock('team-a', { thawed: false });
    const dry = await rewind(to, '--dry-run', '--tenant', 'team-a');
    expect(dry).toMatchObject({
      exitCode: ExitCode.THAWING,
      result: { waiting: [{ id }], lost: [], archived: { objects: keys.length, thawing: 0, thawed: 0 } },
    });
    expect(dry.result.archived.versions.map(({ key }) => `tempo/${key}`).sort()).toEqual([...keys].sort());
    expect((await rewind(to, '--tenant', 'team-a')).exitCode).toBe(ExitCode.THAWING);
  });

  it('comes back once it is thawed, though its class stays GLACIER', async () => {
    const { id, keys, to } = await archivedBlock('team-b', { thawed: true });
    for (let ended = false; !ended;) {
      const again = await rewind(to, '--tenant', 'team-b');
      ended = again.exitCode !== ExitCode.THAWING;
      if (!ended) continue;
      expect(again).toMatchObject({
        exitCode: ExitCode.DONE,
        result: { comeBack: [{ id }], lost: [], archived: { objects: keys.length, thawed: keys.length } },
      });
    }
    for (const Key of keys) {
      const { StorageClass } = await client.send(new HeadObjectCommand({ Bucket, Key }));
      expect(StorageClass).toBeUndefined();
    }
  }, 60_000);
});
