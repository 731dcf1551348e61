import { type ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { type KubernetesIdentity, type KubernetesRight } from '../contract/index';
import { recommendedLabels } from './private/labels';

/** Who it is, and what it may do. */
export interface RunnerIdentityProps {
  /** Name of the Tempo that the ServiceAccount is named after. */
  readonly tempo: string;

  /** Which of the runner's identities it is. */
  readonly identity: KubernetesIdentity;

  /** What it may do at the Kubernetes API. Without any it gets neither a Role nor a token. */
  readonly rights: readonly KubernetesRight[];
}

/**
 * A run of the runner with an identity of its own: a ServiceAccount, and a Role and a RoleBinding when it uses the Kubernetes API.
 *
 * For IRSA, annotate the ServiceAccount; EKS Pod Identity needs nothing here.
 *
 * @example backup.identity('backup').serviceAccount.metadata.addAnnotation('eks.amazonaws.com/role-arn', roleArn)
 */
export class RunnerIdentity extends Construct {
  /** Which of the runner's identities it is: the component of its pods. */
  readonly identity: KubernetesIdentity;

  /** Its ServiceAccount. */
  readonly serviceAccount: ApiObject;

  /** Name of its ServiceAccount, Role and RoleBinding, such as `tempo-backup`. */
  readonly name: string;

  /** Whether it uses the Kubernetes API, so that its pods need a token. */
  readonly usesApi: boolean;

  constructor(scope: Construct, id: string, props: RunnerIdentityProps) {
    super(scope, id);
    this.identity = props.identity;
    this.name = `${props.tempo}-${props.identity}`;
    this.usesApi = props.rights.length > 0;
    const metadata = { name: this.name, labels: recommendedLabels(props.tempo, props.identity) };
    this.serviceAccount = new k8s.KubeServiceAccount(this, 'ServiceAccount', {
      metadata,
      automountServiceAccountToken: false,
    });
    if (this.usesApi) this.addRole(metadata, props.rights);
  }

  private addRole(metadata: k8s.ObjectMeta, rights: readonly KubernetesRight[]): void {
    new k8s.KubeRole(this, 'Role', { metadata, rules: rights.map(policyRule) });
    new k8s.KubeRoleBinding(this, 'RoleBinding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: this.name },
      subjects: [{ kind: 'ServiceAccount', name: this.name, namespace: this.serviceAccount.metadata.namespace }],
    });
  }
}

function policyRule({ group, resource, verbs, names }: KubernetesRight): k8s.PolicyRule {
  return {
    apiGroups: [group],
    resources: [resource],
    verbs: [...verbs],
    ...(names === undefined ? {} : { resourceNames: [...names] }),
  };
}
