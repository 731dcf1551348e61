import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { join } from 'node:path';
import { ExampleFolder } from './example-folder';
import { byRegion, made, previewed, read } from './previewed';
import { ProviderInFront } from './provider-in-front';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'preview of the AWS stack skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('on a real engine', () => previewSuite(AWS_ENDPOINT_URL ?? '', PULUMI_HOME));
}

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:alarms';

/** What a replica consists of in its own region. */
function replicaParts(
  of: string,
  keyAndLock = [`Key ${of}-replica-key`, `BucketObjectLockConfiguration ${of}-replica-lock`],
) {
  return [
    `Bucket ${of}-replica`,
    `BucketLifecycleConfiguration ${of}-replica-lifecycle`,
    `BucketOwnershipControls ${of}-replica-ownership`,
    `BucketPolicy ${of}-replica-policy`,
    `BucketPublicAccessBlock ${of}-replica-public-access-block`,
    `BucketServerSideEncryptionConfiguration ${of}-replica-encryption`,
    `BucketVersioning ${of}-replica-versioning`,
    ...keyAndLock,
  ];
}

function previewSuite(endpoint: string, pulumiHome: string): void {
  let provider: ProviderInFront;

  beforeAll(async () => {
    provider = await ProviderInFront.start(endpoint, pulumiHome);
    const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    // Tempo's own bucket is there before.
    await s3.send(new CreateBucketCommand({ Bucket: 'acme-tempo' }));
    s3.destroy();
  });

  afterAll(() => provider.stop());

  it('the AWS stack would make these resources with all that its configuration has', async () => {
    const stack = await StackUnderTest.make('tempo-backup', provider.env);
    const program = await stack.with(async () =>
      jest.requireActual<Record<string, unknown>>('../../../stacks/aws/index'),
    );
    await program.setAllConfig({
      replicaRegion: { value: 'eu-central-1' },
      kms: { value: 'true' },
      lockDays: { value: '7' },
      tempoBucket: { value: 'acme-tempo' },
      tempoPrefix: { value: 'single' },
      eksCluster: { value: 'prod' },
      alarmTopicArn: { value: TOPIC },
    });
    const plan = await previewed('stacks/aws', program);
    await stack.remove();
    expect(made(plan)).toEqual({
      'aws:cloudtrail/trail:Trail': 1,
      'aws:cloudwatch/logGroup:LogGroup': 1,
      'aws:cloudwatch/logMetricFilter:LogMetricFilter': 2,
      'aws:cloudwatch/metricAlarm:MetricAlarm': 2,
      'aws:eks/podIdentityAssociation:PodIdentityAssociation': 6,
      'aws:iam/role:Role': 9,
      'aws:iam/rolePolicy:RolePolicy': 14,
      'aws:kms/key:Key': 2,
      'aws:s3/bucket:Bucket': 4,
      'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': 5,
      'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': 3,
      'aws:s3/bucketOwnershipControls:BucketOwnershipControls': 5,
      'aws:s3/bucketPolicy:BucketPolicy': 4,
      'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': 5,
      'aws:s3/bucketReplicationConfig:BucketReplicationConfig': 2,
      'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': 4,
      'aws:s3/bucketVersioning:BucketVersioning': 5,
      'pulumi:providers:aws': 1,
      'tempo-backup:aws:AuditAlarms': 1,
      'tempo-backup:aws:AuditTrail': 1,
      'tempo-backup:aws:BackupBucket': 1,
      'tempo-backup:aws:BucketReplication': 2,
      'tempo-backup:aws:BucketSafeguards': 5,
      'tempo-backup:aws:RunnerRole': 6,
      'tempo-backup:aws:TempoBucketProtection': 1,
    });
    expect(read(plan)).toEqual(['aws:s3/bucket:Bucket traces']);
    const { '': ofProvider, 'eu-central-1': replicas, 'eu-west-1': home = [], ...others } = byRegion(plan);
    expect(others).toEqual({});
    // Where the cluster is, the stack isn't told.
    expect(ofProvider).toEqual(
      ['backup', 'prune', 'restore', 'restore-mover', 'snapshot', 'verify'].map(
        (identity) => `PodIdentityAssociation tempo-${identity}-association`,
      ),
    );
    expect(replicas).toEqual([...replicaParts('tempo-backups'), ...replicaParts('traces', [])].sort());
    expect(home.filter((each) => each.includes('replica'))).toEqual([
      'BucketReplicationConfig tempo-backups-replica-configuration',
      'BucketReplicationConfig traces-replica-configuration',
    ]);
  });

  describe('the example of a platform stack, in its own folder', () => {
    let example: ExampleFolder;
    beforeAll(() => {
      example = new ExampleFolder(join(__dirname, '../../../examples/platform-stack'));
    });
    afterAll(() => example.remove());

    it('compiles against the package as it is packed', () => {
      expect(example.typeErrors()).toBe('');
    });

    it('would make these resources', async () => {
      const program = await example.stack(provider.env);
      await program.setAllConfig({
        cluster: { value: 'prod' },
        tempoBucket: { value: 'acme-tempo' },
        alarmTopicArn: { value: TOPIC },
        recoveryRoleArn: { value: 'arn:aws:iam::222222222222:role/recovery' },
      });
      const plan = await previewed('examples/platform-stack', program);
      expect(made(plan)).toEqual({
        'acme:platform:TempoBackups': 1,
        'aws:cloudtrail/trail:Trail': 1,
        'aws:cloudwatch/logGroup:LogGroup': 1,
        'aws:cloudwatch/logMetricFilter:LogMetricFilter': 2,
        'aws:cloudwatch/metricAlarm:MetricAlarm': 2,
        'aws:eks/podIdentityAssociation:PodIdentityAssociation': 6,
        'aws:iam/role:Role': 8,
        'aws:iam/rolePolicy:RolePolicy': 10,
        'aws:kms/key:Key': 2,
        'aws:s3/bucket:Bucket': 3,
        'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': 4,
        'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': 3,
        'aws:s3/bucketOwnershipControls:BucketOwnershipControls': 4,
        'aws:s3/bucketPolicy:BucketPolicy': 3,
        'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': 4,
        'aws:s3/bucketReplicationConfig:BucketReplicationConfig': 1,
        'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': 3,
        'aws:s3/bucketVersioning:BucketVersioning': 4,
        'pulumi:providers:aws': 1,
        'tempo-backup:aws:AuditAlarms': 1,
        'tempo-backup:aws:AuditTrail': 1,
        'tempo-backup:aws:BackupBucket': 1,
        'tempo-backup:aws:BucketReplication': 1,
        'tempo-backup:aws:BucketSafeguards': 4,
        'tempo-backup:aws:RunnerRole': 6,
        'tempo-backup:aws:TempoBucketProtection': 1,
      });
      expect(read(plan)).toEqual(['aws:s3/bucket:Bucket tempo-traces']);
      const { 'eu-central-1': replicas, 'eu-west-1': home = [], ...others } = byRegion(plan);
      expect(others).toEqual({});
      const recovery = 'PodIdentityAssociation tempo-replica-restore-association';
      expect(replicas).toEqual([...replicaParts('tempo-repository'), recovery].sort());
      expect(home.filter((each) => each.includes('replica'))).toEqual([
        'BucketReplicationConfig tempo-repository-replica-configuration',
      ]);
    });
  });
}
