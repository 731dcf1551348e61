import {
  AuditTrail,
  type AuditTrailArgs,
  BackupBucket,
  S3Compatible,
  TempoBucketProtection,
} from '../../../lib/aws/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { plan, refusalBy, statementsOf } from './component-scene';
import { type Deletion, deletionOf, matches } from './filter-pattern';

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
      name: 'audit',
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
    expect(rules).toEqual([
      {
        id: 'records',
        status: 'Enabled',
        filter: { prefix: '' },
        expiration: { days: 400 },
        noncurrentVersionExpiration: { noncurrentDays: 1 },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
    ]);
    const bucketParts = engine.resources.filter(
      ({ name, type }) => name.startsWith('audit') && type.startsWith('aws:s3'),
    );
    expect(bucketParts.filter((each) => !each.protect || !each.retainOnDelete)).toEqual([]);
  });

  it.each<[string, Partial<AuditTrailArgs>, string]>([
    ['the logical name', {}, 'audit'],
    ['a given name', { trailName: 'prod-audit' }, 'prod-audit'],
  ])("lets the trail of %s write below the account's own folder, and nobody else", async (_, args, name) => {
    const engine = await trail(args);
    const found = statementsOf(engine.find('audit-policy', 'BucketPolicy')).slice(2);
    const Principal = { Service: 'cloudtrail.amazonaws.com' };
    const arn = 'arn:aws:s3:::audit-0a1b2c3';
    const itself = { 'aws:SourceArn': `arn:aws:cloudtrail:eu-west-1:123456789012:trail/${name}` };
    expect(found).toEqual([
      {
        Sid: 'TrailLooks',
        Effect: 'Allow',
        Principal,
        Action: 's3:GetBucketAcl',
        Resource: arn,
        Condition: { StringEquals: itself },
      },
      {
        Sid: 'TrailWrites',
        Effect: 'Allow',
        Principal,
        Action: 's3:PutObject',
        Resource: `${arn}/AWSLogs/123456789012/*`,
        Condition: { StringEquals: { ...itself, 's3:x-amz-acl': 'bucket-owner-full-control' } },
      },
    ]);
    expect(engine.find('audit', 'Trail').inputs['name']).toBe(name);
  });

  it('is free of protection when asked, and has the tags that it is given', async () => {
    const engine = await trail({ protect: false, retainOnDelete: false, tags: { team: 'a' } });
    const parts = engine.resources.filter(({ name }) => name.startsWith('audit'));
    expect(parts.filter((each) => each.protect || each.retainOnDelete)).toEqual([]);
    for (const type of ['Bucket', 'Trail']) expect(engine.find('audit', type).inputs['tags']).toEqual({ team: 'a' });
    expect((await trail()).find('audit', 'Trail').inputs['tags']).toBeUndefined();
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
        ' && (($.userIdentity.sessionContext.sessionIssuer.arn NOT EXISTS)' +
        ' || (($.userIdentity.sessionContext.sessionIssuer.arn != "arn:aws:iam::123456789012:role/prune"))) }',
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

  it('waits until it may write, as CloudTrail tries that at once', async () => {
    const { dependencies } = (await trail({ alarms: { topicArn } })).find('audit', 'Trail');
    const types = dependencies.map(
      (urn) => `${urn.split('::')[2]?.split(':').at(-1) ?? ''} ${urn.split('::')[3] ?? ''}`,
    );
    expect(types).toEqual(
      expect.arrayContaining(['BucketPolicy audit-policy', 'RolePolicy audit-log-role', 'LogGroup audit-events']),
    );
  });

  const deletions = async (buckets: AuditTrailArgs['buckets'], deletingRoleArns: readonly string[] = []) => {
    const engine = await RecordingEngine.run(
      () => new AuditTrail('audit', { buckets, alarms: { topicArn, deletingRoleArns } }),
    );
    const pattern = String(engine.find('audit-deletes', 'LogMetricFilter').inputs['pattern']);
    return { pattern, raise: (event: Partial<Deletion>) => matches(pattern, deletionOf(event)) };
  };
  const repository = { arn: 'arn:aws:s3:::backups', replicaArn: 'arn:aws:s3:::backups-replica' };

  it('raises an alarm on who deletes, be it a role, a user or root, but not on prune', async () => {
    const { raise } = await deletions([repository], ['arn:aws:iam::1:role/prune', 'arn:aws:iam::1:role/admin']);
    expect(raise({ role: 'arn:aws:iam::1:role/backup' })).toBe(true);
    // Neither root nor a user of IAM has a role that it could be told by.
    expect(raise({ role: undefined })).toBe(true);
    expect(raise({ role: undefined, eventName: 'DeleteObjects' })).toBe(true);
    expect(raise({ role: 'arn:aws:iam::1:role/prune' })).toBe(false);
    expect(raise({ role: 'arn:aws:iam::1:role/admin' })).toBe(false);
    expect(raise({ role: undefined, eventName: 'PutObject' })).toBe(false);
    expect(raise({ role: undefined, errorCode: 'AccessDenied' })).toBe(false);
  });

  it('raises no alarm on what Tempo deletes in its own bucket, while that is recorded', async () => {
    const tempo = {
      arn: 'arn:aws:s3:::acme-tempo',
      replicaArn: 'arn:aws:s3:::acme-tempo-replica',
      alarmsOnDeletes: false,
    };
    const { raise } = await deletions([repository, tempo], ['arn:aws:iam::1:role/prune']);
    for (const bucketName of ['acme-tempo', 'acme-tempo-replica']) expect(raise({ bucketName })).toBe(false);
    for (const bucketName of ['backups', 'backups-replica']) expect(raise({ bucketName })).toBe(true);
    const loud = await deletions([repository, { ...tempo, alarmsOnDeletes: true }]);
    expect(loud.raise({ bucketName: 'acme-tempo' })).toBe(true);
  });

  it('knows by itself that a TempoBucketProtection is of a bucket in which Tempo deletes', async () => {
    const engine = await RecordingEngine.run(() => {
      const backups = new BackupBucket('tempo-backups', { plan, region: 'eu-west-1' });
      const traces = new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan });
      return new AuditTrail('audit', { buckets: [backups, traces], alarms: { topicArn } });
    });
    const pattern = String(engine.find('audit-deletes', 'LogMetricFilter').inputs['pattern']);
    expect(matches(pattern, deletionOf({ bucketName: 'acme-tempo' }))).toBe(false);
    expect(matches(pattern, deletionOf({ bucketName: 'tempo-backups-0a1b2c3' }))).toBe(true);
    expect(JSON.stringify(engine.find('audit', 'Trail').inputs['advancedEventSelectors'])).toContain(
      'arn:aws:s3:::acme-tempo/',
    );
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
    [
      'a topic of another region',
      { region: 'eu-central-1', alarms: { topicArn } },
      'alarms.topicArn',
      /^must be a topic of the trail's region 'eu-central-1', got 'arn:aws:sns:eu-west-1:123456789012:alarms'$/,
    ],
    ['a bucket that is no ARN', { buckets: [{ arn: 'acme-tempo' }] }, 'buckets.0.arn', /^must be the ARN of a bucket/],
    [
      'a replica that is an object',
      { buckets: [{ arn: 'arn:aws:s3:::a', replicaArn: 'arn:aws:s3:::b/c' }] },
      'buckets.0.replicaArn',
      /^must be the ARN of a bucket, got 'arn:aws:s3:::b\/c'$/,
    ],
    [
      'a name that no trail may have',
      { trailName: 'a' },
      'trailName',
      /^must be 3 to 128 letters, digits and .*, got 'a'$/,
    ],
    ['a topic that is no ARN', { alarms: { topicArn: 'alarms' } }, 'alarms.topicArn', /^must be an ARN, got 'alarms'$/],
  ])('throws when there is %s', async (_, args, propertyPath, reason) => {
    const buckets = [{ arn: 'arn:aws:s3:::a' }];
    const refusal = await refusalBy(() => new AuditTrail('audit', { buckets, ...args }));
    expect(refusal).toMatchObject({ propertyPath, reason: expect.stringMatching(reason) });
  });

  it.each<[string, (endpoint: S3Compatible) => BackupBucket | TempoBucketProtection]>([
    ['a BackupBucket', (endpoint) => new BackupBucket('tempo-backups', { plan, endpoint })],
    ['a TempoBucketProtection', (endpoint) => new TempoBucketProtection('traces', { bucket: 'tempo', plan, endpoint })],
  ])('throws when there is %s on another server than AWS, of which CloudTrail records nothing', async (_, make) => {
    const endpoint = S3Compatible.minio({ url: 'https://minio.example.com:9000' });
    const other = { arn: 'arn:aws:s3:::a' };
    expect(await refusalBy(() => new AuditTrail('audit', { buckets: [other, make(endpoint)] }))).toMatchObject({
      propertyPath: 'buckets.1',
      reason:
        "must lie in AWS, whose requests CloudTrail records, got one at 'https://minio.example.com:9000'; leave it out, and use that server's own audit log",
    });
  });
});
