import * as pulumi from '@pulumi/pulumi';
import { BackupBucket, type BackupBucketArgs } from '../../../lib/aws/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { make, plan, planned, refusalOf, statementsOf } from './component-scene';

const ROLE = { name: 'a-role' };

describe('the replica of a BackupBucket', () => {
  const replicaOf = (args: Partial<BackupBucketArgs> = {}) =>
    make({ region: 'eu-west-1', replica: { region: 'eu-central-1' }, ...args });
  const ruleIn = (engine: RecordingEngine): unknown => {
    const rules = engine.find('tempo-backups-replica-configuration', 'BucketReplicationConfig').inputs['rules'];
    return (rules as unknown[])[0];
  };

  it('consists of these resources, by these names', async () => {
    const names = (await replicaOf()).names().filter((name) => name.includes('-replica'));
    expect(names).toEqual([
      'Bucket tempo-backups-replica',
      'BucketLifecycleConfiguration tempo-backups-replica-lifecycle',
      'BucketOwnershipControls tempo-backups-replica-ownership',
      'BucketPolicy tempo-backups-replica-policy',
      'BucketPublicAccessBlock tempo-backups-replica-public-access-block',
      'BucketReplication tempo-backups-replica',
      'BucketReplicationConfig tempo-backups-replica-configuration',
      'BucketSafeguards tempo-backups-replica',
      'BucketServerSideEncryptionConfiguration tempo-backups-replica-encryption',
      'BucketVersioning tempo-backups-replica-versioning',
      'Role tempo-backups-replica-role',
      'RolePolicy tempo-backups-replica-role',
    ]);
  });

  it('is written within 15 minutes, in a cheaper class, with metrics, deletions included', async () => {
    expect(ruleIn(await replicaOf())).toEqual({
      id: 'replica',
      status: 'Enabled',
      priority: 0,
      filter: { prefix: '' },
      deleteMarkerReplication: { status: 'Enabled' },
      destination: {
        bucket: 'arn:aws:s3:::tempo-backups-replica-0a1b2c3',
        storageClass: 'STANDARD_IA',
        metrics: { status: 'Enabled', eventThreshold: { minutes: 15 } },
        replicationTime: { status: 'Enabled', time: { minutes: 15 } },
      },
    });
  });

  it('keeps what was deleted, and takes its time, when told so', async () => {
    const replica = { region: 'eu-central-1', storageClass: 'GLACIER_IR', deleteMarkers: false, timeControl: false };
    const engine = await replicaOf({ replica, prefix: 'prod' });
    expect(ruleIn(engine)).toMatchObject({
      filter: { prefix: 'prod/' },
      deleteMarkerReplication: { status: 'Disabled' },
      destination: { storageClass: 'GLACIER_IR', metrics: { status: 'Enabled' } },
    });
    expect(JSON.stringify(ruleIn(engine))).not.toContain('replicationTime');
    const actions = JSON.stringify(statementsOf(engine.find('tempo-backups-replica-role', 'RolePolicy')));
    expect(actions).not.toContain('s3:ReplicateDelete');
  });

  it('lies in its own region, locked and encrypted like the bucket, without tiers', async () => {
    const engine = await replicaOf({ encryption: { kms: true }, objectLock: { days: 7 } });
    const resources = engine.resources.filter(
      ({ name, type }) => name.startsWith('tempo-backups-replica') && /^aws:(s3|kms)/.test(type),
    );
    const elsewhere = resources.filter(({ inputs }) => inputs['region'] !== 'eu-central-1').map(({ name }) => name);
    // The configuration belongs to the source.
    expect(elsewhere).toEqual(['tempo-backups-replica-configuration']);
    expect(engine.find('tempo-backups-replica', 'Bucket').inputs['objectLockEnabled']).toBe(true);
    expect(engine.find('tempo-backups-replica-lock', 'BucketObjectLockConfiguration').inputs['rule']).toEqual({
      defaultRetention: { mode: 'GOVERNANCE', days: 7 },
    });
    expect(ruleIn(engine)).toMatchObject({
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
      destination: {
        encryptionConfiguration: { replicaKmsKeyId: 'arn:aws:kms::123456789012:tempo-backups-replica-key' },
      },
    });
    const rules = engine.find('tempo-backups-replica-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'];
    expect((rules as { id: string }[]).map(({ id }) => id)).toEqual(['noncurrent-versions', 'incomplete-uploads']);
  });

  it('is written by a role that reads the source and writes the copy, nothing else', async () => {
    const engine = await replicaOf({ encryption: { kms: true }, objectLock: { days: 7 } });
    const source = 'arn:aws:s3:::tempo-backups-0a1b2c3';
    const copy = 'arn:aws:s3:::tempo-backups-replica-0a1b2c3';
    const found = statementsOf(engine.find('tempo-backups-replica-role', 'RolePolicy'));
    expect(found.map(({ Sid, Action, Resource }) => ({ Sid, Action, Resource }))).toEqual([
      { Sid: 'ReadConfiguration', Action: ['s3:GetReplicationConfiguration', 's3:ListBucket'], Resource: source },
      {
        Sid: 'ReadVersions',
        Action: [
          's3:GetObjectVersionForReplication',
          's3:GetObjectVersionAcl',
          's3:GetObjectVersionTagging',
          's3:GetObjectRetention',
          's3:GetObjectLegalHold',
        ],
        Resource: `${source}/*`,
      },
      {
        Sid: 'WriteReplica',
        Action: ['s3:ReplicateObject', 's3:ReplicateTags', 's3:ReplicateDelete'],
        Resource: `${copy}/*`,
      },
      { Sid: 'DecryptSource', Action: ['kms:Decrypt'], Resource: 'arn:aws:kms::123456789012:tempo-backups-key' },
      {
        Sid: 'EncryptReplica',
        Action: ['kms:Encrypt', 'kms:GenerateDataKey'],
        Resource: 'arn:aws:kms::123456789012:tempo-backups-replica-key',
      },
    ]);
  });

  it('is configured after both buckets keep versions', async () => {
    const engine = await replicaOf();
    const { dependencies } = engine.find('tempo-backups-replica-configuration', 'BucketReplicationConfig');
    for (const name of ['tempo-backups-policy', 'tempo-backups-replica-policy'])
      expect(dependencies).toContain(engine.find(name, 'BucketPolicy').urn);
  });

  it('is kept with all that it is written by, which comes before S3 is told to write', async () => {
    const engine = await replicaOf({ encryption: { kms: true }, objectLock: { days: 7 } });
    const own = engine.resources.filter(({ type }) => type.startsWith('aws:'));
    expect(own.filter((each) => !each.protect || !each.retainOnDelete).map(({ urn }) => urn)).toEqual([]);
    const rights = engine.find('tempo-backups-replica-role', 'RolePolicy');
    const { dependencies } = engine.find('tempo-backups-replica-configuration', 'BucketReplicationConfig');
    expect(own).toContain(rights);
    expect(dependencies).toContain(rights.urn);
  });

  it('says where it is', async () => {
    const { made } = await replicaOf({ prefix: 'prod' });
    expect(await valueOf(made.replicaRepositoryUrl ?? pulumi.output(''))).toBe(
      's3://tempo-backups-replica-0a1b2c3/prod?region=eu-central-1',
    );
  });

  it.each<[string, Partial<BackupBucketArgs>, string, RegExp]>([
    [
      'in the same region',
      { region: 'eu-west-1', replica: { region: 'eu-west-1' } },
      'replica.region',
      /^must be another region than the bucket's, got 'eu-west-1' for both$/,
    ],
    [
      'in an archive that thaws slower than everything must be back',
      { replica: { region: 'eu-central-1', storageClass: 'GLACIER' } },
      'replica.storageClass',
      /^must not be GLACIER, which takes 5h to thaw: the recovery time objective of 'all' is 2h; use GLACIER_IR/,
    ],
    [
      'in an unknown class',
      { replica: { region: 'eu-central-1', storageClass: 'COLD' } },
      'replica.storageClass',
      /^must be one of STANDARD, STANDARD_IA, .*, got 'COLD'$/,
    ],
    [
      'nowhere',
      { replica: { region: 'europe' } },
      'replica.region',
      /^must be the code of a region, such as 'eu-west-1', got 'europe'$/,
    ],
  ])('is refused %s', async (_, args, propertyPath, reason) => {
    expect(await refusalOf(args)).toMatchObject({ propertyPath, reason: expect.stringMatching(reason) });
  });

  it('may be an archive when everything may take as long as its thaw', async () => {
    const slow = planned({ objectives: { all: { recoveryTime: '5h' } } });
    const replica = { region: 'eu-central-1', storageClass: 'GLACIER' };
    expect(ruleIn(await replicaOf({ plan: slow, replica }))).toMatchObject({
      destination: { storageClass: 'GLACIER' },
    });
  });
});

