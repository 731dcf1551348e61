import type * as iam from '@pulumi/aws/iam';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import type { Plan } from '../contract/plan/plan';
import type { PlanContext } from '../contract/plan/plan-validation';
import type { TempoBucketCommand } from '../contract/tempo-bucket-rights';
import type { GrantOptions } from './backup-bucket-args';
import type { ExtraRights, PolicyStatement } from './bucket-grants';
import { BucketReplication, type ReplicaArgs } from './bucket/bucket-replication';
import { BucketSafeguards } from './bucket/bucket-safeguards';
import { type BucketLifecycleRule, lifecycleRulesOf } from './bucket/lifecycle-rules';
import { grantCommand, type GrantedRole, tempoPolicyOf } from './bucket/repository-grants';
import * as checks from './private/checks';
import { folderPrefix } from './private/folder-prefix';
import { keyOfRegion } from './private/key-of-region';
import { checkPlan, checkReplicaClass } from './private/plan-checks';
import { refuse, validated } from './private/validated-input';

/** What a `TempoBucketProtection` is made from. */
export interface TempoBucketProtectionArgs {
  /** Name of Tempo's own bucket, which exists. Nothing of the bucket itself is managed. */
  readonly bucket: pulumi.Input<string>;
  /** The plan that the constructs and the runner use, too: its noncurrent versions and incomplete uploads are handled here. */
  readonly plan: Plan;
  /**
   * Folder of the blocks in the bucket, without slashes around it: Tempo's `storage.trace.s3.prefix`. What is granted is granted below it.
   *
   * @default - the blocks lie at the top of the bucket
   */
  readonly prefix?: string;
  /**
   * The Tempo that the plan is checked against.
   *
   * @default - blocks in S3, and a volume that holds the WAL
   */
  readonly context?: PlanContext;
  /**
   * Region of the bucket.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /**
   * A copy of the bucket in another region, made by S3 itself, of what is written from now on.
   *
   * @default - none
   */
  readonly replica?: ReplicaArgs;
  /**
   * ARN of the KMS key that encrypts the bucket's objects. The replica then gets a key of its own; without it S3 leaves out of the replica
   * whatever is encrypted with KMS.
   *
   * @default - objects are encrypted with keys of S3
   */
  readonly keyArn?: pulumi.Input<string>;
  /**
   * Rules that the bucket has already and must keep: a bucket has one list of lifecycle rules, which is replaced.
   *
   * @default - none
   */
  readonly lifecycleRules?: readonly BucketLifecycleRule[];
  /**
   * Statements of the bucket's policy besides those that refuse requests without TLS. A bucket has one policy, which is replaced, so name
   * all that it must keep; an empty list stands for a bucket that has none.
   *
   * @default - the policy is left as it is
   */
  readonly policyStatements?: pulumi.Input<readonly PolicyStatement[]>;
  /**
   * Oldest version of TLS that the bucket answers, '1.2' or '1.3', where `policyStatements` is given.
   *
   * @default '1.2'
   */
  readonly minimumTlsVersion?: pulumi.Input<string>;
  /**
   * Whether Pulumi refuses to delete or replace the configuration and the replica.
   *
   * @default true
   */
  readonly protect?: boolean;
  /**
   * Whether configuration and replica stay when they leave the program or the stack is destroyed.
   *
   * @default true
   */
  readonly retainOnDelete?: boolean;
  /**
   * Tags of the replica.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

const DEFAULT_CONTEXT: PlanContext = { storage: 's3', walVolume: true };

/**
 * Protections of the bucket that Tempo itself writes to: versions, so that what is deleted or overwritten can be brought back; their way
 * to an archive and out; no public access; a replica. Objects that are current stay where and as they are: those are Tempo's.
 *
 * @example new TempoBucketProtection('traces', { bucket: 'acme-tempo', plan: recommendedPlan() })
 */
export class TempoBucketProtection extends pulumi.ComponentResource {
  /** Name of the bucket. */
  readonly bucket: pulumi.Output<string>;
  /** Its ARN. */
  readonly arn: pulumi.Output<string>;
  /** Its region. */
  readonly region: pulumi.Output<string>;
  /** Name of the replica bucket; undefined: there is none. */
  readonly replicaBucket: pulumi.Output<string> | undefined;
  /** ARN of the replica bucket; undefined: there is none. */
  readonly replicaArn: pulumi.Output<string> | undefined;

