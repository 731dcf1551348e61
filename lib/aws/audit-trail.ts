import type { input } from '@pulumi/aws/types';
import * as cloudtrail from '@pulumi/aws/cloudtrail';
import { getCallerIdentityOutput } from '@pulumi/aws/getCallerIdentity';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import { AuditAlarms, type AuditAlarmsArgs } from './audit-alarms';
import type { ObjectLockArgs } from './backup-bucket-args';
import type { PolicyStatement } from './bucket-grants';
import { BucketSafeguards, type LockArgs } from './bucket/bucket-safeguards';
import * as checks from './private/checks';
import { refuse, validated } from './private/validated-input';

/** A bucket whose requests are recorded: a `BackupBucket`, a `TempoBucketProtection`, or any other. */
export interface AuditedBucket {
  /** ARN of the bucket. */
  readonly arn: pulumi.Input<string>;
  /**
   * ARN of its replica, recorded as well.
   *
   * @default - none
   */
  readonly replicaArn?: pulumi.Input<string> | undefined;
}

/** What an `AuditTrail` is made from. */
export interface AuditTrailArgs {
  /** Buckets whose object requests are recorded, replicas included; at least one. */
  readonly buckets: readonly AuditedBucket[];
  /**
   * Name of the bucket that keeps the trail.
   *
   * @default - made from the logical name, with a random suffix
   */
  readonly bucket?: pulumi.Input<string>;
  /**
   * Region of trail and bucket; requests of all regions are recorded.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /**
   * How long nobody can remove or change what was recorded.
   *
   * @default - GOVERNANCE, 365 days
   */
  readonly objectLock?: ObjectLockArgs;
  /**
   * Days after which records are removed; more than they are locked.
   *
   * @default 400
   */
  readonly deleteAfterDays?: number;
  /**
   * Alarms in CloudWatch on refused calls and on deletions.
   *
   * @default - none: nothing goes to CloudWatch
   */
  readonly alarms?: AuditAlarmsArgs;
  /**
   * Whether Pulumi refuses to delete or replace the trail's bucket and its configuration.
   *
   * @default true
   */
  readonly protect?: boolean;
  /**
   * Whether the trail's bucket and its configuration stay when they leave the program or the stack is destroyed.
   *
   * @default true
   */
  readonly retainOnDelete?: boolean;
  /**
   * Tags of the trail and its bucket.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

const LOCK_DAYS = 365;
const DELETE_AFTER_DAYS = 400;
const INCOMPLETE_UPLOAD_DAYS = 7;

/**
 * Who read, wrote or deleted which object of the buckets: data events of CloudTrail, with validation of the log files, in a bucket of its
 * own that is locked.
 *
 * Costs: each request to the buckets is a data event; see `docs/components/audit-trail.md`.
 *
 * @example new AuditTrail('tempo-backup-audit', { buckets: [backups] })
 */
export class AuditTrail extends pulumi.ComponentResource {
  /** Name of the bucket that keeps the trail. */
  readonly bucket: pulumi.Output<string>;
  /** ARN of the bucket that keeps the trail. */
  readonly bucketArn: pulumi.Output<string>;
  /** ARN of the trail. */
  readonly trailArn: pulumi.Output<string>;

  private readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  private readonly lock: LockArgs;

  constructor(
    private readonly name: string,
    private readonly args: AuditTrailArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:AuditTrail', name, {}, options);
    if (args.buckets.length === 0) refuse('buckets', 'must name at least one bucket, got none');
    this.keep = { protect: args.protect ?? true, retainOnDelete: args.retainOnDelete ?? true };
    this.lock = lockOf(args);
    const bucket = this.makeBucket();
    this.bucket = bucket.bucket;
    this.bucketArn = bucket.arn;
    const safeguards = this.safeguard(bucket);
    this.trailArn = this.makeTrail(safeguards).arn;
    this.registerOutputs({ bucket: this.bucket, bucketArn: this.bucketArn, trailArn: this.trailArn });
  }

