import { commandPolicy, LONGEST_INLINE_POLICY } from '../../../lib/aws/bucket-grants';
import { STORAGE_CALLERS } from '../../../lib/contract/index';

const bucketArn = 'arn:aws:s3:::acme';
const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';
const find = (statements: readonly { Sid: string }[], sid: string) => statements.find(({ Sid }) => Sid === sid);

const LISTED = ['points/*', 'verifications/*', 'blocks/*', 'rewritten/*', 'wal/*'].map((key) => `prod/${key}`);

describe('the policy of a command', () => {
  it('permits a restore to read below its prefix, and nothing else', () => {
    expect(commandPolicy('restore', { bucketArn, prefix: 'prod/', keyArn }).Statement).toEqual([
      {
        Sid: 'List',
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: bucketArn,
        Condition: { StringLike: { 's3:prefix': LISTED } },
      },
      {
        Sid: 'LearnThatObjectsAreAbsent',
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: bucketArn,
        Condition: { Null: { 's3:prefix': 'true' } },
      },
      {
        Sid: 'Get',
        Effect: 'Allow',
        Action: ['s3:GetObject'],
        Resource: [
          ...['repository.json', 'blocks/*', 'rewritten/*', 'wal/*', 'config/*', 'indexes/*', 'points/*'],
          'verifications/*',
        ].map((key) => `${bucketArn}/prod/${key}`),
      },
      {
        Sid: 'UseKey',
        Effect: 'Allow',
        Action: ['kms:Decrypt'],
        Resource: keyArn,
        Condition: { StringLike: { 'kms:EncryptionContext:aws:s3:arn': [bucketArn, `${bucketArn}/*`] } },
      },
      {
        Sid: 'KeepVersions',
        Effect: 'Deny',
        Action: ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
        Resource: `${bucketArn}/*`,
      },
    ]);
  });

  it('permits to request thaws only where that is granted, and then to list what names the data', () => {
    const repository = { bucketArn, prefix: 'prod/' };
    const plain = commandPolicy('restore', repository).Statement;
    expect(JSON.stringify(plain)).not.toContain('RestoreObject');
    const { Statement } = commandPolicy('restore', repository, { thaw: true });
    expect(Statement.filter((statement) => !plain.some(({ Sid }) => Sid === statement.Sid))).toMatchObject([
      { Sid: 'ListDocuments', Condition: { StringLike: { 's3:prefix': ['prod/indexes/*', 'prod/config/*'] } } },
      { Sid: 'Thaw', Effect: 'Allow', Action: ['s3:RestoreObject'] },
    ]);
    expect(find(Statement, 'Thaw')).toMatchObject({ Resource: plain.find(({ Sid }) => Sid === 'Get')?.Resource });
  });

  it('permits a verification to list all that points name, so that it can look at a replica, without a thaw and with one', () => {
    const repository = { bucketArn, prefix: '' };
    const kinds = ['blocks/*', 'rewritten/*', 'wal/*', 'config/*', 'indexes/*', 'points/*', 'verifications/*'];
    const { Statement } = commandPolicy('verify', repository);
    expect(find(Statement, 'List')).toMatchObject({ Condition: { StringLike: { 's3:prefix': kinds } } });
    const thawing = commandPolicy('verify', repository, { thaw: true }).Statement;
    expect(thawing.map(({ Sid }) => Sid)).toContain('Thaw');
    expect(find(thawing, 'ListDocuments')).toBeUndefined();
  });

  it('permits to end uploads only where large objects are put', () => {
    const ending = STORAGE_CALLERS.filter((caller) =>
      /AbortMultipartUpload|ListBucketMultipartUploads/.test(
        JSON.stringify(commandPolicy(caller, { bucketArn, prefix: '' })),
      ),
    );
    expect(ending).toEqual(['backup', 'replicate-target']);
  });

  it('permits a backup to write, with the key, and never to delete', () => {
    const { Statement } = commandPolicy('backup', { bucketArn, prefix: '', keyArn });
    expect(find(Statement, 'Put')).toMatchObject({ Action: ['s3:PutObject'] });
    expect(find(Statement, 'EndUpload')).toMatchObject({
      Action: ['s3:AbortMultipartUpload'],
      Resource: ['blocks/*', 'rewritten/*', 'wal/*', 'probes/*'].map((key) => `${bucketArn}/${key}`),
    });
    expect(find(Statement, 'EndUploadInBucket')).toMatchObject({
      Action: ['s3:ListBucketMultipartUploads'],
      Resource: bucketArn,
    });
    expect(find(Statement, 'UseKey')).toMatchObject({ Action: ['kms:Decrypt', 'kms:GenerateDataKey'] });
    expect(find(Statement, 'Delete')).toBeUndefined();
  });

  it('lets only prune delete, and prune read no data', () => {
    const deleting = STORAGE_CALLERS.filter((command) =>
      JSON.stringify(commandPolicy(command, { bucketArn, prefix: '' })).includes('"s3:DeleteObject"'),
    );
    expect(deleting).toEqual(['prune']);
    const { Statement } = commandPolicy('prune', { bucketArn, prefix: '' });
    expect(JSON.stringify(find(Statement, 'Get'))).not.toMatch(/blocks|rewritten|wal|config/);
  });

  it('lets prune see and extend locks where the bucket has them, and never lift one', () => {
    const withLocks = commandPolicy('prune', { bucketArn, prefix: '', locked: true }).Statement;
    expect(find(withLocks, 'ReadLock')).toMatchObject({
      Action: ['s3:GetObjectRetention', 's3:GetObjectLegalHold'],
    });
    expect(find(withLocks, 'ExtendLock')).toMatchObject({
      Action: ['s3:PutObjectRetention'],
      Resource: ['blocks/*', 'rewritten/*', 'wal/*', 'config/*', 'indexes/*'].map((key) => `${bucketArn}/${key}`),
    });
    expect(find(withLocks, 'KeepVersions')).toMatchObject({
      Effect: 'Deny',
      Action: ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
    });
    const without = commandPolicy('prune', { bucketArn, prefix: '' }).Statement;
    expect(without.map(({ Sid }) => Sid).filter((sid) => sid.includes('Lock'))).toEqual([]);
    expect(find(without, 'DeleteInBucket')).toMatchObject({ Action: ['s3:GetBucketObjectLockConfiguration'] });
    const others = STORAGE_CALLERS.filter((caller) =>
      JSON.stringify(commandPolicy(caller, { bucketArn, prefix: '', locked: true })).includes('ObjectRetention'),
    );
    expect(others).toEqual(['prune']);
  });

  it('names no key where there is none', () => {
    expect(JSON.stringify(commandPolicy('backup', { bucketArn, prefix: '' }))).not.toContain('kms:');
  });

  it.each(STORAGE_CALLERS)('of %s is small enough for a role, for the longest names', (command) => {
    const bucket = `arn:aws-us-gov:s3:::${'b'.repeat(63)}`;
    const long = { bucketArn: bucket, prefix: `${'p'.repeat(100)}/`, keyArn, locked: true };
    expect(JSON.stringify(commandPolicy(command, long)).length).toBeLessThan(LONGEST_INLINE_POLICY);
  });

  it.each(STORAGE_CALLERS)('of %s has no wildcard among its actions', (command) => {
    const actions = commandPolicy(command, { bucketArn, prefix: '' }).Statement.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });
});
