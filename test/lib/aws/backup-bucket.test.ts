import * as pulumi from '@pulumi/pulumi';
import { BackupBucket, type BackupBucketArgs } from '../../../lib/aws/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { COMPONENTS, DEFAULT_NAMES, make, plan, planned, refusalOf, statementsOf } from './component-scene';

describe('a BackupBucket with nothing but a plan', () => {
  let engine: RecordingEngine & { readonly made: BackupBucket };
  beforeAll(async () => {
    engine = await make();
  });
  const inputsOf = (name: string, type: string) => engine.find(name, type).inputs;

  it('consists of these resources, by these names', () => {
    expect(engine.names()).toEqual([...COMPONENTS, ...DEFAULT_NAMES].sort());
  });

  it('leaves name and region to the provider, and has neither lock nor force', () => {
    expect(inputsOf('tempo-backups', 'Bucket')).toEqual({ objectLockEnabled: false });
  });

  it('keeps versions', () => {
    expect(inputsOf('tempo-backups-versioning', 'BucketVersioning')).toMatchObject({
      bucket: 'tempo-backups-0a1b2c3',
      versioningConfiguration: { status: 'Enabled' },
    });
  });

  it('encrypts with keys of S3', () => {
    expect(inputsOf('tempo-backups-encryption', 'BucketServerSideEncryptionConfiguration')['rules']).toEqual([
      { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } },
    ]);
  });

  it('is closed to the public, and its objects are its own', () => {
    expect(inputsOf('tempo-backups-public-access-block', 'BucketPublicAccessBlock')).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(inputsOf('tempo-backups-ownership', 'BucketOwnershipControls')['rule']).toEqual({
      objectOwnership: 'BucketOwnerEnforced',
    });
  });

  it('refuses whoever comes without TLS, or with TLS before 1.2', () => {
    const everything = {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: ['arn:aws:s3:::tempo-backups-0a1b2c3', 'arn:aws:s3:::tempo-backups-0a1b2c3/*'],
    };
    expect(statementsOf(engine.find('tempo-backups-policy', 'BucketPolicy'))).toEqual([
      { Sid: 'TlsOnly', ...everything, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { Sid: 'MinimumTlsVersion', ...everything, Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } },
    ]);
  });

  it('has the lifecycle rules of the recommended plan, none of which expires a current object', () => {
    expect(inputsOf('tempo-backups-lifecycle', 'BucketLifecycleConfiguration')['rules']).toEqual([
      {
        id: 'noncurrent-versions',
        status: 'Enabled',
        filter: { prefix: '' },
        noncurrentVersionTransitions: [{ noncurrentDays: 30, storageClass: 'GLACIER' }],
        noncurrentVersionExpiration: { noncurrentDays: 365 },
        expiration: { expiredObjectDeleteMarker: true },
      },
      {
        id: 'incomplete-uploads',
        status: 'Enabled',
        filter: { prefix: '' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
      {
        id: 'current-blocks',
        status: 'Enabled',
        filter: { prefix: 'blocks/' },
        transitions: [
          { days: 30, storageClass: 'STANDARD_IA' },
          { days: 90, storageClass: 'GLACIER_IR' },
        ],
      },
    ]);
  });

  it('is protected and retained, with all its configuration', () => {
    const own = engine.resources.filter(({ type }) => type.startsWith('aws:'));
    expect(own.filter((each) => !each.protect || !each.retainOnDelete)).toEqual([]);
    expect(own).toHaveLength(DEFAULT_NAMES.length);
  });

  it('is configured one part after the other', () => {
    const order = ['versioning', 'encryption', 'public-access-block', 'ownership', 'lifecycle', 'policy'];
    const parts = order.map((part) => engine.resources.find(({ name }) => name === `tempo-backups-${part}`));
    parts.forEach((part, index) => {
      const before = index === 0 ? engine.find('tempo-backups', 'Bucket') : parts[index - 1];
      expect(part?.dependencies).toContain(before?.urn);
    });
  });

  it('is locked only once it keeps versions, as S3 wants it', async () => {
    const locked = await make({ objectLock: { days: 7 } });
    const lock = locked.find('tempo-backups-lock', 'BucketObjectLockConfiguration');
    const order = locked.resources.map(({ name }) => name);
    expect(order.indexOf('tempo-backups-versioning')).toBeLessThan(order.indexOf(lock.name));
    expect(lock.dependencies).toContain(locked.find('tempo-backups-ownership', 'BucketOwnershipControls').urn);
  });

  it('hangs together: every child belongs to the component, and its name begins with that of its parent', () => {
    const urns = new Map(engine.resources.map((each) => [each.urn, each.name]));
    const children = engine.resources.filter(({ type }) => !type.endsWith(':BackupBucket'));
    expect(children.filter(({ parent, name }) => !name.startsWith(urns.get(parent) ?? 'no parent'))).toEqual([]);
  });

  it('takes over what a program of before had made at the root of its stack, all by the name of the bucket', () => {
    expect(engine.find('tempo-backups', 'Bucket').aliases).toContain(' ');
    expect(engine.find('tempo-backups-versioning', 'BucketVersioning').aliases).toContain(' tempo-backups');
    expect(engine.find('tempo-backups-public-access-block', 'BucketPublicAccessBlock').aliases).toContain(
      ' tempo-backups',
    );
  });

  it('says where the repository is', async () => {
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://tempo-backups-0a1b2c3?region=eu-west-1');
    expect(engine.made.switchedOff).toEqual([]);
    expect([engine.made.keyArn, engine.made.replicaArn, engine.made.replicaRepositoryUrl]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a BackupBucket', () => {
  it('is neither protected nor retained when told so', async () => {
    const { resources } = await make({ protect: false, retainOnDelete: false, replica: { region: 'eu-central-1' } });
    expect(resources.filter(({ protect, retainOnDelete }) => protect || retainOnDelete)).toEqual([]);
  });

  it('has the parent that it is given', async () => {
    const engine = await RecordingEngine.run(() => {
      const parent = new pulumi.ComponentResource('acme:Platform', 'platform');
      new BackupBucket('tempo-backups', { plan }, { parent });
    });
    const component = engine.resources.find(({ type }) => type === 'tempo-backup:aws:BackupBucket');
    expect(component?.parent).toContain('acme:Platform::platform');
  });

  it('takes name, region, tags and the version of TLS', async () => {
    const engine = await make({
      bucket: 'acme-backups',
      region: 'eu-west-1',
      tags: { team: 'platform' },
      minimumTlsVersion: '1.3',
      accessLogs: { bucket: 'acme-logs' },
    });
    expect(engine.find('tempo-backups', 'Bucket').inputs).toMatchObject({
      bucket: 'acme-backups',
      region: 'eu-west-1',
      tags: { team: 'platform' },
    });
    expect(JSON.stringify(statementsOf(engine.find('tempo-backups-policy', 'BucketPolicy')))).toContain(
      '{"s3:TlsVersion":"1.3"}',
    );
    expect(engine.find('tempo-backups-access-logs', 'BucketLogging').inputs).toMatchObject({
      targetBucket: 'acme-logs',
      targetPrefix: 'tempo-backups/',
    });
    const regions = engine.resources
      .filter(({ type }) => type.startsWith('aws:s3'))
      .map(({ inputs }) => inputs['region']);
    expect(new Set(regions)).toEqual(new Set(['eu-west-1']));
  });

  it('keeps the repository in a folder', async () => {
    const engine = await make({ prefix: 'prod' });
    const rules = engine.find('tempo-backups-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'];
    expect(rules).toContainEqual(expect.objectContaining({ id: 'current-blocks', filter: { prefix: 'prod/blocks/' } }));
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://tempo-backups-0a1b2c3/prod?region=eu-west-1');
  });

  it('takes an existing bucket over', async () => {
    const engine = await make({ import: 'acme-backups', bucket: 'acme-backups' });
    expect(engine.find('tempo-backups', 'Bucket').importId).toBe('acme-backups');
    expect((await make()).find('tempo-backups', 'Bucket').importId).toBe('');
  });

  it('takes an existing bucket over where it is: elsewhere the provider looks in its own region', async () => {
    const region = 'eu-west-1';
    const importIdIn = async (name: string): Promise<string> =>
      (await make({ import: name, bucket: 'acme-backups', region })).find('tempo-backups', 'Bucket').importId;
    expect(await importIdIn('acme-backups')).toBe('acme-backups@eu-west-1');
    expect(await importIdIn('acme-backups@eu-west-1')).toBe('acme-backups@eu-west-1');
    expect(await refusalOf({ import: 'acme-backups', region: Promise.resolve(region) })).toMatchObject({
      propertyPath: 'import',
      reason: expect.stringMatching(/^must be left out while 'region' is known only later, got 'acme-backups'; /),
    });
  });
});

describe('the key of a BackupBucket', () => {
  it("is one of its own, renewed each year, with bucket keys, when 'kms' is on", async () => {
    const engine = await make({ encryption: { kms: true } });
    const key = engine.find('tempo-backups-key', 'Key');
    expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect([key.protect, key.retainOnDelete]).toEqual([true, true]);
    expect(statementsOf(key)).toEqual([
      {
        Sid: 'AccountDecides',
        Effect: 'Allow',
        Principal: { AWS: '123456789012' },
        Action: 'kms:*',
        Resource: '*',
      },
    ]);
    const [rule] = engine.find('tempo-backups-encryption', 'BucketServerSideEncryptionConfiguration').inputs[
      'rules'
    ] as unknown[];
    expect(rule).toEqual({
      applyServerSideEncryptionByDefault: {
        sseAlgorithm: 'aws:kms',
        kmsMasterKeyId: 'arn:aws:kms::123456789012:tempo-backups-key',
      },
      bucketKeyEnabled: true,
    });
  });

  it('is the one that it is given', async () => {
    const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';
    const engine = await make({ encryption: { keyArn } });
    expect(engine.ofType('Key')).toEqual([]);
    expect(await valueOf(engine.made.keyArn ?? pulumi.output(''))).toBe(keyArn);
  });
});

describe('the lock of a BackupBucket', () => {
  const lockIn = async (args: Partial<BackupBucketArgs>): Promise<unknown> => {
    const engine = await make(args);
    expect(engine.find('tempo-backups', 'Bucket').inputs['objectLockEnabled']).toBe(true);
    return engine.find('tempo-backups-lock', 'BucketObjectLockConfiguration').inputs['rule'];
  };

  it('is of the days and the mode that are given, GOVERNANCE when none is', async () => {
    expect(await lockIn({ objectLock: { days: 7 } })).toEqual({ defaultRetention: { mode: 'GOVERNANCE', days: 7 } });
    expect(await lockIn({ objectLock: { mode: 'COMPLIANCE', days: 1 } })).toEqual({
      defaultRetention: { mode: 'COMPLIANCE', days: 1 },
    });
  });

  it("is the plan's lock period when nothing is given, or the mode alone", async () => {
    const locked = planned({ storage: { lockPeriod: '3d' } });
    expect(await lockIn({ plan: locked })).toEqual({ defaultRetention: { mode: 'GOVERNANCE', days: 3 } });
    expect(await lockIn({ plan: locked, objectLock: { mode: 'COMPLIANCE' } })).toEqual({
      defaultRetention: { mode: 'COMPLIANCE', days: 3 },
    });
  });

  it.each<[string, Partial<BackupBucketArgs>, string, string]>([
    [
      'longer than the shortest retention',
      { objectLock: { days: 8 } },
      'objectLock.days',
      "must not be longer than the shortest 'deleteAfter', got 8d with 7d of rule 'wal': 'prune' couldn't remove its points; " +
        'shorten the lock to 7d or keep them for 8d',
    ],
    [
      "another than the plan's",
      { plan: planned({ storage: { lockPeriod: '3d' } }), objectLock: { days: 4 } },
      'objectLock.days',
      "must be as long as 'plan.storage.lockPeriod', got 4 days and 3d; leave one of them out",
    ],
    ['of no days', { objectLock: { days: 0 } }, 'objectLock.days', 'must be a whole number from 1 to 36500, got 0'],
    [
      'without days anywhere',
      { objectLock: {} },
      'objectLock.days',
      "must be given, as the plan has no 'storage.lockPeriod', but is missing",
    ],
    [
      'of an unknown mode',
      { objectLock: { mode: 'governance', days: 1 } },
      'objectLock.mode',
      "must be one of GOVERNANCE, COMPLIANCE, got 'governance'",
    ],
    [
      'of half a day',
      { plan: planned({ storage: { lockPeriod: '12h' } }) },
      'plan.storage.lockPeriod',
      'must be a whole number of days, as S3 locks for days, got 12h',
    ],
  ])('is refused when %s', async (_, args, propertyPath, reason) => {
    expect(await refusalOf(args)).toMatchObject({ propertyPath, reason });
  });
});
