import type * as pulumi from '@pulumi/pulumi';
import type { Plan } from '../contract/plan/plan';
import type { PlanContext } from '../contract/plan/plan-validation';
import type { PolicyStatement } from './bucket-grants';
import type { ReplicaArgs } from './bucket/bucket-replication';
import type { AccessLogsArgs } from './bucket/bucket-safeguards';
import type { BucketLifecycleRule } from './bucket/lifecycle-rules';
import type { S3Compatible } from './s3-compatible';

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
   * A copy of the bucket in another region, made by S3 itself, of what is written from now on. A bucket has one configuration of its
   * replication: what it replicates already is replaced.
   *
   * @default - none
   */
  readonly replica?: ReplicaArgs;
  /**
   * ARN of the KMS key, not of an alias, that encrypts the bucket's objects. The replica then gets a key of its own; without it S3 leaves out of the replica
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
   * Where S3 writes a line for each request. What the bucket logs already is replaced.
   *
   * @default - as it is
   */
  readonly accessLogs?: AccessLogsArgs;
  /**
   * An S3-compatible server in the place of AWS, and what it lacks.
   *
   * @default - AWS, where everything is configured
   */
  readonly endpoint?: S3Compatible;
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
