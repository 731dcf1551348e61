import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  GetBucketVersioningCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { BackupBucketArgs } from '../../../lib/aws/index';
import { program } from './bucket-program';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'refusals of a Pulumi engine skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('a BackupBucket on a real engine', () => engineSuite(AWS_ENDPOINT_URL ?? ''));
}

function engineSuite(endpoint: string): void {
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  let name: string;
  let stack: StackUnderTest;

  beforeEach(async () => {
    name = `refused-${randomBytes(5).toString('hex')}`;
    stack = await StackUnderTest.make('refusals');
  });

  afterEach(() => stack.remove());
  afterAll(() => s3.destroy());

  const bucket = (args: Partial<BackupBucketArgs> = {}) => program({ bucket: name, ...args });
  const refusalOf = (args: Partial<BackupBucketArgs> = {}): Promise<string> =>
    stack.refusal(require.resolve('./bucket-program'), { bucket: name, ...args });

  async function versioning(): Promise<string | undefined> {
    return (await s3.send(new GetBucketVersioningCommand({ Bucket: name }))).Status;
  }

  it('whose name is taken is refused, and what has the name is left as it is', async () => {
    const elsewhere = new S3Client({ endpoint, region: 'eu-west-1', forcePathStyle: true });
    const CreateBucketConfiguration = { LocationConstraint: 'eu-west-1' } as const;
    await elsewhere.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration }));
    elsewhere.destroy();
    expect(await refusalOf()).toMatch(/BucketAlready/);
    expect(await versioning()).toBeUndefined();
  });

  it('is neither imported nor replaced when it has no lock and one is asked for', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    const locked = { import: name, objectLock: { days: 7 } };
    expect(await refusalOf(locked)).toMatch(/unable to replace resource .* marked for protection/s);
    expect(await versioning()).toBeUndefined();

    await (await stack.with(bucket({ import: name }))).up();
    expect(await refusalOf({ objectLock: { days: 7 } })).toMatch(
      /unable to replace resource .* marked for protection/s,
    );
    expect(await versioning()).toBe('Enabled');
  });

  it('keeps versions again after somebody suspended that', async () => {
    await (await stack.with(bucket())).up();
    const VersioningConfiguration = { Status: 'Suspended' } as const;
    await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    const { summary } = await (await stack.with(bucket())).up({ refresh: true });
    expect(summary.resourceChanges).toMatchObject({ update: 1 });
    expect(await versioning()).toBe('Enabled');
  });
}
