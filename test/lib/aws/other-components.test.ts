import { TempoBucketProtection, type TempoBucketProtectionArgs } from '../../../lib/aws/index';
import { withChanges } from '../../../lib/contract/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { plan, statementsOf } from './component-scene';

describe('a TempoBucketProtection', () => {
  const protect = (args: Partial<TempoBucketProtectionArgs> = {}) =>
    RecordingEngine.run(() => new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, ...args }));

  it('consists of these resources, by these names, and only looks the bucket up', async () => {
    const engine = await protect();
    expect(engine.names()).toEqual([
      'Bucket traces',
      'BucketLifecycleConfiguration traces-lifecycle',
      'BucketOwnershipControls traces-ownership',
      'BucketPublicAccessBlock traces-public-access-block',
      'BucketSafeguards traces',
      'BucketVersioning traces-versioning',
      'TempoBucketProtection traces',
    ]);
    expect(engine.resources.filter(({ read }) => read).map(({ name, type }) => [name, type])).toEqual([
      ['traces', 'aws:s3/bucket:Bucket'],
    ]);
  });

  it('is protected and retained, so that the bucket keeps its versions whatever happens to the stack', async () => {
    const own = (await protect()).resources.filter(({ type, read }) => type.startsWith('aws:') && !read);
    expect(own.filter((each) => !each.protect || !each.retainOnDelete)).toEqual([]);
    const loose = await protect({ protect: false, retainOnDelete: false });
    expect(loose.resources.filter((each) => each.protect || each.retainOnDelete)).toEqual([]);
  });

  it('archives what was deleted after 30 days, drops it after 365, and touches nothing current', async () => {
    const rules = (await protect()).find('traces-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'];
    expect(rules).toEqual([
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
    ]);
  });

  it('keeps the rules and the statements that the bucket has already', async () => {
    const rule = { id: 'own', status: 'Enabled', filter: { prefix: 'x/' }, expiration: { days: 1 } };
    const statement = { Sid: 'Own', Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'r' } as const;
    const engine = await protect({ lifecycleRules: [rule], policyStatements: [statement] });
    const rules = engine.find('traces-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'] as { id: string }[];
    expect(rules.map(({ id }) => id)).toEqual(['noncurrent-versions', 'incomplete-uploads', 'own']);
    expect(statementsOf(engine.find('traces-policy', 'BucketPolicy')).map(({ Sid }) => Sid)).toEqual([
      'TlsOnly',
      'MinimumTlsVersion',
      'Own',
    ]);
  });

  it('replicates all of the bucket', async () => {
    const engine = await protect({ region: 'eu-west-1', replica: { region: 'eu-central-1' } });
    const [rule] = engine.find('traces-replica-configuration', 'BucketReplicationConfig').inputs['rules'] as unknown[];
    expect(rule).toMatchObject({ filter: { prefix: '' }, destination: { storageClass: 'STANDARD_IA' } });
    expect(engine.find('traces-replica', 'Bucket').inputs['region']).toBe('eu-central-1');
    expect(await valueOf(engine.made.arn)).toBe('arn:aws:s3:::acme-tempo');
  });

  it('replicates what a KMS key encrypts when it is told the key', async () => {
    const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';
    const engine = await protect({ region: 'eu-west-1', replica: { region: 'eu-central-1' }, keyArn });
    const [rule] = engine.find('traces-replica-configuration', 'BucketReplicationConfig').inputs['rules'] as unknown[];
    expect(rule).toMatchObject({
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } },
      destination: { encryptionConfiguration: { replicaKmsKeyId: 'arn:aws:kms::123456789012:traces-replica-key' } },
    });
    const decrypt = statementsOf(engine.find('traces-replica-role', 'RolePolicy')).find(
      ({ Sid }) => Sid === 'DecryptSource',
    );
    expect(decrypt?.Resource).toBe(keyArn);
    await expect(protect({ region: 'eu-west-1', replica: { region: 'eu-central-1' }, keyArn: 'x' })).rejects.toThrow(
      /must be an ARN/,
    );
  });

  it('checks the plan for a Tempo whose blocks are in S3, unless told otherwise', async () => {
    const configOnly = withChanges(plan, {
      rules: plan.rules.filter(({ scope }) => scope !== 'data'),
      objectives: { localData: { recoveryPoint: '1m' } },
    });
    await expect(protect({ plan: configOnly })).resolves.toBeDefined();
    await expect(protect({ plan: configOnly, context: { storage: 'local', walVolume: true } })).rejects.toThrow(
      /'plan\.objectives\.localData\.recoveryPoint' can't be met/,
    );
  });
});
