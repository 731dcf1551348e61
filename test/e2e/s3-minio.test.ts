import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { openS3Storage } from '../../runtime/storage/s3';
import { RepositoryMissingError, UsageError } from '../../runtime/errors';
import { type Storage } from '../../runtime/storage/storage';
import { useAwsEnvironment } from '../helpers/aws-environment';
import { sourceOf } from '../helpers/buffer-source';
import { storageSuite } from '../helpers/storage-suite';

const {
  TEST_S3_ENDPOINT,
  TEST_S3_REPLICA_ENDPOINT,
  TEST_S3_ACCESS_KEY = '',
  TEST_S3_SECRET_KEY = '',
  TEST_S3_REGION: region = 'us-east-1',
} = process.env;
const keys = { AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_KEY };
const endpoints = { TEST_S3_ENDPOINT, TEST_S3_REPLICA_ENDPOINT };

let restoreEnvironment: () => void;
beforeAll(() => {
  restoreEnvironment = useAwsEnvironment(keys);
});
afterAll(() => restoreEnvironment());

const absent = Object.keys(endpoints).filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `S3 server suite skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
}

for (const [name, endpoint] of Object.entries(endpoints)) {
  if (endpoint) describe(`S3 storage on ${name}`, () => serverSuite(name, endpoint));
}

function serverSuite(name: string, endpoint: string): void {
  storageSuite(name, () => openInNewBucket(endpoint), { timeoutMs: 60_000 });

  it('names the bucket and the key when the secret is wrong', async () => {
    const bucket = await createBucket(endpoint);

    await expect(withKeys({ AWS_SECRET_ACCESS_KEY: 'wrong' }, urlOf(endpoint, bucket.name))).rejects.toThrow(
      new RegExp(`'${bucket.name}': the secret key is wrong in the credentials from .*AWS_ACCESS_KEY_ID`),
    );
    await expect(withKeys({ AWS_ACCESS_KEY_ID: 'nobody' }, urlOf(endpoint, bucket.name))).rejects.toThrow(UsageError);
    await bucket.remove();
  });

  it('tells that the bucket is missing', async () => {
    await expect(withKeys({}, urlOf(endpoint, `absent-${randomBytes(6).toString('hex')}`))).rejects.toThrow(
      RepositoryMissingError,
    );
  });
}

async function withKeys(variables: Readonly<Record<string, string>>, url: string): Promise<void> {
  const restore = useAwsEnvironment({ ...keys, ...variables });
  try {
    const storage = await openS3Storage(url);
    await storage.put('a', sourceOf('a'));
  } finally {
    restore();
  }
}

async function openInNewBucket(endpoint: string): Promise<{ storage: Storage; cleanUp: () => Promise<void> }> {
  const bucket = await createBucket(endpoint);
  return { storage: await openS3Storage(urlOf(endpoint, bucket.name)), cleanUp: bucket.remove };
}

function urlOf(endpoint: string, bucket: string): string {
  return `s3://${bucket}/backups/e2e?${new URLSearchParams({ endpoint, region }).toString()}`;
}

async function createBucket(endpoint: string): Promise<{ name: string; remove: () => Promise<void> }> {
  const name = `e2e-${randomBytes(8).toString('hex')}`;
  const client = new S3Client({ endpoint, region, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  const remove = async (): Promise<void> => {
    const storage = await openS3Storage(urlOf(endpoint, name));
    const left: string[] = [];
    for await (const { key } of storage.list('')) left.push(key);
    await storage.delete(left);
    await storage.close();
    await client.send(new DeleteBucketCommand({ Bucket: name }));
    client.destroy();
  };
  return { name, remove };
}
