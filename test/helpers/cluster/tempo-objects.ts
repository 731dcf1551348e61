import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import type { ClusterObject } from '../../../runtime/cluster/cluster-api';

export const NAMESPACE = 'monitoring';

const LABELS = { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' };

export const TEMPO_YAML = `server: {http_listen_port: 3200}
compactor:
  compaction:
    block_retention: 24h
storage:
  trace:
    backend: local
    local: {path: /var/tempo/traces}
    s3: {access_key: tempo, secret_key: "\${S3_SECRET_KEY}"}
`;

/** The names of `tempoObjects`, as the runner's configuration gives them. */
export const TEMPO_NAMES: Pick<
  KubernetesConfig,
  'namespace' | 'workload' | 'configMaps' | 'secrets' | 'services' | 'persistentVolumeClaims'
> = {
  namespace: NAMESPACE,
  workload: { kind: 'StatefulSet', name: 'tempo' },
  configMaps: ['tempo'],
  secrets: ['tempo-s3'],
  services: ['tempo', 'tempo-headless'],
  persistentVolumeClaims: ['storage-tempo-0'],
};

/** Tempo as Helm installed it, with what servers and controllers write into such objects. */
export function tempoObjects(): ClusterObject[] {
  return [
    configMap(),
    secret(),
    service('tempo', '10.96.12.7'),
    service('tempo-headless', 'None'),
    claim(),
    workload(),
  ];
}

function metadata(name: string, annotations: Record<string, string> = {}): ClusterObject['metadata'] {
  const lastApplied = JSON.stringify({ metadata: { name }, data: 'once more' });
  return {
    name,
    namespace: NAMESPACE,
    labels: LABELS,
    annotations: {
      'meta.helm.sh/release-name': 'tempo',
      'kubectl.kubernetes.io/last-applied-configuration': lastApplied,
      ...annotations,
    },
  };
}

function configMap(): ClusterObject {
  const data = {
    'tempo.yaml': TEMPO_YAML,
    'overrides.yaml': 'overrides: {}\n',
    'tempo-query.yaml': 'backend: tempo:3200\n',
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('tempo'), data };
}

function secret(): ClusterObject {
  const data = { S3_SECRET_KEY: Buffer.from('hunter2-hunter2').toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: metadata('tempo-s3'), data };
}

function service(name: string, clusterIP: string): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata(name), finalizers: ['service.kubernetes.io/load-balancer-cleanup'] },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: LABELS,
      ports: [{ name: 'http', port: 3200, protocol: 'TCP', targetPort: 'http' }],
    },
    status: { loadBalancer: {} },
  };
}

function claim(): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...metadata('storage-tempo-0', {
        'pv.kubernetes.io/bind-completed': 'yes',
        'pv.kubernetes.io/bound-by-controller': 'yes',
        'volume.beta.kubernetes.io/storage-provisioner': 'hostpath.csi.k8s.io',
        'volume.kubernetes.io/storage-provisioner': 'hostpath.csi.k8s.io',
        'volume.kubernetes.io/selected-node': 'node-1',
      }),
      finalizers: ['kubernetes.io/pvc-protection'],
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
      storageClassName: 'csi-hostpath',
      volumeMode: 'Filesystem',
      volumeName: 'pvc-0e5a1d6c-6a2c-4f0e-9f3e-0c9a5f4b3a21',
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'daily-1' },
      dataSourceRef: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'daily-1' },
    },
    status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '10Gi' } },
  };
}

function workload(): ClusterObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...metadata('tempo', { 'deployment.kubernetes.io/revision': '7' }),
      ownerReferences: [{ apiVersion: 'tempo.grafana.com/v1alpha1', kind: 'TempoMonolithic', name: 'tempo', uid: 'u' }],
    },
    spec: {
      replicas: 1,
      serviceName: 'tempo-headless',
      selector: { matchLabels: LABELS },
      template: {
        metadata: {
          creationTimestamp: null,
          labels: LABELS,
          annotations: { 'kubectl.kubernetes.io/restartedAt': 'x' },
        },
        spec: {
          containers: [
            {
              name: 'tempo',
              image: 'grafana/tempo:2.9.5',
              args: ['-config.file=/conf/tempo.yaml', '--storage.trace.s3.secret_key=$(S3_SECRET_KEY)'],
              env: [{ name: 'S3_SECRET_KEY', valueFrom: { secretKeyRef: { name: 'tempo-s3', key: 'S3_SECRET_KEY' } } }],
            },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { creationTimestamp: null, name: 'storage' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
          status: { phase: 'Pending' },
        },
      ],
    },
    status: { replicas: 1, readyReplicas: 1, currentRevision: 'tempo-6b7' },
  };
}
