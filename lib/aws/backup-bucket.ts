import type * as iam from '@pulumi/aws/iam';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import type { PlanContext } from '../contract/plan/plan-validation';
import type { StorageCaller } from '../contract/storage-rights';
import type { BackupBucketArgs, GrantOptions } from './backup-bucket-args';
import type { ExtraRights, PolicyStatement } from './bucket-grants';
import { makeBucketKey } from './bucket/bucket-key';
import { BucketReplication } from './bucket/bucket-replication';
import { BucketSafeguards, type LockArgs } from './bucket/bucket-safeguards';
import { CrossAccountStatements } from './bucket/cross-account';
import { lifecycleRulesOf } from './bucket/lifecycle-rules';
import {
  grantCommand,
  grantName,
  type GrantableRepository,
  type GrantedRole,
  policyOf,
} from './bucket/repository-grants';
import { checkBackupBucket, importIdOf, lockOf } from './private/backup-bucket-checks';
import * as checks from './private/checks';
import { folderPrefix } from './private/folder-prefix';
import { keyOfRegion } from './private/key-of-region';
import { switchedOff } from './private/switched-off';
import { refuse, validated } from './private/validated-input';
import type { S3Compatible } from './s3-compatible';

const DEFAULT_CONTEXT: PlanContext = { storage: 'local', walVolume: true };

/**
 * The bucket of a repository: versioned, private, encrypted, TLS only, with the plan's lifecycle rules, and protected against its own
 * stack. Object lock, a replica in another region and a KMS key on demand.
 *
 * Costs: what lies in it, noncurrent versions included, for as long as the plan says; see `docs/components/backup-bucket.md`.
 *
 * @example new BackupBucket('tempo-backups', { plan: recommendedPlan(), replica: { region: 'eu-central-1' } })
 */
export class BackupBucket extends pulumi.ComponentResource {
  /** Name of the bucket. */
  readonly bucket: pulumi.Output<string>;
  /** Its ARN. */
  readonly arn: pulumi.Output<string>;
  /** Its region. */
  readonly region: pulumi.Output<string>;
  /** ARN of the KMS key that encrypts it; undefined: keys of S3. */
  readonly keyArn: pulumi.Output<string> | undefined;
  /**
   * What the policy of the key that `encryption.keyArn` names must contain for the principals of `crossAccountGrants`; of no other key is
   * there anything to do.
   */
  readonly keyPolicyStatements: pulumi.Output<readonly PolicyStatement[]>;
  /** Name of the replica bucket; undefined: there is none. */
  readonly replicaBucket: pulumi.Output<string> | undefined;
  /** ARN of the replica bucket; undefined: there is none. */
  readonly replicaArn: pulumi.Output<string> | undefined;
  /** What the runner's configuration says in `repository.url`. */
  readonly repositoryUrl: pulumi.Output<string>;
  /** The same of the replica, for `verify`, `restore` and a standby; undefined: there is none. */
  readonly replicaRepositoryUrl: pulumi.Output<string> | undefined;
  /** Protections that are left out because the server lacks them; empty on AWS. */
  readonly switchedOff: readonly string[];
  /** The server in the place of AWS; undefined: AWS. */
  readonly endpoint: S3Compatible | undefined;

  private readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  private readonly prefix: string;
  private readonly lock: LockArgs | undefined;
  private readonly minimumTlsVersion: pulumi.Output<string>;
  private readonly crossAccount: CrossAccountStatements;
  private readonly replication: BucketReplication | undefined;

  constructor(
    private readonly name: string,
    private readonly args: BackupBucketArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:BackupBucket', name, {}, options);
    const context = args.context ?? DEFAULT_CONTEXT;
    checkBackupBucket(args, context);
    this.keep = { protect: args.protect ?? true, retainOnDelete: args.retainOnDelete ?? true };
    this.prefix = folderPrefix(args.prefix);
    this.lock = lockOf(args, context);
    this.minimumTlsVersion = validated(
      'minimumTlsVersion',
      args.minimumTlsVersion ?? '1.2',
      checks.oneOf('1.2', '1.3'),
    );
    const { prefix, lock } = this;
    this.crossAccount = new CrossAccountStatements(args.crossAccountGrants ?? [], {
      prefix,
      locked: lock !== undefined,
    });
    const bucket = this.makeBucket();
    this.bucket = bucket.bucket;
    this.arn = bucket.arn;
    this.region = bucket.region;
    this.keyArn = this.makeKeyArn();
    this.keyPolicyStatements =
      args.encryption?.keyArn === undefined ? pulumi.output([]) : this.crossAccount.inKey('bucket', this.arn);
    const safeguards = this.safeguard(bucket);
    this.replication = this.replicate(safeguards);
    this.replicaBucket = this.replication?.bucket;
    this.replicaArn = this.replication?.arn;
    this.repositoryUrl = this.urlOf(this.bucket, this.region);
    this.replicaRepositoryUrl = this.replication && this.urlOf(this.replication.bucket, this.replication.region);
    this.switchedOff = switchedOff(this, args.endpoint);
    this.endpoint = args.endpoint;
    this.registerOutputs(this.outputs());
  }

  /**
   * Lets the role run the command on this repository: exactly the calls that the command makes, by an inline policy. `replicate` reads here,
   * `replicate-target` lets it write here.
   */
  grant(command: StorageCaller, role: GrantedRole, options: GrantOptions = {}): iam.RolePolicy {
    const name = grantName(this.name, command, options);
    return grantCommand(name, role, this.policyFor(command, options), this);
  }