  private makeBucket(): s3.Bucket {
    const { bucket, region, tags } = this.args;
    return new s3.Bucket(
      this.name,
      {
        bucket: bucket === undefined ? undefined : validated('bucket', bucket, checks.bucketName),
        region: region === undefined ? undefined : validated('region', region, checks.region),
        objectLockEnabled: true,
        tags,
      },
      { parent: this, ...this.keep },
    );
  }

  private safeguard(bucket: s3.Bucket): BucketSafeguards {
    const days = this.args.deleteAfterDays ?? DELETE_AFTER_DAYS;
    return new BucketSafeguards(
      this.name,
      {
        bucket: bucket.bucket,
        bucketArn: bucket.arn,
        region: this.args.region,
        encryption: {},
        lock: this.lock,
        lifecycleRules: [
          {
            id: 'records',
            status: 'Enabled',
            filter: { prefix: '' },
            expiration: { days },
            noncurrentVersionExpiration: { noncurrentDays: 1 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: INCOMPLETE_UPLOAD_DAYS },
          },
        ],
        policy: { minimumTlsVersion: '1.2', statements: this.trailMayWrite(bucket) },
        without: [],
        keep: this.keep,
        after: [bucket],
      },
      { parent: this },
    );
  }

  /** Below the account's own folder only, so that no trail of another account can write here. */
  private trailMayWrite(bucket: s3.Bucket): pulumi.Output<PolicyStatement[]> {
    const { accountId } = getCallerIdentityOutput({}, { parent: this });
    return pulumi.all([bucket.arn, accountId]).apply(([arn, account]) => {
      const trail = { Effect: 'Allow', Principal: { Service: 'cloudtrail.amazonaws.com' } } as const;
      const owner = { StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } };
      return [
        { Sid: 'TrailLooks', ...trail, Action: 's3:GetBucketAcl', Resource: arn },
        {
          Sid: 'TrailWrites',
          ...trail,
          Action: 's3:PutObject',
          Resource: `${arn}/AWSLogs/${account}/*`,
          Condition: owner,
        },
      ];
    });
  }

  private makeTrail({ configured }: BucketSafeguards): cloudtrail.Trail {
    const { alarms: alarmArgs, region, tags } = this.args;
    const alarms = alarmArgs && new AuditAlarms(this.name, alarmArgs, { parent: this });
    return new cloudtrail.Trail(
      this.name,
      {
        s3BucketName: this.bucket,
        region,
        tags,
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        enableLogFileValidation: true,
        advancedEventSelectors: [this.objectRequests()],
        ...(alarms ? { cloudWatchLogsGroupArn: alarms.logGroupArn, cloudWatchLogsRoleArn: alarms.logRoleArn } : {}),
      },
      { parent: this, dependsOn: [...configured] },
    );
  }

  private objectRequests(): input.cloudtrail.TrailAdvancedEventSelector {
    const arns = this.args.buckets.flatMap(({ arn, replicaArn }) =>
      replicaArn === undefined ? [arn] : [arn, replicaArn],
    );
    return {
      name: 'Requests for objects of recovery points',
      fieldSelectors: [
        { field: 'eventCategory', equals: ['Data'] },
        { field: 'resources.type', equals: ['AWS::S3::Object'] },
        { field: 'resources.ARN', startsWiths: arns.map((arn) => pulumi.interpolate`${arn}/`) },
      ],
    };
  }
}

function lockOf({ objectLock = {}, deleteAfterDays = DELETE_AFTER_DAYS }: AuditTrailArgs): LockArgs {
  const range = checks.wholeNumber(1, 36_500);
  const tooLong = (days: number): string | undefined =>
    days < deleteAfterDays
      ? undefined
      : `must be less than 'deleteAfterDays', got ${days} and ${deleteAfterDays}: what is locked can't be removed`;
  const reason = range(deleteAfterDays);
  if (reason !== undefined) refuse('deleteAfterDays', reason);
  return {
    mode: validated('objectLock.mode', objectLock.mode ?? 'GOVERNANCE', checks.oneOf('GOVERNANCE', 'COMPLIANCE')),
    days: validated('objectLock.days', objectLock.days ?? LOCK_DAYS, (days) => range(days) ?? tooLong(days)),
  };
}