  private readonly prefix: string;
  private readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  private readonly minimumTlsVersion: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: TempoBucketProtectionArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:TempoBucketProtection', name, {}, options);
    checkPlan(args.plan, args.context ?? DEFAULT_CONTEXT);
    if (args.replica) checkReplicaClass(args.plan, args.replica.storageClass ?? 'STANDARD_IA');
    this.prefix = folderPrefix(args.prefix);
    this.keep = { protect: args.protect ?? true, retainOnDelete: args.retainOnDelete ?? true };
    this.minimumTlsVersion = validated(
      'minimumTlsVersion',
      args.minimumTlsVersion ?? '1.2',
      checks.oneOf('1.2', '1.3'),
    );
    const existing = this.lookUp();
    this.bucket = inItsRegion(existing);
    this.arn = existing.arn;
    this.region = existing.region;
    const safeguards = this.safeguard(existing);
    const replication = this.replicate(safeguards);
    this.replicaBucket = replication?.bucket;
    this.replicaArn = replication?.arn;
    this.registerOutputs({
      bucket: this.bucket,
      arn: this.arn,
      region: this.region,
      replicaBucket: this.replicaBucket,
      replicaArn: this.replicaArn,
    });
  }

  /**
   * Lets the role run the command on this bucket, besides what it is granted on the repository: `backup` reads, `restore` adds, `rewind` brings
   * versions back and puts delete markers. None can delete a version.
   */
  grant(command: TempoBucketCommand, role: GrantedRole, { suffix, ...extra }: GrantOptions = {}): iam.RolePolicy {
    const name = [this.name, command, ...(suffix === undefined ? [] : [suffix])].join('-');
    return grantCommand(name, role, this.policyFor(command, extra), this);
  }

  /** The policy of an identity that runs the command on this bucket, as JSON: for a role of another account, or a user of another server. */
  policyFor(command: TempoBucketCommand, extra: ExtraRights = {}): pulumi.Output<string> {
    return tempoPolicyOf(command, { bucketArn: this.arn, prefix: this.prefix, keyArn: this.encryptionKey() }, extra);
  }

  private encryptionKey(): pulumi.Output<string> | undefined {
    const { keyArn, region } = this.args;
    return keyArn === undefined ? undefined : keyOfRegion('keyArn', keyArn, region ?? this.region);
  }

  /** Read, never written. */
  private lookUp(): s3.Bucket {
    const { bucket, region } = this.args;
    const state = { region: region === undefined ? undefined : validated('region', region, checks.region) };
    return s3.Bucket.get(this.name, validated('bucket', bucket, checks.bucketName), state, { parent: this });
  }

  private rules(): BucketLifecycleRule[] {
    const { plan, lifecycleRules = [] } = this.args;
    return [...lifecycleRulesOf(plan.storage.lifecycle, { prefix: '', tiers: false, without: [] }), ...lifecycleRules];
  }

  private safeguard(existing: s3.Bucket): BucketSafeguards {
    const { region, policyStatements } = this.args;
    const { minimumTlsVersion } = this;
    return new BucketSafeguards(
      this.name,
      {
        bucket: this.bucket,
        bucketArn: existing.arn,
        region,
        lifecycleRules: this.rules(),
        ...(policyStatements === undefined ? {} : { policy: { minimumTlsVersion, statements: policyStatements } }),
        without: [],
        keep: this.keep,
      },
      { parent: this },
    );
  }

  private replicate({ configured }: BucketSafeguards): BucketReplication | undefined {
    const { replica, plan, region, tags } = this.args;
    if (!replica) return undefined;
    const keyArn = this.encryptionKey();
    return new BucketReplication(
      `${this.name}-replica`,
      {
        source: { bucket: this.bucket, arn: this.arn, region: region ?? this.region, keyArn },
        replica,
        prefix: '',
        lifecycleRules: lifecycleRulesOf(plan.storage.lifecycle, { prefix: '', tiers: false, without: [] }),
        minimumTlsVersion: this.minimumTlsVersion,
        lock: undefined,
        keep: this.keep,
        after: configured,
        tags,
      },
      { parent: this },
    );
  }
}

/** Name of the bucket, usable only where it was looked for in its own region: elsewhere S3 sends each call away. */
function inItsRegion({ bucket, bucketRegion, region }: s3.Bucket): pulumi.Output<string> {
  return pulumi.all([bucket, region, bucketRegion]).apply(([name, asked, own]) => {
    // Not every provider says where the bucket is.
    if (own && own !== asked) refuse('region', `must be that of the bucket '${name}', '${own}', got '${asked}'`);
    return name;
  });
}
