import type * as pulumi from '@pulumi/pulumi';
import type { Plan } from '../contract/plan/plan';
import type { PlanContext } from '../contract/plan/plan-validation';
import type { ExtraRights } from './bucket-grants';
import type { ReplicaArgs } from './bucket/bucket-replication';
import type { AccessLogsArgs } from './bucket/bucket-safeguards';
import type { CrossAccountGrant } from './bucket/cross-account';
import type { S3Compatible } from './s3-compatible';

/** How the objects of a bucket are encrypted at rest. */
export interface BucketEncryptionArgs {
  /**
   * Whether with a KMS key instead of keys of S3: one of the component's own, renewed each year, or the one of `keyArn`. Bucket keys are on,
   * so that KMS is asked seldom.
   *
   * @default - whether `keyArn` is given
   */
  readonly kms?: boolean;
  /**
   * ARN of an existing KMS key of the bucket's region, not of an alias: policies about an alias grant nothing.
   *
   * @default - a key of the component's own, when `kms` is on
   */
  readonly keyArn?: pulumi.Input<string>;
}

/** Keeps the objects of a bucket from being removed, whoever asks. */
export interface ObjectLockArgs {
  /**
   * GOVERNANCE: a special right lifts the lock. COMPLIANCE: nobody can, the owner of the account included, and the mode can't be changed back.
   *
   * @default 'GOVERNANCE'
   */
  readonly mode?: pulumi.Input<string>;
  /**
   * Days that each version of an object is locked, from its creation on; at most the plan's shortest `deleteAfter`.
   *
   * @default - the plan's `storage.lockPeriod`
   */
  readonly days?: pulumi.Input<number>;
}

/** What a `BackupBucket` is made from. */
export interface BackupBucketArgs {
  /** The plan that the constructs and the runner use, too. A plan that contradicts itself throws here. */
  readonly plan: Plan;
  /**
   * The Tempo that the plan is checked against.
   *
   * @default - blocks on a volume, and a volume that holds the WAL
   */
  readonly context?: PlanContext;
  /**
   * Name of the bucket.
   *
   * @default - made from the logical name, with a random suffix
   */
  readonly bucket?: pulumi.Input<string>;
  /**
   * Name of an existing bucket that is taken over with all that lies in it, once; leave it out afterwards. With `region`, which must then
   * be known when the program runs, it is looked for there. The settings of the bucket itself must be as the component would make them,
   * so it has no object lock unless the component asks for one. Its policy, lifecycle rules, access logs and replication are replaced by
   * those that the component makes.
   *
   * @default - a bucket is made
   */
  readonly import?: string;
  /**
   * Folder of the repository in the bucket, without slashes around it, such as `prod`.
   *
   * @default - the repository is the whole bucket
   */
  readonly prefix?: string;
  /**
   * Region of the bucket.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /**
   * How objects are encrypted at rest.
   *
   * @default - with keys of S3 (SSE-S3)
   */
  readonly encryption?: BucketEncryptionArgs;
  /**
   * Keeps objects from being removed for some days. It can only be chosen when the bucket is made.
   *
   * @default - as the plan's `storage.lockPeriod` says: no lock when that is null
   */
  readonly objectLock?: ObjectLockArgs;
  /**
   * A copy of the bucket in another region, made by S3 itself.
   *
   * @default - none
   */
  readonly replica?: ReplicaArgs;
  /**
   * Where S3 writes a line for each request.
   *
   * @default - nowhere; `AuditTrail` is complete and signed, access logs are neither
   */
  readonly accessLogs?: AccessLogsArgs;
  /**
   * Oldest version of TLS that the bucket answers, '1.2' or '1.3'. Requests without TLS are always refused.
   *
   * @default '1.2'
   */
  readonly minimumTlsVersion?: pulumi.Input<string>;
  /**
   * Principals of other accounts that run commands. Of a key that `encryption.keyArn` names the policy isn't touched: it must contain
   * `keyPolicyStatements`, too.
   *
   * @default - none
   */
  readonly crossAccountGrants?: readonly CrossAccountGrant[];
  /**
   * An S3-compatible server in the place of AWS, and what it lacks.
   *
   * @default - AWS, where everything is configured
   */
  readonly endpoint?: S3Compatible;
  /**
   * Whether Pulumi refuses to delete or replace the bucket, its configuration, key and replica.
   *
   * @default true
   */
  readonly protect?: boolean;
  /**
   * Whether bucket, configuration, key and replica stay when they leave the program or the stack is destroyed.
   *
   * @default true
   */
  readonly retainOnDelete?: boolean;
  /**
   * Tags of bucket, key and replica.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Settings of a single grant. */
export interface GrantOptions extends ExtraRights {
  /**
   * Told apart from another grant of the same command by this: the logical name ends with it.
   *
   * @default - none: one grant for each command
   */
  readonly suffix?: string;
}
