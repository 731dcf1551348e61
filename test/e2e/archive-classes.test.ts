import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { ExitCode } from '../../lib/contract/exit-codes';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { Workplace } from '../helpers/command-runner';

const { TEST_AWS_ENDPOINT, TEST_AWS_ACCESS_KEY = '', TEST_AWS_SECRET_KEY = '' } = process.env;
if (TEST_AWS_ENDPOINT === undefined)
  process.stderr.write('skipped: TEST_AWS_ENDPOINT is not set, so no server has archive classes\n');

// A server that behaves as AWS does: MinIO has no archive classes.
(TEST_AWS_ENDPOINT === undefined ? describe.skip : describe)('a repository of which blocks are in GLACIER', () => {
  const bucket = `archive-${randomBytes(6).toString('hex')}`;
  const url = `s3://${bucket}/prod?${new URLSearchParams({ endpoint: TEST_AWS_ENDPOINT ?? '', pathStyle: 'true' }).toString()}`;
  let client: S3Client;
  let workplace: Workplace;
  let restoreEnvironment: () => void;

  beforeAll(async () => {
    restoreEnvironment = useAwsEnvironment({
      AWS_ACCESS_KEY_ID: TEST_AWS_ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: TEST_AWS_SECRET_KEY,
    });
    client = new S3Client({ endpoint: TEST_AWS_ENDPOINT, region: 'us-east-1', forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    workplace = await Workplace.withFixture('tempo-2.9');
    const backup = await workplace.run('backup', '--repository', url);
    expect(backup).toMatchObject({ exitCode: ExitCode.DONE });
  }, 60_000);

  afterAll(async () => {
    client.destroy();
    await workplace.remove();
    restoreEnvironment();
  });

  async function dataFiles(): Promise<string[]> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'prod/blocks/' }));
    return Contents.flatMap(({ Key }) => (Key?.endsWith('/data.parquet') ? Key : []));
  }

  /** As a lifecycle rule would. */
  async function freeze(Key: string): Promise<void> {
    const { Metadata } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
    const archived = {
      StorageClass: 'GLACIER',
      MetadataDirective: 'REPLACE',
      ChecksumAlgorithm: 'SHA256',
      Metadata,
    } as const;
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/${Key}`, ...archived }));
  }

  it('waits for the thaw that it requested, then verifies and restores', async () => {
    const frozen = await dataFiles();
    expect(frozen.length).toBeGreaterThan(1);
    for (const key of frozen) await freeze(key);
    const target = join(workplace.folder, 'restored');
    const verifyAll = () => workplace.run('verify', '--repository', url, '--level', 'content');
    const allowed = ['--allow', 'retention', '--allow', 'owner'];
    const restore = (...args: string[]) =>
      workplace.run('restore', '--repository', url, '--target', target, ...allowed, ...args);
    const verify = await verifyAll();
    expect(verify.exitCode).toBe(ExitCode.THAWING);
    expect(verify.result.error.message).toContain(`${frozen.length} objects`);
    const dry = await restore('--dry-run');
    expect(dry.exitCode).toBe(ExitCode.THAWING);
    expect(dry.result.archived).toMatchObject({ objects: frozen.length, thawing: 0, thawed: 0 });
    const asked = await restore('--thaw', 'standard', '--thaw-for', '2d');
    expect(asked.exitCode).toBe(ExitCode.THAWING);
    expect(asked.result.error.message).toContain(`${frozen.length} requested now`);
    const { Restore } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: frozen[0] }));
    expect(Restore).toMatch(/ongoing-request="(true|false)"/);
    for (let ended = false; !ended;) {
      const again = await restore('--thaw', 'standard');
      ended = again.exitCode !== ExitCode.THAWING;
      if (ended) expect(again).toMatchObject({ exitCode: ExitCode.DONE, result: { blocks: { failed: [] } } });
    }
    expect((await verifyAll()).exitCode).toBe(ExitCode.DONE);
    const files = readdirSync(target, { recursive: true, encoding: 'utf8' });
    expect(files.filter((path) => path.endsWith('data.parquet'))).toHaveLength(frozen.length);
  }, 60_000);
});
