import * as kms from '@pulumi/aws/kms';
import type * as pulumi from '@pulumi/pulumi';

/** What a KMS key is made from. */
export interface BucketKeyArgs {
  /** What it encrypts. */
  readonly description: string;
  /**
   * Its region.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /**
   * Key policy, as JSON.
   *
   * @default - that of KMS: the account decides by IAM policies
   */
  readonly policy?: pulumi.Input<string>;
  /**
   * Tags of the key.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** A key that KMS renews each year. Whoever lost it lost all that it encrypted, so its deletion takes as long as can be. */
export function makeBucketKey(name: string, args: BucketKeyArgs, options: pulumi.CustomResourceOptions): kms.Key {
  return new kms.Key(`${name}-key`, { ...args, enableKeyRotation: true, deletionWindowInDays: 30 }, options);
}
