import {
  AuditTrail,
  type AuditTrailArgs,
  BackupBucket,
  RunnerRole,
  type RunnerRoleArgs,
  TempoBucketProtection,
  type TempoBucketProtectionArgs,
} from '../../../lib/aws/index';
import { withChanges } from '../../../lib/contract/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { plan, refusalBy, statementsOf } from './component-scene';

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

describe('a RunnerRole', () => {
  const role = (args: Partial<RunnerRoleArgs>) =>
    RecordingEngine.run(
      () => new RunnerRole('tempo-backup', { namespace: 'observability', serviceAccount: 'tempo-backup', ...args }),
    );

  it('by pod identity is for one service account of one cluster', async () => {
    const engine = await role({ cluster: 'prod' });
    expect(engine.names()).toEqual([
      'PodIdentityAssociation tempo-backup-association',
      'Role tempo-backup',
      'RunnerRole tempo-backup',
    ]);
    expect(statementsOf(engine.find('tempo-backup', 'Role'), 'assumeRolePolicy')).toEqual([
      {
        Sid: 'PodIdentity',
        Effect: 'Allow',
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: {
          StringEquals: {
            'aws:RequestTag/eks-cluster-name': 'prod',
            'aws:RequestTag/kubernetes-namespace': 'observability',
            'aws:RequestTag/kubernetes-service-account': 'tempo-backup',
          },
        },
      },
    ]);
    expect(engine.find('tempo-backup-association', 'PodIdentityAssociation').inputs).toEqual({
      clusterName: 'prod',
      namespace: 'observability',
      serviceAccount: 'tempo-backup',
      roleArn: 'arn:aws:iam::123456789012:tempo-backup',
    });
    expect(await valueOf(engine.made.serviceAccountAnnotations)).toEqual({});
  });

  it.each(['https://oidc.eks.eu-west-1.amazonaws.com/id/AB/', 'oidc.eks.eu-west-1.amazonaws.com/id/AB'])(
    'by IRSA is for one service account of the issuer %s',
    async (url) => {
      const oidcProvider = { arn: 'arn:aws:iam::123456789012:oidc-provider/x', url };
      const engine = await role({ oidcProvider });
      expect(engine.names()).toEqual(['Role tempo-backup', 'RunnerRole tempo-backup']);
      expect(statementsOf(engine.find('tempo-backup', 'Role'), 'assumeRolePolicy')).toEqual([
        {
          Sid: 'WebIdentity',
          Effect: 'Allow',
          Principal: { Federated: oidcProvider.arn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'oidc.eks.eu-west-1.amazonaws.com/id/AB:aud': 'sts.amazonaws.com',
              'oidc.eks.eu-west-1.amazonaws.com/id/AB:sub': 'system:serviceaccount:observability:tempo-backup',
            },
          },
        },
      ]);
      expect(await valueOf(engine.made.serviceAccountAnnotations)).toEqual({
        'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:tempo-backup',
      });
    },
  );

  it('has no rights before something is granted, and is free to go', async () => {
    const engine = await role({ cluster: 'prod', roleName: 'a', permissionsBoundary: 'arn:aws:iam::1:policy/p' });
    const { inputs, protect } = engine.find('tempo-backup', 'Role');
    expect([inputs['name'], inputs['permissionsBoundary'], protect]).toEqual(['a', 'arn:aws:iam::1:policy/p', false]);
    expect(engine.ofType('RolePolicy')).toEqual([]);
  });

  it.each<[string, Partial<RunnerRoleArgs>, string, RegExp]>([
    ['neither way', {}, 'cluster', /^must be given, or 'oidcProvider' for a cluster without pod identity/],
    [
      'both ways',
      { cluster: 'prod', oidcProvider: { arn: 'arn:aws:iam::1:x', url: 'x' } },
      'oidcProvider',
      /^must be left out when 'cluster' is given/,
    ],
    ['no service account', { cluster: 'prod', serviceAccount: '' }, 'serviceAccount', /^must not be empty, got ''$/],
    ['a provider that is no ARN', { oidcProvider: { arn: 'x', url: 'x' } }, 'oidcProvider.arn', /^must be an ARN/],
  ])('throws when there is %s', async (_, args, propertyPath, reason) => {
    const names = { namespace: 'observability', serviceAccount: 'tempo-backup' };
    const refusal = await refusalBy(() => new RunnerRole('tempo-backup', { ...names, ...args }));
    expect(refusal).toMatchObject({ propertyPath, reason: expect.stringMatching(reason) });
  });
});