describe('a grant', () => {
  it('is an inline policy of the role, free to change', async () => {
    const engine = await RecordingEngine.run(() => {
      const backups = new BackupBucket('tempo-backups', { plan });
      backups.grant('restore', ROLE);
      backups.grant('restore', ROLE, { suffix: 'drill' });
    });
    const grant = engine.find('tempo-backups-restore', 'RolePolicy');
    expect([grant.inputs['role'], grant.protect, grant.retainOnDelete]).toEqual(['a-role', false, false]);
    expect(grant.parent).toContain('tempo-backup:aws:BackupBucket::tempo-backups');
    expect(engine.find('tempo-backups-restore-drill', 'RolePolicy').inputs['policy']).toBe(grant.inputs['policy']);
  });

  it('on the replica names the replica and its key', async () => {
    const engine = await RecordingEngine.run(() => {
      const replica = { region: 'eu-central-1' };
      const backups = new BackupBucket('tempo-backups', {
        plan,
        region: 'eu-west-1',
        replica,
        encryption: { kms: true },
      });
      backups.grantOnReplica('restore', ROLE);
    });
    const text = JSON.stringify(statementsOf(engine.find('tempo-backups-replica-restore', 'RolePolicy')));
    expect(text).toContain('arn:aws:s3:::tempo-backups-replica-0a1b2c3/blocks/*');
    expect(text).toContain('tempo-backups-replica-key');
    expect(text).not.toContain('arn:aws:s3:::tempo-backups-0a1b2c3');
  });

  it('permits thaws where asked to, and throws for a command that requests none', async () => {
    const { made } = await make();
    const engine = await RecordingEngine.run(() => {
      new BackupBucket('tempo-backups', { plan }).grant('restore', ROLE, { suffix: 'thaw', thaw: true });
    });
    expect(engine.find('tempo-backups-restore-thaw', 'RolePolicy').inputs['policy']).toContain('s3:RestoreObject');
    expect(() => made.policyFor('backup', { thaw: true })).toThrow(/must be left out .* got it for 'backup'/);
  });

  it("throws for a suffix that makes it another command's, and takes any other", async () => {
    const engine = await RecordingEngine.run(() => {
      const backups = new BackupBucket('tempo-backups', { plan });
      expect(() => backups.grant('replicate', ROLE, { suffix: 'target' })).toThrow(
        "must not make the grant of 'replicate' one of 'replicate-target', got 'target'; choose another suffix",
      );
      expect(() => backups.grant('replicate', ROLE, { suffix: 'target-b' })).toThrow(/got 'target-b'/);
      backups.grant('replicate', ROLE, { suffix: 'targets' });
      backups.grant('replicate-target', ROLE, { suffix: 'b' });
    });
    expect(engine.ofType('RolePolicy').map(({ name }) => name)).toEqual([
      'tempo-backups-replicate-targets',
      'tempo-backups-replicate-target-b',
    ]);
  });

  it('throws for a replica that there is none of, and for a command without a repository', async () => {
    const { made } = await make();
    expect(() => made.grantOnReplica('restore', ROLE)).toThrow('must be set to grant rights on a replica, got none');
    expect(() => made.grant('rewind', ROLE)).toThrow(/must be a command that works on a repository .*, got 'rewind'/);
  });
});
