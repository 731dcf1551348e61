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
import type { S3Compatible } from './s3-compatible';

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
  /**
   * Whether a deletion in the bucket or its replica raises an alarm, where there are alarms; it is recorded in any case.
   *
   * @default - true; false for a `TempoBucketProtection`, as Tempo itself deletes all day
   */
  readonly alarmsOnDeletes?: boolean;
  /**
   * The server that it lies on, as a component tells it; only AWS has its requests recorded.
   *
   * @default - AWS; with one the bucket is refused
   */
  readonly endpoint?: S3Compatible | undefined;
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
   * Name of the trail, which no other one of the account may have in the region: only the trail of this name may write into the bucket.
   *
   * @default - the logical name
   */
  readonly trailName?: pulumi.Input<string>;
  /**
   * Region of trail, bucket and alarms; requests of all regions are recorded.
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

  private readonly trailName: pulumi.Output<string>;
  private readonly audited: readonly CheckedBucket[];
  private readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  private readonly lock: LockArgs;

  constructor(
    private readonly name: string,
    private readonly args: AuditTrailArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:AuditTrail', name, {}, options);
    if (args.buckets.length === 0) refuse('buckets', 'must name at least one bucket, got none');
    this.trailName = validated('trailName', args.trailName ?? name, checks.trailName);
    this.audited = args.buckets.map(checkedBucket);
    this.keep = { protect: args.protect ?? true, retainOnDelete: args.retainOnDelete ?? true };
    this.lock = lockOf(args);
    const bucket = this.makeBucket();
    this.bucket = bucket.bucket;
    this.bucketArn = bucket.arn;
    const safeguards = this.safeguard(bucket);
    this.trailArn = this.makeTrail(safeguards, this.makeAlarms(bucket)).arn;
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

  /** This trail alone, below the account's own folder. */
  private trailMayWrite(bucket: s3.Bucket): pulumi.Output<PolicyStatement[]> {
    const { accountId } = getCallerIdentityOutput({}, { parent: this });
    return pulumi.all([bucket.arn, bucket.region, accountId, this.trailName]).apply(([arn, region, account, name]) => {
      // Put together, as CloudTrail makes no trail before its bucket lets it write.
      const source = `arn:${arn.split(':')[1]}:cloudtrail:${region}:${account}:trail/${name}`;
      const trail = { Effect: 'Allow', Principal: { Service: 'cloudtrail.amazonaws.com' } } as const;
      const itself = { 'aws:SourceArn': source };
      const owned = { ...itself, 's3:x-amz-acl': 'bucket-owner-full-control' };
      const Resource = `${arn}/AWSLogs/${account}/*`;
      return [
        {
          Sid: 'TrailLooks',
          ...trail,
          Action: 's3:GetBucketAcl',
          Resource: arn,
          Condition: { StringEquals: itself },
        },
        { Sid: 'TrailWrites', ...trail, Action: 's3:PutObject', Resource, Condition: { StringEquals: owned } },
      ];
    });
  }

  private makeAlarms(bucket: s3.Bucket): AuditAlarms | undefined {
    const { alarms, region } = this.args;
    if (!alarms) return undefined;
    const quietBuckets = this.audited.filter(({ alarmsOnDeletes }) => !alarmsOnDeletes).flatMap(({ arns }) => arns);
    const trail = {
      region,
      homeRegion: region ?? bucket.region,
      quietBuckets: quietBuckets.map((each) => each.apply(bucketName)),
    };
    return new AuditAlarms(this.name, alarms, trail, { parent: this });
  }

  private makeTrail({ configured }: BucketSafeguards, alarms: AuditAlarms | undefined): cloudtrail.Trail {
    const { region, tags } = this.args;
    return new cloudtrail.Trail(
      this.name,
      {
        name: this.trailName,
        s3BucketName: this.bucket,
        region,
        tags,
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        enableLogFileValidation: true,
        advancedEventSelectors: [this.objectRequests()],
        ...(alarms ? { cloudWatchLogsGroupArn: alarms.logGroupArn, cloudWatchLogsRoleArn: alarms.logRoleArn } : {}),
      },
      // CloudTrail tries at once whether it may write, also into the log group.
      { parent: this, dependsOn: [...configured, ...(alarms?.writable ?? [])] },
    );
  }

  private objectRequests(): input.cloudtrail.TrailAdvancedEventSelector {
    const arns = this.audited.flatMap((each) => each.arns);
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

interface CheckedBucket {
  /** Of the bucket, and of its replica. */
  readonly arns: readonly pulumi.Output<string>[];
  readonly alarmsOnDeletes: boolean;
}

function checkedBucket(
  { arn, replicaArn, alarmsOnDeletes = true, endpoint }: AuditedBucket,
  index: number,
): CheckedBucket {
  const path = `buckets.${index}`;
  if (endpoint) {
    const advice = "leave it out, and use that server's own audit log";
    refuse(path, `must lie in AWS, whose requests CloudTrail records, got one at '${endpoint.url}'; ${advice}`);
  }
  const own = validated(`${path}.arn`, arn, checks.bucketArn);
  if (replicaArn === undefined) return { arns: [own], alarmsOnDeletes };
  return { arns: [own, validated(`${path}.replicaArn`, replicaArn, checks.bucketArn)], alarmsOnDeletes };
}

function bucketName(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
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
