import {
  S3Compatible,
  type S3Feature,
  TempoBucketProtection,
  type TempoBucketProtectionArgs,
} from '../../../lib/aws/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { plan, refusalBy } from './component-scene';

const url = 'https://minio.example.com:9000';
const protect = (args: Partial<TempoBucketProtectionArgs> = {}) =>
  RecordingEngine.run(() => new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, ...args }));

describe('a TempoBucketProtection on an S3-compatible server', () => {
  it('configures what a MinIO has, and says what is left out', async () => {
    const engine = await protect({ endpoint: S3Compatible.minio({ url }) });
    expect(engine.names()).toEqual([
      'Bucket traces',
      'BucketLifecycleConfiguration traces-lifecycle',
      'BucketSafeguards traces',
      'BucketVersioning traces-versioning',
      'TempoBucketProtection traces',
    ]);
    expect(engine.find('traces-lifecycle', 'BucketLifecycleConfiguration').inputs['rules']).toEqual([
      expect.objectContaining({ id: 'noncurrent-versions', noncurrentVersionExpiration: { noncurrentDays: 365 } }),
    ]);
    expect(engine.made.switchedOff).toContain('public-access-block');
    expect((await protect()).made.switchedOff).toEqual([]);
  });

  it('leaves lifecycle rules out where the server has none at all', async () => {
    const engine = await protect({ endpoint: S3Compatible.server({ url, without: ['lifecycle'] }) });
    expect(engine.ofType('BucketLifecycleConfiguration')).toEqual([]);
    expect(engine.ofType('BucketPublicAccessBlock')).toHaveLength(1);
  });

  it.each<[keyof TempoBucketProtectionArgs, S3Feature, Partial<TempoBucketProtectionArgs>]>([
    ['replica', 'replication', { replica: { region: 'eu-central-1' } }],
    ['lifecycleRules', 'lifecycle', { lifecycleRules: [{ id: 'own', status: 'Enabled' }] }],
    ['policyStatements', 'bucket-policy', { policyStatements: [] }],
    ['accessLogs', 'access-logs', { accessLogs: { bucket: 'logs' } }],
  ])("refuses '%s' where '%s' is lacking, instead of leaving it out", async (path, feature, args) => {
    const endpoint = S3Compatible.server({ url, without: [feature] });
    const refusal = await refusalBy(
      () => new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, endpoint, ...args }),
    );
    expect(refusal).toMatchObject({
      propertyPath: path,
      reason: `must be left out: 'endpoint' says that the server lacks '${feature}'`,
    });
  });
});

describe('the access logs of a TempoBucketProtection', () => {
  it('go where they are told, and are left as they are otherwise', async () => {
    const engine = await protect({ accessLogs: { bucket: 'acme-logs' } });
    expect(engine.find('traces-access-logs', 'BucketLogging').inputs).toMatchObject({
      bucket: 'acme-tempo',
      targetBucket: 'acme-logs',
      targetPrefix: 'traces/',
    });
    expect((await protect()).ofType('BucketLogging')).toEqual([]);
  });
});

describe('the defaults of a TempoBucketProtection', () => {
  it('are these, by value', async () => {
    const engine = await protect();
    const inputsOf = (name: string, type: string) => engine.find(name, type).inputs;
    const bucket = 'acme-tempo';
    expect(inputsOf('traces-versioning', 'BucketVersioning')).toEqual({
      bucket,
      versioningConfiguration: { status: 'Enabled' },
    });
    expect(inputsOf('traces-public-access-block', 'BucketPublicAccessBlock')).toEqual({
      bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(inputsOf('traces-ownership', 'BucketOwnershipControls')).toEqual({
      bucket,
      rule: { objectOwnership: 'BucketOwnerEnforced' },
    });
    // Encryption and policy are Tempo's operator's.
    for (const type of ['BucketServerSideEncryptionConfiguration', 'BucketPolicy', 'BucketReplicationConfig'])
      expect([type, engine.ofType(type)]).toEqual([type, []]);
    expect(await valueOf(engine.made.bucket)).toBe(bucket);
  });
});
