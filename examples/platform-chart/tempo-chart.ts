import { type ApiObject, Chart, type ChartProps, Yaml } from 'cdk8s';
import { ConfigMap, k8s } from 'cdk8s-plus-28';
import { type Construct } from 'constructs';
import { Tempo, TempoStorage } from 'tempo-backup/kubernetes';

const IMAGE = 'docker.io/grafana/tempo:2.9.5';
const NAME = 'tempo';
const LABELS = { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': NAME };
const PORTS = { http: 3200, 'otlp-grpc': 4317, 'otlp-http': 4318 };

const CONFIGURATION = {
  server: { http_listen_port: PORTS.http },
  distributor: {
    receivers: { otlp: { protocols: { grpc: { endpoint: '0.0.0.0:4317' }, http: { endpoint: '0.0.0.0:4318' } } } },
  },
  compactor: { compaction: { block_retention: '168h' } },
  storage: { trace: { backend: 'local', local: { path: '/var/tempo/traces' }, wal: { path: '/var/tempo/wal' } } },
  usage_report: { reporting_enabled: false },
};

/** A single Tempo with its data on a volume, as a platform team would write it. */
export class TempoChart extends Chart {
  /** What a backup has to know of it. */
  readonly tempo: Tempo;

  constructor(scope: Construct, id: string, props: ChartProps) {
    super(scope, id, { ...props, disableResourceNameHashes: true });
    const claim = this.addClaim();
    const configuration = new ConfigMap(this, 'Configuration', {
      metadata: { name: NAME, labels: LABELS },
      data: { 'tempo.yaml': Yaml.stringify(CONFIGURATION) },
    });
    const service = this.addService();
    const workload = this.addStatefulSet(claim.name, configuration.name);
    this.tempo = Tempo.fromAttributes({
      url: `http://${service.name}:${PORTS.http}`,
      podLabels: LABELS,
      workload: { kind: 'StatefulSet', name: workload.name },
      configMaps: [configuration.name],
      services: [service.name],
      storage: TempoStorage.persistentVolumeClaim(claim),
    });
  }

  private addClaim(): ApiObject {
    return new k8s.KubePersistentVolumeClaim(this, 'Claim', {
      metadata: { name: `storage-${NAME}`, labels: LABELS },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: k8s.Quantity.fromString('10Gi') } },
      },
    });
  }

  private addService(): ApiObject {
    const ports = Object.entries(PORTS).map(([name, port]) => ({ name, port }));
    return new k8s.KubeService(this, 'Service', {
      metadata: { name: NAME, labels: LABELS },
      spec: { selector: LABELS, ports },
    });
  }

  private addStatefulSet(claim: string, configuration: string): ApiObject {
    return new k8s.KubeStatefulSet(this, 'StatefulSet', {
      metadata: { name: NAME, labels: LABELS },
      spec: {
        replicas: 1,
        serviceName: NAME,
        selector: { matchLabels: LABELS },
        template: { metadata: { labels: LABELS }, spec: podSpec(claim, configuration) },
      },
    });
  }
}

function podSpec(claim: string, configuration: string): k8s.PodSpec {
  return {
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'tempo',
        image: IMAGE,
        args: ['-config.file=/etc/tempo/tempo.yaml'],
        ports: Object.entries(PORTS).map(([name, containerPort]) => ({ name, containerPort })),
        readinessProbe: { httpGet: { path: '/ready', port: k8s.IntOrString.fromNumber(PORTS.http) } },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        },
        volumeMounts: [
          { name: 'configuration', mountPath: '/etc/tempo', readOnly: true },
          { name: 'storage', mountPath: '/var/tempo' },
        ],
      },
    ],
    securityContext: {
      fsGroup: 10001,
      runAsGroup: 10001,
      runAsNonRoot: true,
      runAsUser: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumes: [
      { name: 'configuration', configMap: { name: configuration } },
      { name: 'storage', persistentVolumeClaim: { claimName: claim } },
    ],
  };
}
