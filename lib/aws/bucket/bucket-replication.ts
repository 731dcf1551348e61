import * as iam from '@pulumi/aws/iam';
import type * as kms from '@pulumi/aws/kms';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import { bucketName, region as regionCheck } from '../private/checks';
import { isPlain, validated } from '../private/validated-input';
import type { S3Feature } from '../s3-compatible';
import { makeBucketKey } from './bucket-key';
import { BucketSafeguards, type LockArgs } from './bucket-safeguards';
import type { CrossAccountStatements } from './cross-account';
import type { BucketLifecycleRule } from './lifecycle-rules';
import { REPLICATION_TRUST, replicationPolicy } from './replication-policy';

/** A copy of a bucket in another region. */
export interface ReplicaArgs {
  /** Region of the replica, another one than the bucket's. */
  readonly region: pulumi.Input<string>;
  /**
   * Name of the replica bucket.
   *
   * @default - made from the logical name, with a random suffix
   */
  readonly bucket?: pulumi.Input<string>;
  /**
   * Class that the replicated objects are stored in. One that needs a thaw is refused when the plan's recovery time objective for
   * everything is shorter than the thaw.
   *
   * @default 'STANDARD_IA'
   */
  readonly storageClass?: string;
  /**
   * Whether deletions are replicated, as delete markers: what they hide stays in the replica for as long as the plan keeps noncurrent
   * versions. Without, the replica keeps everything for ever, as nothing else removes current objects there.
   *
   * @default true
   */
  readonly deleteMarkers?: boolean;
  /**
   * Whether S3 promises 15 minutes (replication time control). Metrics of what waits are made either way.
   *
   * @default true
   */
  readonly timeControl?: boolean;
}

/** What is replicated and how the replica is kept. */
export interface BucketReplicationArgs {
  /** The bucket that is copied. */
  readonly source: {
    readonly bucket: pulumi.Input<string>;
    readonly arn: pulumi.Input<string>;
    readonly region: pulumi.Input<string>;
    readonly keyArn: pulumi.Input<string> | undefined;
  };
  /** Its copy. */
  readonly replica: ReplicaArgs;
  /** Prefix of what is copied; empty: everything. */
  readonly prefix: string;
  /** Rules of the replica. */
  readonly lifecycleRules: readonly BucketLifecycleRule[];
  /** What the server lacks. */
  readonly without: readonly S3Feature[];
  /** '1.2' or '1.3'. */
  readonly minimumTlsVersion: pulumi.Input<string>;
  /** Lock of the source, which the replica gets, too; undefined: none. */
  readonly lock: LockArgs | undefined;
  /**
   * Who runs commands on the replica from other accounts.
   *
   * @default - nobody
   */
  readonly crossAccount?: CrossAccountStatements;
  /** Options of each resource. */
  readonly keep: Pick<pulumi.CustomResourceOptions, 'protect' | 'retainOnDelete'>;
  /** The configuration of the source. */
  readonly after: readonly pulumi.Resource[];
  /** Tags of the replica; undefined: none. */
  readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

const FIFTEEN_MINUTES = { status: 'Enabled', minutes: 15 } as const;

/** A replica bucket in another region and what copies to it: role, rights, configuration. */
export class BucketReplication extends pulumi.ComponentResource {
  /** Name of the replica bucket. */
  readonly bucket: pulumi.Output<string>;
  /** Its ARN. */
  readonly arn: pulumi.Output<string>;
  /** Its region. */
  readonly region: pulumi.Output<string>;
  /** ARN of the key that encrypts it; undefined: keys of S3. */
  readonly keyArn: pulumi.Output<string> | undefined;

  constructor(
    private readonly name: string,
    private readonly args: BucketReplicationArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super('tempo-backup:aws:BucketReplication', name, {}, options);
    this.region = validated('replica.region', args.replica.region, regionCheck);
    const bucket = this.makeBucket();
    this.bucket = bucket.bucket;
    this.arn = bucket.arn;
    this.keyArn = this.makeKey()?.arn;
    const safeguards = this.safeguard(bucket);
    const { role, rights } = this.makeRole();
    this.replicate(role, [...args.after, ...safeguards.configured, rights]);
    this.registerOutputs({ bucket: this.bucket, arn: this.arn, region: this.region, keyArn: this.keyArn });
  }