describe('an AuditTrail', () => {
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:alarms';
  const trail = (args: Partial<AuditTrailArgs> = {}) =>
    RecordingEngine.run(() => {
      const replica = { region: 'eu-central-1' };
      const backups = new BackupBucket('tempo-backups', { plan, region: 'eu-west-1', replica });
      return new AuditTrail('audit', { buckets: [backups], ...args });
    });
  const own = (engine: RecordingEngine) => engine.names().filter((name) => name.includes(' audit'));

  it('consists of these resources, by these names', async () => {
    expect(own(await trail())).toEqual([
      'AuditTrail audit',
      'Bucket audit',
      'BucketLifecycleConfiguration audit-lifecycle',
      'BucketObjectLockConfiguration audit-lock',
      'BucketOwnershipControls audit-ownership',
      'BucketPolicy audit-policy',
      'BucketPublicAccessBlock audit-public-access-block',
      'BucketSafeguards audit',
      'BucketServerSideEncryptionConfiguration audit-encryption',
      'BucketVersioning audit-versioning',
      'Trail audit',
    ]);
  });

  it('records every request for an object of bucket and replica, in all regions, with validation', async () => {
    const { inputs, dependencies } = (await trail()).find('audit', 'Trail');
    expect(inputs).toEqual({
      s3BucketName: 'audit-0a1b2c3',
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableLogFileValidation: true,
      advancedEventSelectors: [
        {
          name: 'Requests for objects of recovery points',
          fieldSelectors: [
            { field: 'eventCategory', equals: ['Data'] },
            { field: 'resources.type', equals: ['AWS::S3::Object'] },
            {
              field: 'resources.ARN',
              startsWiths: ['arn:aws:s3:::tempo-backups-0a1b2c3/', 'arn:aws:s3:::tempo-backups-replica-0a1b2c3/'],
            },
          ],
        },
      ],
    });
    expect(dependencies.some((urn) => urn.endsWith('::audit-policy'))).toBe(true);
  });

  it('locks what it recorded for a year and removes it after 400 days', async () => {
    const engine = await trail();
    expect(engine.find('audit', 'Bucket').inputs['objectLockEnabled']).toBe(true);
    expect(engine.find('audit-lock', 'BucketObjectLockConfiguration').inputs['rule']).toEqual({
      defaultRetention: { mode: 'GOVERNANCE', days: 365 },
    });
    const rules = engine.find('audit-lifecycle', 'BucketLifecycleConfiguration').inputs['rules'];
    expect(rules).toEqual([expect.objectContaining({ id: 'records', expiration: { days: 400 } })]);
    const bucketParts = engine.resources.filter(
      ({ name, type }) => name.startsWith('audit') && type.startsWith('aws:s3'),
    );
    expect(bucketParts.filter((each) => !each.protect || !each.retainOnDelete)).toEqual([]);
  });

  it("lets CloudTrail write below the account's own folder, and nobody else", async () => {
    const found = statementsOf((await trail()).find('audit-policy', 'BucketPolicy')).slice(2);
    const Principal = { Service: 'cloudtrail.amazonaws.com' };
    const arn = 'arn:aws:s3:::audit-0a1b2c3';
    expect(found).toEqual([
      { Sid: 'TrailLooks', Effect: 'Allow', Principal, Action: 's3:GetBucketAcl', Resource: arn },
      {
        Sid: 'TrailWrites',
        Effect: 'Allow',
        Principal,
        Action: 's3:PutObject',
        Resource: `${arn}/AWSLogs/123456789012/*`,
        Condition: { StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } },
      },
    ]);
  });

  it('raises alarms on refusals and deletions when there is a topic', async () => {
    const deletingRoleArns = ['arn:aws:iam::123456789012:role/prune'];
    const engine = await trail({ alarms: { topicArn, deletingRoleArns } });
    expect(own(engine).filter((name) => /Log|Metric|Role|Alarms/.test(name))).toEqual([
      'AuditAlarms audit',
      'LogGroup audit-events',
      'LogMetricFilter audit-access-denied',
      'LogMetricFilter audit-deletes',
      'MetricAlarm audit-access-denied',
      'MetricAlarm audit-deletes',
      'Role audit-log-role',
      'RolePolicy audit-log-role',
    ]);
    expect(engine.find('audit-access-denied', 'LogMetricFilter').inputs['pattern']).toBe(
      '{ ($.eventSource = "s3.amazonaws.com") && ($.errorCode = "AccessDenied") }',
    );
    expect(engine.find('audit-deletes', 'LogMetricFilter').inputs['pattern']).toBe(
      '{ ($.eventSource = "s3.amazonaws.com") && ($.eventName = "DeleteObject*") && ($.errorCode NOT EXISTS)' +
        ' && ($.userIdentity.sessionContext.sessionIssuer.arn != "arn:aws:iam::123456789012:role/prune") }',
    );
    expect(engine.find('audit-deletes', 'MetricAlarm').inputs).toMatchObject({
      namespace: 'TempoBackup',
      metricName: 'audit-deletes',
      statistic: 'Sum',
      period: 300,
      evaluationPeriods: 1,
      threshold: 1,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      treatMissingData: 'notBreaching',
      alarmActions: [topicArn],
    });
    expect(engine.find('audit-events', 'LogGroup').inputs['retentionInDays']).toBe(90);
    expect(engine.find('audit', 'Trail').inputs).toMatchObject({
      cloudWatchLogsGroupArn: 'arn:aws:cloudwatch::123456789012:audit-events:*',
      cloudWatchLogsRoleArn: 'arn:aws:iam::123456789012:audit-log-role',
    });
  });

  it('puts nothing into CloudWatch without a topic', async () => {
    const engine = await trail();
    expect(engine.resources.filter(({ type }) => type.startsWith('aws:cloudwatch'))).toEqual([]);
  });

  it.each<[string, Partial<AuditTrailArgs>, string, RegExp]>([
    ['no bucket', { buckets: [] }, 'buckets', /^must name at least one bucket, got none$/],
    [
      'a lock as long as the records are kept',
      { objectLock: { days: 400 } },
      'objectLock.days',
      /^must be less than 'deleteAfterDays', got 400 and 400: what is locked can't be removed$/,
    ],
    [
      'half a day',
      { deleteAfterDays: 366.5 },
      'deleteAfterDays',
      /^must be a whole number from 1 to 36500, got 366.5$/,
    ],
    [
      'a period that CloudWatch has not',
      { alarms: { topicArn, logRetentionDays: 100 } },
      'alarms.logRetentionDays',
      /^must be one of 1, 3, 5, .*, got 100$/,
    ],
    ['a topic that is no ARN', { alarms: { topicArn: 'alarms' } }, 'alarms.topicArn', /^must be an ARN, got 'alarms'$/],
  ])('throws when there is %s', async (_, args, propertyPath, reason) => {
    const buckets = [{ arn: 'arn:aws:s3:::a' }];
    const refusal = await refusalBy(() => new AuditTrail('audit', { buckets, ...args }));
    expect(refusal).toMatchObject({ propertyPath, reason: expect.stringMatching(reason) });
  });
});
