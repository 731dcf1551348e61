import { policyDocument, type PolicyDocument, type PolicyStatement } from '../bucket-grants';

/** What replication reads and writes. */
export interface ReplicationPath {
  /** ARN of the bucket that is read. */
  readonly sourceArn: string;
  /** ARN of the bucket that is written. */
  readonly replicaArn: string;
  /** ARN of the key that the source is encrypted with; undefined: keys of S3. */
  readonly sourceKeyArn: string | undefined;
  /** ARN of the key that the replica is encrypted with; undefined: keys of S3. */
  readonly replicaKeyArn: string | undefined;
  /** Whether deletions are replicated. */
  readonly deleteMarkers: boolean;
  /** Whether objects are locked. */
  readonly lock: boolean;
}

/** Lets S3 itself assume the role. */
export const REPLICATION_TRUST: PolicyDocument = policyDocument([
  { Sid: 'Replicate', Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sts:AssumeRole' },
]);

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html */
export function replicationPolicy(path: ReplicationPath): PolicyDocument {
  const { sourceArn, replicaArn, sourceKeyArn, replicaKeyArn, deleteMarkers, lock } = path;
  const locks = lock ? ['s3:GetObjectRetention', 's3:GetObjectLegalHold'] : [];
  return policyDocument([
    allow('ReadConfiguration', ['s3:GetReplicationConfiguration', 's3:ListBucket'], sourceArn),
    allow(
      'ReadVersions',
      ['s3:GetObjectVersionForReplication', 's3:GetObjectVersionAcl', 's3:GetObjectVersionTagging', ...locks],
      `${sourceArn}/*`,
    ),
    allow(
      'WriteReplica',
      ['s3:ReplicateObject', 's3:ReplicateTags', ...(deleteMarkers ? ['s3:ReplicateDelete'] : [])],
      `${replicaArn}/*`,
    ),
    ...useOfKey('DecryptSource', ['kms:Decrypt'], sourceKeyArn, sourceArn),
    ...useOfKey('EncryptReplica', ['kms:Encrypt', 'kms:GenerateDataKey'], replicaKeyArn, replicaArn),
  ]);
}

function allow(Sid: string, Action: readonly string[], Resource: string): PolicyStatement {
  return { Sid, Effect: 'Allow', Action, Resource };
}

function useOfKey(
  Sid: string,
  actions: readonly string[],
  keyArn: string | undefined,
  bucketArn: string,
): PolicyStatement[] {
  if (keyArn === undefined) return [];
  const context = { 'kms:EncryptionContext:aws:s3:arn': [bucketArn, `${bucketArn}/*`] };
  return [{ ...allow(Sid, actions, keyArn), Condition: { StringLike: context } }];
}
