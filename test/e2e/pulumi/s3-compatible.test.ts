import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Provider } from '@pulumi/aws/provider';
import { BackupBucket, S3Compatible, TempoBucketProtection } from '../../../lib/aws/index';
import { recommendedPlan } from '../../../lib/contract/index';
import { useAwsEnvironment } from '../../helpers/aws-environment';
import { readBack } from './read-back';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const absent = ['PULUMI_HOME', 'TEST_S3_ENDPOINT'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `Pulumi with a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('what protects buckets on a MinIO', () => minioSuite(TEST_S3_ENDPOINT ?? ''));
}

function minioSuite(endpoint: string): void {
  const bucket = `pulumi-${randomBytes(6).toString('hex')}`;
  const traces = `traces-${randomBytes(6).toString('hex')}`;
  const env = { AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_KEY };
  const restoreEnvironment = useAwsEnvironment(env);
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  let stack: StackUnderTest;

  beforeAll(async () => {
    stack = await StackUnderTest.make('minio', env);
    // Tempo's own bucket was there before.
    await s3.send(new CreateBucketCommand({ Bucket: traces }));
  });

  afterAll(async () => {
    await stack.remove();
    for (const Bucket of [bucket, traces]) await s3.send(new DeleteBucketCommand({ Bucket }));
    s3.destroy();
    restoreEnvironment();
  });

  const program = async (): Promise<Record<string, unknown>> => {
    const provider = new Provider('minio', { endpoints: [{ s3: endpoint }], region: 'us-east-1' });
    const minio = { plan: recommendedPlan(), endpoint: S3Compatible.minio({ url: endpoint }) };
    const backups = new BackupBucket('tempo-backups', { ...minio, bucket, objectLock: { days: 7 } }, { provider });
    const protection = new TempoBucketProtection('traces', { ...minio, bucket: traces }, { provider });
    return {
      url: backups.repositoryUrl,
      switchedOff: backups.switchedOff,
      tracesSwitchedOff: protection.switchedOff,
    };
  };

  it('configures them as far as the server can be, and says what it leaves out', async () => {
    const messages: string[] = [];
    const { outputs } = await (await stack.with(program)).up({ onOutput: (text) => messages.push(text) });
    const found = await readBack(endpoint, bucket);
    expect(found.versioning).toBe('Enabled');
    expect(found.encryption?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('AES256');
    expect(found.lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 7 });
    expect(found.lifecycle.map(({ NoncurrentVersionExpiration }) => NoncurrentVersionExpiration)).toEqual([
      { NoncurrentDays: 365 },
    ]);
    expect(outputs['url']?.value).toBe(`s3://${bucket}?region=us-east-1&endpoint=${encodeURIComponent(endpoint)}`);
    expect(outputs['switchedOff']?.value).toContain('public-access-block');
    expect(messages.join('')).toContain(
      "not configured, as 'endpoint' says that the server lacks it: public-access-block",
    );
    expect(outputs['tracesSwitchedOff']?.value).toEqual(outputs['switchedOff']?.value);
  });

  it("has Tempo's own bucket keep versions, for as long as the plan says", async () => {
    const found = await readBack(endpoint, traces);
    expect(found.versioning).toBe('Enabled');
    expect(found.lifecycle.map(({ ID, NoncurrentVersionExpiration }) => [ID, NoncurrentVersionExpiration])).toEqual([
      ['noncurrent-versions', { NoncurrentDays: 365 }],
    ]);
    expect([found.lock, found.policy]).toEqual([undefined, undefined]);
  });

  it('changes nothing the second time', async () => {
    await (await stack.with(program)).up({ expectNoChanges: true });
  });
}
