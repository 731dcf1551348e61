import * as eks from '@pulumi/aws/eks';
import * as iam from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';
import { policyDocument, type PolicyDocument } from './bucket-grants';
import * as checks from './private/checks';
import { refuse, validated } from './private/validated-input';

/** The identity provider of a cluster, as `iam.OpenIdConnectProvider` has it. */
export interface OidcProvider {
  /** ARN of the provider in IAM. */
  readonly arn: pulumi.Input<string>;
  /** Issuer, with or without `https://`. */
  readonly url: pulumi.Input<string>;
}

/** What a `RunnerRole` is made from: `cluster` or `oidcProvider`, not both. */
export interface RunnerRoleArgs {
  /**
   * Name of the EKS cluster: pods get the role by EKS Pod Identity, which needs its agent on the cluster.
   *
   * @default - pods get it by `oidcProvider`
   */
  readonly cluster?: pulumi.Input<string>;
  /**
   * Identity provider of the cluster: pods get the role by IRSA, with `serviceAccountAnnotations` on their service account.
   *
   * @default - pods get it by `cluster`
   */
  readonly oidcProvider?: OidcProvider;
  /**
   * Region of `cluster`: EKS gives roles to pods of its own region. The role itself is of no region.
   *
   * @default - that of the provider
   */
  readonly region?: pulumi.Input<string>;
  /** Namespace of the service account. */
  readonly namespace: pulumi.Input<string>;
  /** Name of the service account; only its pods get the role. */
  readonly serviceAccount: pulumi.Input<string>;
  /**
   * Name of the role.
   *
   * @default - made from the logical name, with a random suffix
   */
  readonly roleName?: pulumi.Input<string>;
  /**
   * ARN of a policy that limits what the role can ever be granted.
   *
   * @default - none
   */
  readonly permissionsBoundary?: pulumi.Input<string>;
  /**
   * Tags of the role.
   *
   * @default - none
   */
  readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * The cloud identity of one command's pods: a role that only one service account of one cluster gets. It has no rights until a bucket
 * grants some.
 *
 * @example backups.grant('backup', new RunnerRole('tempo-backup', { cluster: 'prod', namespace: 'monitoring', serviceAccount: 'tempo-backup' }))
 */
export class RunnerRole extends pulumi.ComponentResource {
  /** ARN of the role. */
  readonly arn: pulumi.Output<string>;
  /** Its name. */
  readonly name: pulumi.Output<string>;
  /** Annotations that the service account needs: none with pod identity. */
  readonly serviceAccountAnnotations: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: RunnerRoleArgs, options?: pulumi.ComponentResourceOptions) {
    super('tempo-backup:aws:RunnerRole', name, {}, options);
    const trust = trustOf(args);
    const permissionsBoundary =
      args.permissionsBoundary === undefined
        ? undefined
        : validated('permissionsBoundary', args.permissionsBoundary, checks.arn);
    const role = new iam.Role(
      name,
      {
        name: args.roleName,
        assumeRolePolicy: trust.apply((document) => JSON.stringify(document)),
        permissionsBoundary,
        tags: args.tags,
      },
      { parent: this },
    );
    this.arn = role.arn;
    this.name = role.name;
    if (args.cluster !== undefined) associate(name, args.cluster, args, role);
    this.serviceAccountAnnotations = role.arn.apply((arn): Record<string, string> =>
      args.cluster === undefined ? { 'eks.amazonaws.com/role-arn': arn } : {},
    );
    this.registerOutputs({
      arn: this.arn,
      name: this.name,
      serviceAccountAnnotations: this.serviceAccountAnnotations,
    });
  }
}

function associate(name: string, clusterName: pulumi.Input<string>, args: RunnerRoleArgs, role: iam.Role): void {
  const { namespace, serviceAccount } = args;
  const region = args.region === undefined ? undefined : validated('region', args.region, checks.region);
  const association = { clusterName, namespace, serviceAccount, roleArn: role.arn, region };
  new eks.PodIdentityAssociation(`${name}-association`, association, { parent: role });
}

function trustOf(args: RunnerRoleArgs): pulumi.Output<PolicyDocument> {
  const { cluster, oidcProvider } = args;
  const namespace = validated('namespace', args.namespace, checks.notEmpty);
  const serviceAccount = validated('serviceAccount', args.serviceAccount, checks.notEmpty);
  if (cluster !== undefined && oidcProvider !== undefined)
    return refuse('oidcProvider', "must be left out when 'cluster' is given: a role is got by one way");
  if (cluster !== undefined) {
    const name = validated('cluster', cluster, checks.notEmpty);
    return pulumi.all([name, namespace, serviceAccount]).apply((names) => podIdentityTrust(...names));
  }
  if (oidcProvider === undefined)
    return refuse('cluster', "must be given, or 'oidcProvider' for a cluster without pod identity, but is missing");
  if (args.region !== undefined)
    return refuse(
      'region',
      "must be left out when 'oidcProvider' is given: only an association with 'cluster' has one",
    );
  const arn = validated('oidcProvider.arn', oidcProvider.arn, checks.arn);
  const url = validated('oidcProvider.url', oidcProvider.url, checks.notEmpty);
  return pulumi
    .all([arn, url, namespace, serviceAccount])
    .apply(([providerArn, issuer, ...account]) => irsaTrust(providerArn, issuer, account));
}

/** @see https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html */
function podIdentityTrust(cluster: string, namespace: string, serviceAccount: string): PolicyDocument {
  return policyDocument([
    {
      Sid: 'PodIdentity',
      Effect: 'Allow',
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
      Condition: {
        StringEquals: {
          'aws:RequestTag/eks-cluster-name': cluster,
          'aws:RequestTag/kubernetes-namespace': namespace,
          'aws:RequestTag/kubernetes-service-account': serviceAccount,
        },
      },
    },
  ]);
}

/** @see https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html */
function irsaTrust(
  providerArn: string,
  url: string,
  [namespace, serviceAccount]: readonly [string, string],
): PolicyDocument {
  const issuer = url.replace(/^https:\/\//, '').replace(/\/$/, '');
  return policyDocument([
    {
      Sid: 'WebIdentity',
      Effect: 'Allow',
      Principal: { Federated: providerArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          [`${issuer}:aud`]: 'sts.amazonaws.com',
          [`${issuer}:sub`]: `system:serviceaccount:${namespace}:${serviceAccount}`,
        },
      },
    },
  ]);
}
