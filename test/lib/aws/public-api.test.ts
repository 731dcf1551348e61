import { AuditTrail, BackupBucket, RunnerRole, TempoBucketProtection } from 'tempo-backup/aws';
import { recommendedPlan } from 'tempo-backup/contract';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';

jest.setTimeout(30_000);

const plan = recommendedPlan();
const settings = { eksCluster: 'prod' };

/** As a user types it. */
function program() {
  const backups = new BackupBucket('tempo-backups', {
    plan,
    replica: { region: 'eu-central-1', storageClass: 'GLACIER_IR' },
    objectLock: { mode: 'GOVERNANCE', days: 7 },
    encryption: { kms: true },
  });

  new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan, replica: { region: 'eu-central-1' } });

  for (const command of ['backup', 'restore', 'verify', 'prune'] as const) {
    const role = new RunnerRole(`tempo-${command}`, {
      cluster: settings.eksCluster,
      namespace: 'observability',
      serviceAccount: `tempo-${command}`,
    });
    backups.grant(command, role);
  }
  new AuditTrail('tempo-backup-audit', { buckets: [backups] });
  return { repositoryUrl: backups.repositoryUrl };
}

describe('the shortest program with all components', () => {
  let engine: RecordingEngine & { readonly made: ReturnType<typeof program> };
  beforeAll(async () => {
    engine = await RecordingEngine.run(program);
  });

  it('exports where the repository is', async () => {
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://tempo-backups-0a1b2c3?region=eu-west-1');
  });

  it('has a bucket and its replica, protected, versioned, private and TLS only', () => {
    for (const name of ['tempo-backups', 'tempo-backups-replica']) {
      const bucket = engine.find(name, 'Bucket');
      expect([bucket.protect, bucket.retainOnDelete, bucket.inputs['forceDestroy']]).toEqual([true, true, undefined]);
      expect(engine.find(`${name}-versioning`, 'BucketVersioning').inputs).toMatchObject({
        versioningConfiguration: { status: 'Enabled' },
      });
      expect(engine.find(`${name}-public-access-block`, 'BucketPublicAccessBlock').protect).toBe(true);
      expect(String(engine.find(`${name}-policy`, 'BucketPolicy').inputs['policy'])).toContain('aws:SecureTransport');
      expect(JSON.stringify(engine.find(`${name}-lifecycle`, 'BucketLifecycleConfiguration').inputs)).toContain(
        'abortIncompleteMultipartUpload',
      );
    }
  });

  it('gives each role just its own command', () => {
    const grants = engine.ofType('RolePolicy').filter(({ name }) => /^tempo-backups-(?!replica)/.test(name));
    expect(grants.map(({ name, inputs }) => [name, inputs['role']])).toEqual(
      ['backup', 'restore', 'verify', 'prune'].map((each) => [`tempo-backups-${each}`, `tempo-${each}-0a1b2c3`]),
    );
  });

  it('says what each component is: all of them register their outputs', () => {
    const components = engine.resources.filter(({ type }) => type.startsWith('tempo-backup:'));
    // The engine registers those of a component that says none, too: as none.
    const silent = components.filter(({ urn }) => Object.keys(engine.outputs.get(urn) ?? {}).length === 0);
    expect(new Set(silent.map(({ type }) => type))).toEqual(new Set(['tempo-backup:aws:BucketSafeguards']));
    const { urn } = engine.find('tempo-backups', 'BackupBucket');
    expect(engine.outputs.get(urn)).toMatchObject({
      bucket: 'tempo-backups-0a1b2c3',
      region: 'eu-west-1',
      keyArn: 'arn:aws:kms::123456789012:tempo-backups-key',
      replicaBucket: 'tempo-backups-replica-0a1b2c3',
      repositoryUrl: 's3://tempo-backups-0a1b2c3?region=eu-west-1',
      replicaRepositoryUrl: 's3://tempo-backups-replica-0a1b2c3?region=eu-central-1',
    });
  });

  it('takes values that are known only later, and hands on those of its resources', async () => {
    const later = <T extends string | number>(value: T): Promise<T> => Promise.resolve(value);
    const { made, find } = await RecordingEngine.run(() => {
      const backups = new BackupBucket('b', {
        plan,
        bucket: later('acme-backups'),
        region: later('eu-west-1'),
        objectLock: { days: later(7) },
        replica: { region: later('eu-central-1') },
      });
      const role = new RunnerRole('r', {
        cluster: later('prod'),
        namespace: later('observability'),
        serviceAccount: later('tempo-backup'),
      });
      backups.grant('backup', role);
      new TempoBucketProtection('t', { plan, bucket: later('acme-tempo') });
      return backups;
    }).then((engine) => ({ made: engine.made, find: engine.find.bind(engine) }));
    expect(await valueOf(made.repositoryUrl)).toBe('s3://acme-backups?region=eu-west-1');
    expect(find('r-association', 'PodIdentityAssociation').inputs['clusterName']).toBe('prod');
    expect(find('t-versioning', 'BucketVersioning').inputs['bucket']).toBe('acme-tempo');
  });
});
