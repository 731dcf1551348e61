import * as pulumi from '@pulumi/pulumi';
import { type BackupBucketArgs, S3Compatible, type S3Feature } from '../../../lib/aws/index';
import type { PlanInput } from '../../../lib/contract/index';
import { valueOf } from '../../helpers/recording-engine';
import { COMPONENTS, DEFAULT_NAMES, make, planned, refusalBy, refusalOf } from './component-scene';

describe('a plan that contradicts itself', () => {
  it.each<[string, PlanInput, string]>([
    ['keeps nothing', { rules: [{ ...hourly(), deleteAfter: '1h' }] }, 'plan.rules.hourly.deleteAfter'],
    ["can't meet an objective", { objectives: { wal: { recoveryPoint: '1m' } } }, 'plan.objectives.wal.recoveryPoint'],
    ['expires current objects', lifecycle({ objects: 'current', action: 'expire' }), 'plan.storage.lifecycle.0'],
    [
      'archives current objects for longer than a recovery may take',
      lifecycle({ objects: 'current', action: 'transition', storageClass: 'DEEP_ARCHIVE' }),
      'plan.storage.lifecycle.0',
    ],
    [
      'drops versions before a loss is noticed',
      lifecycle({ objects: 'noncurrent', action: 'expire', after: '13d' }),
      'plan.storage.lifecycle.0.after',
    ],
    ['locks for longer than it keeps', { storage: { lockPeriod: '8d' } }, 'plan.storage.lockPeriod'],
    ['verifies nothing', { verification: { fullSchedule: null } }, 'plan.verification.fullSchedule'],
  ])('is refused before anything is registered when it %s', async (_, changes, path) => {
    const outcome = await make({ plan: planned(changes) }).catch((error: unknown) => error);
    if (!pulumi.InputPropertiesError.isInstance(outcome)) throw outcome;
    expect(outcome.message).toMatch(/^the plan contradicts itself: 'plan\./);
    expect(outcome.errors.map(({ propertyPath }) => propertyPath)).toContain(path);
  });

  it('is refused for a WAL rule where no volume holds the WAL, and only there', async () => {
    const context = { storage: 'local', walVolume: false } as const;
    await expect(make({ context })).rejects.toThrow(/'plan\.rules\.wal\.scope'/);
    await expect(make({ context: { ...context, walVolume: true } })).resolves.toBeDefined();
  });

  it.each<[string, PlanInput, string, string]>([
    [
      'counts in hours',
      lifecycle({ objects: 'noncurrent', action: 'expire', after: '36h' }, '1d'),
      'plan.storage.lifecycle.0.after',
      'must be a whole number of days, as lifecycle rules count in days, got 36h',
    ],
    [
      'moves objects earlier than S3 does',
      lifecycle({ objects: 'current', action: 'transition', storageClass: 'STANDARD_IA', after: '29d' }),
      'plan.storage.lifecycle.0.after',
      'must be at least 30d, as S3 moves nothing to STANDARD_IA earlier, got 29d',
    ],
    [
      'moves objects on before S3 does',
      { storage: { lifecycle: [move('30d', 'STANDARD_IA'), move('59d', 'GLACIER_IR')] } },
      'plan.storage.lifecycle.1.after',
      'must be at least 60d, as S3 keeps for 30 days what moves to STANDARD_IA after 30 days, got 59d',
    ],
    [
      'moves objects to two classes at once',
      { storage: { lifecycle: [move('40d', 'STANDARD_IA'), move('40d', 'GLACIER_IR')] } },
      'plan.storage.lifecycle.1.after',
      'must be at least 70d, as S3 keeps for 30 days what moves to STANDARD_IA after 40 days, got 40d',
    ],
    [
      'moves objects where S3 moves none',
      { storage: { lifecycle: [move('30d', 'ONEZONE_IA'), move('90d', 'GLACIER_IR')] } },
      'plan.storage.lifecycle.1.storageClass',
      'must be GLACIER or DEEP_ARCHIVE, as S3 moves nothing else out of ONEZONE_IA, where the objects are moved after 30 days, got GLACIER_IR',
    ],
    [
      'removes versions at two ages',
      {
        storage: {
          lifecycle: [
            { objects: 'noncurrent', action: 'expire', after: '30d' },
            { objects: 'noncurrent', action: 'expire', after: '365d' },
          ],
        },
      },
      'plan.storage.lifecycle.1',
      "must be the only rule that expires 'noncurrent', got 365 days beside 30 days of rule 0; leave one of them out",
    ],
    [
      'aborts incomplete uploads at two ages',
      {
        storage: {
          lifecycle: [
            { objects: 'incomplete-uploads', action: 'expire', after: '7d' },
            { objects: 'incomplete-uploads', action: 'expire', after: '3d' },
          ],
        },
      },
      'plan.storage.lifecycle.1',
      "must be the only rule that expires 'incomplete-uploads', got 3 days beside 7 days of rule 0; leave one of them out",
    ],
    [
      'moves incomplete uploads',
      lifecycle({ objects: 'incomplete-uploads', action: 'transition', storageClass: 'GLACIER' }),
      'plan.storage.lifecycle.0.action',
      'must be expire for incomplete-uploads, which have no class to move from, got transition after 30 days',
    ],
  ])('is refused when a lifecycle rule %s', async (_, changes, propertyPath, reason) => {
    expect(await refusalOf({ plan: planned(changes) })).toMatchObject({ propertyPath, reason });
  });

  it('may move objects on as soon as S3 does', async () => {
    const lifecycleOf = async (...rules: LifecycleInput[]): Promise<unknown> => {
      const engine = await make({ plan: planned({ storage: { lifecycle: rules } }) });
      const { inputs } = engine.find('tempo-backups-lifecycle', 'BucketLifecycleConfiguration');
      return (inputs['rules'] as { transitions: unknown }[])[0]?.transitions;
    };
    expect(await lifecycleOf(move('30d', 'STANDARD_IA'), move('60d', 'GLACIER_IR'))).toEqual([
      { days: 30, storageClass: 'STANDARD_IA' },
      { days: 60, storageClass: 'GLACIER_IR' },
    ]);
    // Not of a class that S3 keeps nothing in for a while.
    expect(await lifecycleOf(move('1d', 'INTELLIGENT_TIERING'), move('2d', 'GLACIER_IR'))).toHaveLength(2);
  });

  it('is refused when objects would have to move back to a warmer class, or be gone before they move', async () => {
    const back = planned({ storage: { lifecycle: [move('30d', 'GLACIER_IR'), move('60d', 'STANDARD_IA')] } });
    expect(await refusalOf({ plan: back })).toMatchObject({
      propertyPath: 'plan.storage.lifecycle.1.storageClass',
      reason: 'must be colder than GLACIER_IR, where the objects are moved after 30 days, got STANDARD_IA',
    });
    const gone = planned({
      storage: {
        lifecycle: [
          { objects: 'noncurrent', action: 'transition', after: '30d', storageClass: 'GLACIER' },
          { objects: 'noncurrent', action: 'expire', after: '30d' },
        ],
      },
    });
    expect(await refusalOf({ plan: gone })).toMatchObject({
      propertyPath: 'plan.storage.lifecycle.1.after',
      reason: 'must be longer than the 30 days after which noncurrent versions move to GLACIER, got 30 days',
    });
  });
});

describe('an S3-compatible server', () => {
  const url = 'https://minio.example.com:9000';

  it('gets what a MinIO has, and the component says what is left out', async () => {
    const engine = await make({ endpoint: S3Compatible.minio({ url }), objectLock: { days: 7 } });
    expect(engine.names().filter((name) => !COMPONENTS.includes(name))).toEqual([
      'Bucket tempo-backups',
      'BucketLifecycleConfiguration tempo-backups-lifecycle',
      'BucketObjectLockConfiguration tempo-backups-lock',
      'BucketServerSideEncryptionConfiguration tempo-backups-encryption',
      'BucketVersioning tempo-backups-versioning',
    ]);
    expect(engine.find('tempo-backups-lifecycle', 'BucketLifecycleConfiguration').inputs['rules']).toEqual([
      expect.objectContaining({ id: 'noncurrent-versions', noncurrentVersionExpiration: { noncurrentDays: 365 } }),
    ]);
    expect(engine.made.switchedOff).toEqual([
      'public-access-block',
      'ownership-controls',
      'bucket-policy',
      'access-logs',
      'replication',
      'abort-incomplete-uploads',
      'transitions',
    ]);
    expect(await valueOf(engine.made.repositoryUrl)).toBe(
      's3://tempo-backups-0a1b2c3?region=eu-west-1&endpoint=https%3A%2F%2Fminio.example.com%3A9000',
    );
  });

  it('gets transitions when it has tiers, and no encryption when it has no key', async () => {
    const engine = await make({ endpoint: S3Compatible.minio({ url, tiers: true, encryption: false }) });
    const rules = engine.find('tempo-backups-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'];
    expect((rules as { id: string }[]).map(({ id }) => id)).toEqual(['noncurrent-versions', 'current-blocks']);
    expect(engine.ofType('BucketServerSideEncryptionConfiguration')).toEqual([]);
  });

  it('gets everything when nothing is said to be lacking', async () => {
    const engine = await make({ endpoint: S3Compatible.server({ url }) });
    expect(engine.names()).toEqual([...COMPONENTS, ...DEFAULT_NAMES].sort());
  });

  it('gets no lifecycle rules when it has none', async () => {
    const engine = await make({ endpoint: S3Compatible.server({ url, without: ['lifecycle'] }) });
    expect(engine.ofType('BucketLifecycleConfiguration')).toEqual([]);
  });

  it('is refused a KMS key of AWS', async () => {
    const endpoint = S3Compatible.server({ url });
    expect(await refusalOf({ endpoint, encryption: { kms: true } })).toMatchObject({
      propertyPath: 'encryption.kms',
      reason: expect.stringMatching(/^must be left out with an 'endpoint', .* 'https:\/\/minio\.example\.com:9000'/),
    });
    const engine = await make({ endpoint, encryption: { kms: false } });
    expect(engine.ofType('Key')).toEqual([]);
  });

  it.each([
    ['no URL', 'minio:9000', "must be a URL such as 'https://minio.example.com:9000', got 'minio:9000'"],
    ['credentials in it', 'https://user:secret@minio.example.com', /^must be without credentials, .*elsewhere$/],
    ['a secret alone in it', 'https://:secret@minio.example.com', /^must be without credentials, .*elsewhere$/],
  ])('is refused when its URL has %s', async (_, bad, reason) => {
    const refusal = await refusalBy(() => S3Compatible.minio({ url: bad }));
    expect(refusal.propertyPath).toBe('endpoint.url');
    expect(refusal.reason).toMatch(reason);
    expect(refusal.reason).not.toContain('secret');
  });

  it.each<[keyof BackupBucketArgs, S3Feature, Partial<BackupBucketArgs>]>([
    ['replica', 'replication', { replica: { region: 'eu-central-1' } }],
    ['accessLogs', 'access-logs', { accessLogs: { bucket: 'logs' } }],
    ['encryption', 'encryption', { encryption: { kms: true } }],
    [
      'crossAccountGrants',
      'bucket-policy',
      { crossAccountGrants: [{ command: 'restore', principalArn: 'arn:aws:iam::2:role/r' }] },
    ],
  ])("refuses '%s' where '%s' is lacking, instead of leaving it out", async (path, feature, args) => {
    const endpoint = S3Compatible.server({ url, without: [feature] });
    expect(await refusalOf({ ...args, endpoint })).toMatchObject({
      propertyPath: path,
      reason: `must be left out: 'endpoint' says that the server lacks '${feature}'`,
    });
  });
});

describe('bad input to a BackupBucket', () => {
  it.each<[string, Partial<BackupBucketArgs>, string, string]>([
    [
      'a bucket with capitals',
      { bucket: 'Acme' },
      'bucket',
      "must be 3 to 63 lower-case letters, digits, dots and dashes, got 'Acme'",
    ],
    [
      'a replica with capitals',
      { region: 'eu-west-1', replica: { region: 'eu-central-1', bucket: 'Copy' } },
      'replica.bucket',
      "must be 3 to 63 lower-case letters, digits, dots and dashes, got 'Copy'",
    ],
    [
      'a bucket of access logs that is an ARN',
      { accessLogs: { bucket: 'arn:aws:s3:::logs' } },
      'accessLogs.bucket',
      "must be 3 to 63 lower-case letters, digits, dots and dashes, got 'arn:aws:s3:::logs'",
    ],
    [
      'a prefix with slashes around it',
      { prefix: '/prod/' },
      'prefix',
      "must be a folder without slashes around it, such as 'prod', got '/prod/'",
    ],
    [
      'a TLS version that is no more',
      { minimumTlsVersion: '1.1' },
      'minimumTlsVersion',
      "must be one of 1.2, 1.3, got '1.1'",
    ],
    [
      'a key that is no ARN',
      { encryption: { keyArn: 'alias/x' } },
      'encryption.keyArn',
      "must be an ARN of a KMS key (arn:…:kms:…:key/…), not of an alias, got 'alias/x'",
    ],
    [
      'the ARN of an alias',
      { encryption: { keyArn: 'arn:aws:kms:eu-west-1:123456789012:alias/x' } },
      'encryption.keyArn',
      "must be an ARN of a KMS key (arn:…:kms:…:key/…), not of an alias, got 'arn:aws:kms:eu-west-1:123456789012:alias/x'",
    ],
    [
      'a key of another region',
      { region: 'eu-west-1', encryption: { keyArn: 'arn:aws:kms:us-east-1:123456789012:key/1' } },
      'encryption.keyArn',
      "must be a key of the bucket's region 'eu-west-1', got 'arn:aws:kms:us-east-1:123456789012:key/1'",
    ],
    [
      'a key that is not to be used',
      { encryption: { kms: false, keyArn: 'arn:aws:kms::1:key/1' } },
      'encryption.kms',
      "must not be false when 'encryption.keyArn' is given; leave one of them out",
    ],
    [
      'a principal that is no ARN',
      { crossAccountGrants: [{ command: 'restore', principalArn: '222222222222' }] },
      'crossAccountGrants.0.principalArn',
      "must be an ARN, got '222222222222'",
    ],
  ])('throws when there is %s', async (_, args, propertyPath, reason) => {
    expect(await refusalOf(args)).toMatchObject({ propertyPath, reason });
  });
});

function hourly() {
  return { name: 'hourly', schedule: { cron: '5 * * * *' }, scope: 'all' as const };
}

function move(after: string, storageClass: LifecycleInput['storageClass']): LifecycleInput {
  return { objects: 'current', action: 'transition', after, storageClass };
}

type LifecycleInput = NonNullable<NonNullable<PlanInput['storage']>['lifecycle']>[number];

function lifecycle(rule: Omit<LifecycleInput, 'after'> & { after?: string }, detectionWindow?: string): PlanInput {
  const storage = { lifecycle: [{ after: '30d', ...rule }] };
  return detectionWindow === undefined ? { storage } : { storage, detectionWindow };
}
