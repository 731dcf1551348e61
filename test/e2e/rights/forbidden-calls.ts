import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  RestoreObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

const DAY = 24 * 60 * 60 * 1000;

/** A version of an object, unlocked or locked for a day, on which the calls are tried. */
export interface SomeVersion {
  readonly Bucket: string;
  readonly Key: string;
  readonly VersionId: string;
}

/** What is out of bounds for every command: the bucket's configuration, versions, locks, thaws. By what each would do. */
export type ForbiddenCall = keyof ReturnType<typeof forbiddenCalls>;

/** MinIO takes the rights to read objects and to list them for the rights on versions, too; versitygw doesn't, as AWS. */
export const TIED_ON_MINIO: readonly ForbiddenCall[] = ['reads a version', 'lists versions'];

/** What a bucket without locks answers before it looks at rights. */
export const ONLY_WITH_LOCKS: readonly ForbiddenCall[] = ['locks an object', 'makes a lock shorter'];

/** @returns what wasn't refused with AccessDenied, but for the exceptions */
export async function permittedOf(
  client: S3Client,
  version: SomeVersion,
  exceptions: readonly ForbiddenCall[] = [],
): Promise<string[]> {
  const calls = Object.entries(forbiddenCalls(client, version)).filter(([name]) => !listed(exceptions).includes(name));
  const permitted: string[] = [];
  // One after the other: if one was permitted, the next must find what it would do the same with.
  for (const [name, call] of calls) {
    const outcome = await call().catch((error: Error) => error.name);
    if (outcome !== 'AccessDenied') permitted.push(`${name}: ${outcome}`);
  }
  return permitted;
}

function listed(names: readonly string[]): readonly string[] {
  return names;
}

function forbiddenCalls(client: S3Client, version: SomeVersion) {
  const { Bucket, Key } = version;
  const lockedFor = (days: number) =>
    ({ Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + days * DAY) }) as const;
  const object = { Bucket, Key };
  const BypassGovernanceRetention = true;
  const done = (sent: Promise<unknown>): Promise<string> => sent.then(() => 'permitted');
  const VersioningConfiguration = { Status: 'Suspended' } as const;
  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }];
  const expiring = [{ ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } }];
  return {
    'suspends versioning': () => done(client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))),
    'changes the policy': () => done(client.send(new PutBucketPolicyCommand({ Bucket, Policy: openPolicy(Bucket) }))),
    'deletes the policy': () => done(client.send(new DeleteBucketPolicyCommand({ Bucket }))),
    'changes the lifecycle': () => {
      const LifecycleConfiguration = { Rules: expiring };
      return done(client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration })));
    },
    'deletes the lifecycle': () => done(client.send(new DeleteBucketLifecycleCommand({ Bucket }))),
    'changes the encryption': () => {
      const ServerSideEncryptionConfiguration = { Rules };
      return done(client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration })));
    },
    'changes the default lock': () => {
      const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' } as const;
      return done(client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration })));
    },
    'makes a bucket': () => done(client.send(new CreateBucketCommand({ Bucket: `${Bucket}-x` }))),
    'deletes the bucket': () => done(client.send(new DeleteBucketCommand({ Bucket }))),
    'locks an object': () => done(client.send(new PutObjectRetentionCommand({ ...version, Retention: lockedFor(2) }))),
    'makes a lock shorter': () => {
      const Retention = lockedFor(0.5);
      return done(client.send(new PutObjectRetentionCommand({ ...version, Retention, BypassGovernanceRetention })));
    },
    'holds an object': () =>
      done(client.send(new PutObjectLegalHoldCommand({ ...object, LegalHold: { Status: 'OFF' } }))),
    'deletes a version': () => done(client.send(new DeleteObjectCommand(version))),
    'deletes a locked version': () =>
      done(client.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention }))),
    'deletes a version among others': async () => {
      const { Key: key, VersionId } = version;
      const Delete = { Objects: [{ Key: key, VersionId }] };
      const { Errors: [failure] = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
      return failure?.Code ?? 'permitted';
    },
    'reads a version': () => done(client.send(new GetObjectCommand(version))),
    'lists versions': () => done(client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))),
    'tags an object': () => done(client.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet: [] } }))),
    'requests a thaw': () => {
      const RestoreRequest = { Days: 1, GlacierJobParameters: { Tier: 'Bulk' as const } };
      return done(client.send(new RestoreObjectCommand({ ...object, RestoreRequest })));
    },
  };
}

function openPolicy(bucket: string): string {
  const Resource = [`arn:aws:s3:::${bucket}/*`];
  const statement = { Effect: 'Allow', Principal: { AWS: ['*'] }, Action: ['s3:GetObject'], Resource };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}
