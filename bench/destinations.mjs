// Where backups go: a folder, or a prefix of a bucket. Both can be emptied before the next run.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { bytesBelow, empty } from './scratch.mjs';

/** The S3 server that the environment names; undefined without one. */
export function s3FromEnvironment(env = process.env) {
  const { TEST_S3_ENDPOINT: endpoint, TEST_S3_ACCESS_KEY: accessKey, TEST_S3_SECRET_KEY: secretKey } = env;
  if (!endpoint || !accessKey || !secretKey) return undefined;
  return { endpoint, accessKey, secretKey, region: env.TEST_S3_REGION ?? 'us-east-1' };
}

export function folderDestination(scratch, name) {
  const path = join(scratch, 'repositories', name);
  return {
    kind: 'disk',
    name,
    path,
    url: `file://${path}`,
    async clear() {
      empty(path);
      mkdirSync(path, { recursive: true });
    },
    bytes: () => bytesBelow(path),
  };
}

/** A bucket of our own, with a destination for each prefix in it. */
export async function openBucket(s3) {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const bucket = `tempo-backup-bench-${process.pid}`;
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
  const query = new URLSearchParams({ region: s3.region, endpoint: s3.endpoint, pathStyle: 'true' });
  return {
    destination: (name) => ({
      kind: 's3',
      name,
      s3,
      bucket,
      prefix: name,
      url: `s3://${bucket}/${name}?${query}`,
      clear: () => emptyPrefix(client, bucket, `${name}/`),
    }),
    clear: () => emptyPrefix(client, bucket, ''),
    async remove() {
      await emptyPrefix(client, bucket, '');
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
      client.destroy();
    },
  };
}

async function emptyPrefix(client, bucket, prefix) {
  for (;;) {
    const { Contents: objects = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    if (objects.length === 0) return;
    const Objects = objects.map(({ Key }) => ({ Key }));
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
  }
}
