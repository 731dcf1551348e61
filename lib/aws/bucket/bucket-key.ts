import { getCallerIdentityOutput } from '@pulumi/aws/getCallerIdentity';
import * as kms from '@pulumi/aws/kms';
import * as pulumi from '@pulumi/pulumi';
import { policyDocument, type PolicyStatement } from '../bucket-grants';

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
  /** Statements of its policy beside the one that KMS itself would make: the account decides by IAM policies. */
  readonly statements: pulumi.Input<readonly PolicyStatement[]>;
  /**
   * Tags of the key.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * A key that KMS renews each year. Whoever lost it lost all that it encrypted, so its deletion takes as long as can be.
 *
 * Its policy is always written: a program that left it out would keep the principals that it had named before.
 */
export function makeBucketKey(
  name: string,
  { statements, ...args }: BucketKeyArgs,
  options: pulumi.CustomResourceOptions & { readonly parent: pulumi.Resource },
): kms.Key {
  const { accountId } = getCallerIdentityOutput({}, { parent: options.parent });
  const policy = pulumi
    .all([accountId, statements])
    .apply(([account, others]) => JSON.stringify(policyDocument([accountDecides(account), ...others])));
  return new kms.Key(`${name}-key`, { ...args, policy, enableKeyRotation: true, deletionWindowInDays: 30 }, options);
}

function accountDecides(account: string): PolicyStatement {
  return { Sid: 'AccountDecides', Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' };
}
