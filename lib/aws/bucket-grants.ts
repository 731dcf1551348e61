import {
  LOCK_RIGHTS,
  STORAGE_ACTIONS,
  STORAGE_RIGHTS,
  type StorageCaller,
  type StorageRight,
  type StorageRights,
  THAW_COMMANDS,
  THAW_RIGHTS,
} from '../contract/storage-rights';

/** A statement of an IAM, bucket or key policy. */
export interface PolicyStatement {
  /** Name of the statement, letters and digits. */
  readonly Sid: string;
  /** Whether it permits or forbids. */
  readonly Effect: 'Allow' | 'Deny';
  /**
   * Whom it is about, in policies of buckets and keys.
   *
   * @default - the identity that the policy belongs to
   */
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>;
  /** What it is about. */
  readonly Action: readonly string[] | string;
  /**
   * ARNs, with wildcards.
   *
   * @default - the role, in its trust policy
   */
  readonly Resource?: readonly string[] | string;
  /**
   * When it holds: operator, key, values.
   *
   * @default - always
   */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** An IAM policy document. */
export interface PolicyDocument {
  /** Version of the policy language. */
  readonly Version: '2012-10-17';
  /** All hold at once; what is denied by one is denied. */
  readonly Statement: readonly PolicyStatement[];
}

/** The repository that a policy is about. */
export interface GrantedRepository {
  /** ARN of the bucket. */
  readonly bucketArn: string;
  /** Prefix of the repository in the bucket: empty, or ending with `/`. */
  readonly prefix: string;
  /**
   * ARN of the KMS key that the bucket's objects are encrypted with.
   *
   * @default - none: S3 encrypts with keys of its own
   */
  readonly keyArn?: string;
  /**
   * Whether the bucket locks objects.
   *
   * @default false
   */
  readonly locked?: boolean;
}

/** What IAM takes as inline policies of a role, all of them together, in characters, white space aside. */
export const LONGEST_INLINE_POLICY = 10_240;

/** What a bucket takes as its policy, in bytes. */
export const LONGEST_BUCKET_POLICY = 20_480;

export function policyDocument(statements: readonly PolicyStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}

/** Rights beside those that the command always needs. */
export interface ExtraRights {
  /**
   * Whether `verify` or `restore`, or `rewind` in Tempo's own bucket, may request the thaw of objects in GLACIER or DEEP_ARCHIVE, by `--thaw`.
   * Thaws cost money.
   *
   * @default false
   */
  readonly thaw?: boolean;
}

/** The policy of an identity that runs the command, and nothing but the command; `replicate-target`: on the repository that it writes to. */
export function commandPolicy(
  command: StorageCaller,
  repository: GrantedRepository,
  { thaw = false }: ExtraRights = {},
): PolicyDocument {
  return policyDocument([
    ...bucketStatements(command, repository),
    ...(thaw ? thawStatements(command, repository) : []),
    ...keyStatements(command, repository),
    keepsVersions(repository),
  ]);
}

/** The same rights for a principal of another account: to be part of the bucket's own policy. */
export function crossAccountBucketStatements(
  command: StorageCaller,
  repository: GrantedRepository,
  principalArn: string,
  { thaw = false }: ExtraRights = {},
): PolicyStatement[] {
  const statements = [...bucketStatements(command, repository), ...(thaw ? thawStatements(command, repository) : [])];
  return statements.map((statement) => forPrincipal(statement, command, principalArn));
}

/** The same rights for a principal of another account: to be part of the key's own policy, where a key is `*`. */
export function crossAccountKeyStatements(
  command: StorageCaller,
  repository: GrantedRepository,
  principalArn: string,
): PolicyStatement[] {
  return keyStatements(command, { ...repository, keyArn: '*' }).map((statement) =>
    forPrincipal(statement, command, principalArn),
  );
}

function forPrincipal(statement: PolicyStatement, command: StorageCaller, principalArn: string): PolicyStatement {
  const { Sid, Effect, ...rest } = statement;
  return {
    Sid: `${command.split('-').map(capitalized).join('')}${Sid}`,
    Effect,
    Principal: { AWS: principalArn },
    ...rest,
  };
}

function bucketStatements(command: StorageCaller, repository: GrantedRepository): PolicyStatement[] {
  const rights = STORAGE_RIGHTS[command];
  return [
    ...listStatements(rights.list, repository),
    ...objectStatements('get', rights.get, repository),
    ...objectStatements('put', rights.put, repository),
    ...objectStatements('endUpload', rights.endUpload, repository),
    ...objectStatements('delete', rights.delete, repository),
    ...(repository.locked ? lockStatements(rights, repository) : []),
  ];
}

/** Whether the command has something to thaw. */
export function canThaw(command: StorageCaller): boolean {
  return (THAW_COMMANDS as readonly StorageCaller[]).includes(command);
}

function thawStatements(command: StorageCaller, { bucketArn, prefix }: GrantedRepository): PolicyStatement[] {
  const { actions, list, thaw } = THAW_RIGHTS;
  const others = list.filter((key) => !STORAGE_RIGHTS[command].list.includes(key));
  const [lists] = listStatements(others, { bucketArn, prefix });
  const Resource = thaw.map((key) => `${bucketArn}/${prefix}${key}`);
  return [
    ...(lists ? [{ ...lists, Sid: 'ListDocuments' }] : []),
    { Sid: 'Thaw', Effect: 'Allow', Action: actions, Resource },
  ];
}

function objectStatements(
  right: StorageRight,
  keys: readonly string[],
  { bucketArn, prefix }: GrantedRepository,
): PolicyStatement[] {
  if (keys.length === 0) return [];
  const { onObjects, onBucket } = STORAGE_ACTIONS[right];
  const Sid = capitalized(right);
  const statements: PolicyStatement[] = [
    { Sid, Effect: 'Allow', Action: onObjects, Resource: keys.map((key) => `${bucketArn}/${prefix}${key}`) },
    { Sid: `${Sid}InBucket`, Effect: 'Allow', Action: onBucket, Resource: bucketArn },
  ];
  return statements.filter(({ Action }) => Action.length > 0);
}

/** Without the right to bypass governance, a lock can only be made longer. */
function lockStatements(rights: StorageRights, repository: GrantedRepository): PolicyStatement[] {
  return LOCK_RIGHTS.flatMap((right) => objectStatements(right, rights[right], repository));
}

/**
 * Lists of the command's own prefixes. The second statement is no list that the runner makes: without it S3 answers a request for an object
 * that isn't there with 403 instead of 404, and such a request has no `s3:prefix` that a condition could name.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function listStatements(keys: readonly string[], { bucketArn, prefix }: GrantedRepository): PolicyStatement[] {
  if (keys.length === 0) return [];
  const list = { Effect: 'Allow', Action: STORAGE_ACTIONS.list.onBucket, Resource: bucketArn } as const;
  return [
    { Sid: 'List', ...list, Condition: { StringLike: { 's3:prefix': keys.map((key) => `${prefix}${key}`) } } },
    { Sid: 'LearnThatObjectsAreAbsent', ...list, Condition: { Null: { 's3:prefix': 'true' } } },
  ];
}

function keyStatements(command: StorageCaller, repository: GrantedRepository): PolicyStatement[] {
  const { get, put } = STORAGE_RIGHTS[command];
  return get.length + put.length === 0 ? [] : useOfKey(repository, put.length > 0);
}

/**
 * Good only for objects of this bucket: its ARN, or with bucket keys off the object's, is part of what is encrypted.
 *
 * @internal
 */
export function useOfKey({ bucketArn, keyArn }: GrantedRepository, writes: boolean): PolicyStatement[] {
  if (keyArn === undefined) return [];
  const encrypts = writes ? ['kms:GenerateDataKey'] : [];
  const context = { 'kms:EncryptionContext:aws:s3:arn': [bucketArn, `${bucketArn}/*`] };
  return [
    {
      Sid: 'UseKey',
      Effect: 'Allow',
      // Parts of an upload are read back when it is completed, so a writer decrypts, too.
      Action: ['kms:Decrypt', ...encrypts],
      Resource: keyArn,
      Condition: { StringLike: context },
    },
  ];
}

/**
 * Holds whatever else the identity is given; on MinIO the right to delete includes versions unless it is denied.
 *
 * @internal
 */
export function keepsVersions({ bucketArn }: Pick<GrantedRepository, 'bucketArn'>): PolicyStatement {
  return {
    Sid: 'KeepVersions',
    Effect: 'Deny',
    Action: ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
    Resource: `${bucketArn}/*`,
  };
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
