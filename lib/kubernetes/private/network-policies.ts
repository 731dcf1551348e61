import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { KUBERNETES_IDENTITIES, type KubernetesIdentity } from '../../contract/index';
import { type BackupRepository } from '../repository/backup-repository';
import { type Tempo } from '../tempo/tempo';
import { recommendedLabels, selectorLabels } from './labels';

/** Where a pod gets the credentials of EKS Pod Identity. */
const POD_IDENTITY_AGENT = [{ ipBlock: { cidr: '169.254.170.23/32' } }, { ipBlock: { cidr: 'fd00:ec2::23/128' } }];

/** Before and after the Service's address is translated: network plugins differ in where they look. */
const API_SERVER_PORTS = [443, 6443];

/** Those who talk to Tempo: a backup flushes it, a restore compares its metrics. */
const TALK_TO_TEMPO: readonly KubernetesIdentity[] = ['backup', 'restore'];

/** What pods of the runner talk to. */
export interface NetworkPoliciesProps {
  /** The Tempo that they work for. */
  readonly tempo: Tempo;
  /** Where recovery points are kept. */
  readonly repository: BackupRepository;
  /** Whether buckets are reached by access keys, and not by the identity of the pods. */
  readonly usesKeys: boolean;
  /**
   * Ports of the Kubernetes API.
   *
   * @default [443, 6443]
   */
  readonly apiServerPorts?: readonly number[] | undefined;
  /** Whether an identity uses the Kubernetes API. */
  readonly usesApi: (identity: KubernetesIdentity) => boolean;
}

/** Who may talk to whom: nobody to the pods of the runner, and they to DNS, the repository, and what their identity needs besides. */
export class NetworkPolicies extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: NetworkPoliciesProps,
  ) {
    super(scope, id);
    const { tempo, usesApi, apiServerPorts = API_SERVER_PORTS } = props;
    this.allow('Runner', 'backup', { egress: [dns(), ...buckets(props)] });
    this.allow('Api', 'backup-kubernetes-api', {
      identities: KUBERNETES_IDENTITIES.filter(usesApi),
      egress: [{ ports: apiServerPorts.map(tcp) }],
    });
    if (tempo._port === undefined) return;
    const pods = [{ podSelector: { matchLabels: { ...tempo.podLabels } } }];
    this.allow('Tempo', 'backup-tempo', {
      identities: TALK_TO_TEMPO,
      egress: [{ to: pods, ports: [tcp(tempo._port)] }],
    });
  }

  private allow(
    id: string,
    suffix: string,
    { identities, egress }: { identities?: readonly KubernetesIdentity[]; egress: k8s.NetworkPolicyEgressRule[] },
  ): void {
    const { name } = this.props.tempo;
    const some = identities && [{ key: 'app.kubernetes.io/component', operator: 'In', values: [...identities] }];
    new k8s.KubeNetworkPolicy(this, id, {
      metadata: { name: `${name}-${suffix}`, labels: recommendedLabels(name) },
      spec: {
        egress,
        podSelector: { matchLabels: selectorLabels(name), matchExpressions: some },
        policyTypes: ['Ingress', 'Egress'],
      },
    });
  }
}

function dns(): k8s.NetworkPolicyEgressRule {
  return { ports: ['UDP', 'TCP'].map((protocol) => ({ port: k8s.IntOrString.fromNumber(53), protocol })) };
}

function buckets({ tempo, repository, usesKeys }: NetworkPoliciesProps): k8s.NetworkPolicyEgressRule[] {
  const ports = [...new Set([repository._port, tempo.storage._port])].filter((port) => port !== undefined);
  if (ports.length === 0) return [];
  const agent = usesKeys ? [] : [{ to: POD_IDENTITY_AGENT, ports: [tcp(80)] }];
  return [{ ports: ports.map(tcp) }, ...agent];
}

function tcp(port: number): k8s.NetworkPolicyPort {
  return { port: k8s.IntOrString.fromNumber(port), protocol: 'TCP' };
}
