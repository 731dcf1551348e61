import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';

interface Policy {
  readonly Statement: readonly { readonly Sid: string; readonly Effect: string; readonly Condition?: unknown }[];
}

/** What a server says of a bucket's configuration; undefined where it has none or doesn't know the question. */
export async function readBack(endpoint: string, Bucket: string) {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  const optional = <T>(answer: Promise<T>): Promise<T | undefined> =>
    answer.catch((error: Error & { $metadata?: { httpStatusCode?: number } }) => {
      if (error.$metadata?.httpStatusCode === 404 || error.name === 'NotImplemented') return undefined;
      throw error;
    });
  try {
    const policy = await optional(client.send(new GetBucketPolicyCommand({ Bucket })));
    return {
      region: (await client.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint,
      versioning: (await client.send(new GetBucketVersioningCommand({ Bucket }))).Status,
      encryption: (await optional(client.send(new GetBucketEncryptionCommand({ Bucket }))))
        ?.ServerSideEncryptionConfiguration?.Rules,
      lifecycle: (await optional(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))))?.Rules ?? [],
      publicAccess: (await optional(client.send(new GetPublicAccessBlockCommand({ Bucket }))))
        ?.PublicAccessBlockConfiguration,
      ownership: (await optional(client.send(new GetBucketOwnershipControlsCommand({ Bucket }))))?.OwnershipControls
        ?.Rules?.[0]?.ObjectOwnership,
      lock: (await optional(client.send(new GetObjectLockConfigurationCommand({ Bucket }))))?.ObjectLockConfiguration,
      replication: (await optional(client.send(new GetBucketReplicationCommand({ Bucket }))))?.ReplicationConfiguration,
      policy: policy?.Policy === undefined ? undefined : (JSON.parse(policy.Policy) as Policy),
    };
  } finally {
    client.destroy();
  }
}
