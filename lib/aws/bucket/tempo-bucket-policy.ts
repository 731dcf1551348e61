import { THAW_RIGHTS } from '../../contract/storage-rights';
import { TEMPO_BUCKET_RIGHTS, type TempoBucketCommand } from '../../contract/tempo-bucket-rights';
import {
  type ExtraRights,
  type GrantedRepository,
  keepsVersions,
  policyDocument,
  type PolicyDocument,
  type PolicyStatement,
  useOfKey,
} from '../bucket-grants';

/** Tempo's own bucket, as a policy is about it. */
export type GrantedTempoBucket = Pick<GrantedRepository, 'bucketArn' | 'prefix' | 'keyArn'>;

/** Actions whose requests name a prefix. */
const LISTS = ['s3:ListBucket', 's3:ListBucketVersions'];

/** The policy of an identity that runs the command on Tempo's own bucket, besides what it needs on the repository. */
export function tempoBucketPolicy(
  command: TempoBucketCommand,
  bucket: GrantedTempoBucket,
  { thaw = false }: ExtraRights = {},
): PolicyDocument {
  const { bucketArn, prefix } = bucket;
  const { onObjects, onBucket } = TEMPO_BUCKET_RIGHTS[command];
  const writes = onObjects.includes('s3:PutObject');
  const below = `${bucketArn}/${prefix}*`;
  const thaws = { Sid: 'Thaw', Effect: 'Allow', Action: THAW_RIGHTS.actions, Resource: below } as const;
  return policyDocument([
    ...listStatements(bucket, onBucket),
    ...statement('TempoBucket', onBucket, bucketArn),
    { Sid: 'TempoBlocks', Effect: 'Allow', Action: onObjects, Resource: below },
    ...(thaw ? [thaws] : []),
    ...useOfKey(bucket, writes),
    keepsVersions(bucket),
  ]);
}

/** Without the last, S3 answers a request for an object that isn't there with 403; such a request has no `s3:prefix`. */
function listStatements({ bucketArn, prefix }: GrantedTempoBucket, onBucket: readonly string[]): PolicyStatement[] {
  const lists = LISTS.filter((action) => onBucket.includes(action));
  const below = { StringLike: { 's3:prefix': [`${prefix}*`] } };
  const learns = { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: bucketArn } as const;
  return [
    { Sid: 'ListTempoBlocks', Effect: 'Allow', Action: lists, Resource: bucketArn, Condition: below },
    { Sid: 'LearnThatObjectsAreAbsent', ...learns, Condition: { Null: { 's3:prefix': 'true' } } },
  ];
}

function statement(Sid: string, onBucket: readonly string[], Resource: string): PolicyStatement[] {
  const Action = onBucket.filter((action) => !LISTS.includes(action));
  return Action.length > 0 ? [{ Sid, Effect: 'Allow', Action, Resource }] : [];
}
