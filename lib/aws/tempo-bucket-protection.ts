import type * as iam from '@pulumi/aws/iam';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import type { PlanContext } from '../contract/plan/plan-validation';
import type { TempoBucketCommand } from '../contract/tempo-bucket-rights';
import type { GrantOptions } from './backup-bucket-args';
import type { ExtraRights } from './bucket-grants';
import { BucketReplication } from './bucket/bucket-replication';
import { BucketSafeguards } from './bucket/bucket-safeguards';
import { type BucketLifecycleRule, lifecycleRulesOf } from './bucket/lifecycle-rules';
import { grantCommand, grantName, type GrantedRole, tempoPolicyOf } from './bucket/repository-grants';
import * as checks from './private/checks';
import { folderPrefix } from './private/folder-prefix';
import { keyOfRegion } from './private/key-of-region';
import { checkPlan, checkReplicaClass } from './private/plan-checks';
import { refuseWhatIsLacking, switchedOff } from './private/switched-off';
import { refuse, validated } from './private/validated-input';
import type { S3Compatible } from './s3-compatible';
import type { TempoBucketProtectionArgs } from './tempo-bucket-protection-args';

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
  /** Protections that are left out because the server lacks them; empty on AWS. */
  readonly switchedOff: readonly string[];
  /** The server in the place of AWS; undefined: AWS. */
  readonly endpoint: S3Compatible | undefined;
  /** Name of the replica bucket; undefined: there is none. */
  readonly replicaBucket: pulumi.Output<string> | undefined;
  /** ARN of the replica bucket; undefined: there is none. */
  readonly replicaArn: pulumi.Output<string> | undefined;

  /** Of an `AuditTrail`: Tempo's compaction deletes all day. */
  readonly alarmsOnDeletes = false;

  private readonly prefix: string;
  private readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  private readonly minimumTlsVersion: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: TempoBucketProtectionArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:TempoBucketProtection', name, {}, options);
    checkProtection(args);
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
    this.switchedOff = switchedOff(this, args.endpoint);
    this.endpoint = args.endpoint;
    this.registerOutputs({
      bucket: this.bucket,
      arn: this.arn,
      region: this.region,
      replicaBucket: this.replicaBucket,
      replicaArn: this.replicaArn,
      switchedOff: this.switchedOff,
    });
  }

  /**
   * Lets the role run the command on this bucket, besides what it is granted on the repository: `backup` reads, `restore` adds, `rewind` brings
   * versions back and puts delete markers. None can delete a version.
   */
  grant(command: TempoBucketCommand, role: GrantedRole, options: GrantOptions = {}): iam.RolePolicy {
    const { thaw } = options;
    return grantCommand(grantName(this.name, command, options), role, this.policyFor(command, { thaw }), this);
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
    const { plan, lifecycleRules = [], endpoint } = this.args;
    const without = endpoint?.without ?? [];
    return [...lifecycleRulesOf(plan.storage.lifecycle, { prefix: '', tiers: false, without }), ...lifecycleRules];
  }

  private safeguard(existing: s3.Bucket): BucketSafeguards {
    const { region, policyStatements: statements, accessLogs, endpoint } = this.args;
    const { minimumTlsVersion } = this;
    const policy = statements && { minimumTlsVersion, statements, statementsFrom: 'policyStatements' };
    return new BucketSafeguards(
      this.name,
      {
        bucket: this.bucket,
        bucketArn: existing.arn,
        region,
        lifecycleRules: this.rules(),
        accessLogs,
        policy,
        without: endpoint?.without ?? [],
        keep: this.keep,
      },
      { parent: this },
    );
  }

  private replicate({ configured }: BucketSafeguards): BucketReplication | undefined {
    const { replica, plan, region, endpoint, tags } = this.args;
    if (!replica) return undefined;
    const without = endpoint?.without ?? [];
    const keyArn = this.encryptionKey();
    return new BucketReplication(
      `${this.name}-replica`,
      {
        source: { bucket: this.bucket, arn: this.arn, region: region ?? this.region, keyArn },
        replica,
        prefix: '',
        lifecycleRules: lifecycleRulesOf(plan.storage.lifecycle, { prefix: '', tiers: false, without }),
        without,
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

/** Throws what is wrong with values that must be known when the program runs. */
function checkProtection(args: TempoBucketProtectionArgs): void {
  const {
    plan,
    context = DEFAULT_CONTEXT,
    replica,
    endpoint,
    lifecycleRules = [],
    policyStatements,
    accessLogs,
  } = args;
  checkPlan(plan, context);
  if (replica) checkReplicaClass(plan, replica.storageClass ?? 'STANDARD_IA');
  refuseWhatIsLacking(endpoint, {
    replica: ['replication', replica !== undefined],
    lifecycleRules: ['lifecycle', lifecycleRules.length > 0],
    policyStatements: ['bucket-policy', policyStatements !== undefined],
    accessLogs: ['access-logs', accessLogs !== undefined],
  });
}