  private makeKey(): kms.Key | undefined {
    const { source, crossAccount, tags, keep } = this.args;
    if (source.keyArn === undefined) return undefined;
    const description = `Replica of recovery points: ${this.name}`;
    const statements = crossAccount?.inKey('replica', this.arn) ?? [];
    const key = { description, region: this.region, statements, tags };
    return makeBucketKey(this.name, key, { parent: this, ...keep });
  }

  private makeBucket(): s3.Bucket {
    const { lock, keep, replica, tags } = this.args;
    // Objects that are locked can only be copied to where they can be locked, too.
    const name = replica.bucket === undefined ? undefined : validated('replica.bucket', replica.bucket, bucketName);
    const bucket = { bucket: name, region: this.region, objectLockEnabled: lock !== undefined, tags };
    return new s3.Bucket(this.name, bucket, { parent: this, ...keep });
  }

  private safeguard(bucket: s3.Bucket): BucketSafeguards {
    const { lock, keep, lifecycleRules, without, minimumTlsVersion, crossAccount } = this.args;
    const statements = crossAccount?.inBucket('replica', this.arn) ?? [];
    return new BucketSafeguards(
      this.name,
      {
        bucket: bucket.bucket,
        bucketArn: bucket.arn,
        region: this.region,
        encryption: { keyArn: this.keyArn },
        lock,
        lifecycleRules,
        policy: { minimumTlsVersion, statements, statementsFrom: 'crossAccountGrants' },
        without,
        keep,
        after: [bucket],
      },
      { parent: this },
    );
  }

  /** They stay as long as the configuration does: without them S3 replicates nothing, and says so only in metrics. */
  private makeRole(): { readonly role: iam.Role; readonly rights: iam.RolePolicy } {
    const { source, replica, lock, keep } = this.args;
    const name = `${this.name}-role`;
    const role = new iam.Role(name, { assumeRolePolicy: JSON.stringify(REPLICATION_TRUST) }, { parent: this, ...keep });
    const policy = pulumi
      .all([source.arn, this.arn, source.keyArn, this.keyArn])
      .apply(([sourceArn, replicaArn, sourceKeyArn, replicaKeyArn]) =>
        JSON.stringify(
          replicationPolicy({
            sourceArn,
            replicaArn,
            sourceKeyArn,
            replicaKeyArn,
            deleteMarkers: replica.deleteMarkers ?? true,
            lock: lock !== undefined,
          }),
        ),
      );
    const rights = new iam.RolePolicy(name, { role: role.name, policy }, { parent: role, ...keep });
    return { role, rights };
  }

  private replicate(role: iam.Role, after: readonly pulumi.Resource[]): void {
    const { source, replica, prefix, keep } = this.args;
    const { storageClass = 'STANDARD_IA', deleteMarkers = true, timeControl = true } = replica;
    const encrypted = this.keyArn !== undefined;
    const rule = {
      id: 'replica',
      status: 'Enabled',
      priority: 0,
      filter: { prefix },
      deleteMarkerReplication: { status: deleteMarkers ? 'Enabled' : 'Disabled' },
      ...(encrypted ? { sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } } } : {}),
      destination: {
        bucket: this.arn,
        storageClass,
        metrics: metrics(timeControl),
        ...(timeControl
          ? { replicationTime: { status: FIFTEEN_MINUTES.status, time: { minutes: FIFTEEN_MINUTES.minutes } } }
          : {}),
        ...(this.keyArn ? { encryptionConfiguration: { replicaKmsKeyId: this.keyArn } } : {}),
      },
    };
    new s3.BucketReplicationConfig(
      `${this.name}-configuration`,
      { bucket: this.otherRegion(source), region: source.region, role: role.arn, rules: [rule] },
      { parent: this, ...keep, dependsOn: [...after] },
    );
  }

  /** Name of the source, usable only when the replica lies elsewhere. */
  private otherRegion({ bucket, region }: BucketReplicationArgs['source']): pulumi.Output<string> {
    const both = [region, this.args.replica.region];
    const regions = both.every(isPlain) ? (both as string[]) : pulumi.all(both);
    const checked = validated<string[]>('replica.region', regions, ([here, there]) =>
      here === there ? `must be another region than the bucket's, got '${there ?? ''}' for both` : undefined,
    );
    return pulumi.all([checked, bucket]).apply(([, name]) => name);
  }
}

function metrics(timeControl: boolean): { status: string; eventThreshold?: { minutes: number } } {
  const { status, minutes } = FIFTEEN_MINUTES;
  return timeControl ? { status, eventThreshold: { minutes } } : { status };
}