  /**
   * Lets the role run the command on the replica, such as `verify` or a `restore` when the region of the bucket is gone. Throws without a
   * replica.
   */
  grantOnReplica(command: StorageCaller, role: GrantedRole, options: GrantOptions = {}): iam.RolePolicy {
    const name = grantName(`${this.name}-replica`, command, options);
    return grantCommand(name, role, this.replicaPolicyFor(command, options), this);
  }

  /** The policy of an identity that runs the command, as JSON: for a role of another account, or a user of an S3-compatible server. */
  policyFor(command: StorageCaller, extra: ExtraRights = {}): pulumi.Output<string> {
    return policyOf(command, this.repository(), extra);
  }

  /** The same on the replica. Throws without a replica. */
  replicaPolicyFor(command: StorageCaller, extra: ExtraRights = {}): pulumi.Output<string> {
    const { replication, prefix, lock } = this;
    if (!replication) return refuse('replica', 'must be set to grant rights on a replica, got none');
    const { arn: bucketArn, keyArn } = replication;
    return policyOf(command, { bucketArn, prefix, keyArn, locked: lock !== undefined }, extra);
  }

  private outputs(): pulumi.Inputs {
    const { bucket, arn, region, keyArn, keyPolicyStatements, replicaBucket, replicaArn } = this;
    const { repositoryUrl, replicaRepositoryUrl, switchedOff } = this;
    return {
      ...{ bucket, arn, region, keyArn, keyPolicyStatements, replicaBucket, replicaArn },
      ...{ repositoryUrl, replicaRepositoryUrl, switchedOff },
    };
  }

  private repository(): GrantableRepository {
    return { bucketArn: this.arn, prefix: this.prefix, keyArn: this.keyArn, locked: this.lock !== undefined };
  }

  private makeBucket(): s3.Bucket {
    const { bucket, region, tags } = this.args;
    return new s3.Bucket(
      this.name,
      {
        bucket: bucket === undefined ? undefined : validated('bucket', bucket, checks.bucketName),
        region: region === undefined ? undefined : validated('region', region, checks.region),
        objectLockEnabled: this.lock !== undefined,
        tags,
      },
      // Of programs that made the bucket themselves, before there was a component.
      { parent: this, ...this.keep, import: importIdOf(this.args), aliases: [{ parent: pulumi.rootStackResource }] },
    );
  }

  private makeKeyArn(): pulumi.Output<string> | undefined {
    const { encryption } = this.args;
    if (encryption?.keyArn !== undefined)
      return keyOfRegion('encryption.keyArn', encryption.keyArn, this.args.region ?? this.region);
    return encryption?.kms ? this.makeKey() : undefined;
  }

  private makeKey(): pulumi.Output<string> {
    const { region, tags } = this.args;
    const statements = this.crossAccount.inKey('bucket', this.arn);
    const key = { description: `Recovery points: ${this.name}`, region, statements, tags };
    return makeBucketKey(this.name, key, { parent: this, ...this.keep }).arn;
  }

  private safeguard(bucket: s3.Bucket): BucketSafeguards {
    const { plan, region, accessLogs, endpoint } = this.args;
    const without = endpoint?.without ?? [];
    return new BucketSafeguards(
      this.name,
      {
        bucket: bucket.bucket,
        bucketArn: bucket.arn,
        region,
        encryption: { keyArn: this.keyArn },
        lock: this.lock,
        lifecycleRules: lifecycleRulesOf(plan.storage.lifecycle, { prefix: this.prefix, tiers: true, without }),
        accessLogs,
        policy: {
          minimumTlsVersion: this.minimumTlsVersion,
          statements: this.crossAccount.inBucket('bucket', this.arn),
          statementsFrom: 'crossAccountGrants',
        },
        without,
        formerName: this.name,
        keep: this.keep,
        after: [bucket],
      },
      { parent: this },
    );
  }

  private replicate({ configured }: BucketSafeguards): BucketReplication | undefined {
    const { replica, plan, region, endpoint, tags } = this.args;
    if (!replica) return undefined;
    const without = endpoint?.without ?? [];
    // Objects arrive in the class that was chosen for the replica, so tiers are for the bucket only.
    const rules = lifecycleRulesOf(plan.storage.lifecycle, { prefix: this.prefix, tiers: false, without });
    return new BucketReplication(
      `${this.name}-replica`,
      {
        source: { bucket: this.bucket, arn: this.arn, region: region ?? this.region, keyArn: this.keyArn },
        replica,
        prefix: this.prefix,
        lifecycleRules: rules,
        without,
        minimumTlsVersion: this.minimumTlsVersion,
        lock: this.lock,
        keep: this.keep,
        crossAccount: this.crossAccount,
        after: configured,
        tags,
      },
      { parent: this },
    );
  }

  private urlOf(bucket: pulumi.Input<string>, region: pulumi.Input<string>): pulumi.Output<string> {
    const { endpoint } = this.args;
    const folder = this.prefix === '' ? '' : `/${this.prefix.slice(0, -1)}`;
    return pulumi.all([bucket, region]).apply(([name, code]) => {
      const parameters = new URLSearchParams({ region: code, ...(endpoint ? { endpoint: endpoint.url } : {}) });
      return `s3://${name}${folder}?${parameters.toString()}`;
    });
  }
}
