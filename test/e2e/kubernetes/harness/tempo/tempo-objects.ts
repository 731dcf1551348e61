import type { KubernetesObject } from '../cluster/objects';
import { CONTAINER_SECURITY, POD_SECURITY, TEMPO_UID } from '../cluster/security';
import { TEMPO_VERSION } from './tempo-version';

/** In the shape of the community's chart: StatefulSet, pod `-0`, claim `storage-<name>-0`. */
export const TEMPO = {
  name: 'tempo',
  pod: 'tempo-0',
  claim: 'storage-tempo-0',
  configMap: 'tempo',
  secret: 'tempo-secret',
  /** Below its volume. */
  walPath: TEMPO_VERSION === '3.0' ? 'live-store/traces' : 'wal',
  labels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' },
} as const;

export interface TempoOptions {
  readonly namespace: string;
  readonly image: string;
  readonly accessMode?: 'ReadWriteOnce' | 'ReadWriteOncePod';
  /** Of its claim. @default - the cluster's default */
  readonly storageClass?: string;
  /** Whether its pods take most of a minute to end. @default false */
  readonly stopsSlowly?: boolean;
}

export function tempoObjects(options: TempoOptions): KubernetesObject[] {
  const { namespace } = options;
  const metadata = (name: string): KubernetesObject['metadata'] => ({ name, namespace, labels: TEMPO.labels });
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(TEMPO.configMap),
      data: { 'tempo.yaml': TEMPO_CONFIG, 'overrides.yaml': 'overrides: {}\n' },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata(TEMPO.secret), stringData: { token: 'not-for-any-log' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(TEMPO.name),
      spec: {
        selector: TEMPO.labels,
        ports: [
          { name: 'http', port: 3200 },
          { name: 'otlp-http', port: 4318 },
        ],
      },
    },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: metadata(TEMPO.name), spec: statefulSet(options) },
  ];
}

function statefulSet(options: TempoOptions): object {
  const { image, accessMode = 'ReadWriteOnce', storageClass: storageClassName, stopsSlowly = false } = options;
  return {
    replicas: 1,
    serviceName: TEMPO.name,
    selector: { matchLabels: TEMPO.labels },
    template: {
      metadata: { labels: TEMPO.labels },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { ...POD_SECURITY, fsGroup: TEMPO_UID, fsGroupChangePolicy: 'OnRootMismatch' },
        terminationGracePeriodSeconds: stopsSlowly ? 60 : 10,
        containers: [
          { ...tempoContainer(image), ...(stopsSlowly ? { lifecycle: { preStop: { sleep: { seconds: 45 } } } } : {}) },
        ],
        volumes: [{ name: 'conf', configMap: { name: TEMPO.configMap } }],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'storage' },
        spec: { accessModes: [accessMode], storageClassName, resources: { requests: { storage: '1Gi' } } },
      },
    ],
  };
}

function tempoContainer(image: string): object {
  return {
    name: 'tempo',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['-config.file=/conf/tempo.yaml'],
    securityContext: CONTAINER_SECURITY,
    ports: [
      { name: 'http', containerPort: 3200 },
      { name: 'otlp-http', containerPort: 4318 },
    ],
    readinessProbe: { httpGet: { path: '/ready', port: 3200 }, periodSeconds: 1 },
    resources: { requests: { cpu: '50m', memory: '64Mi' } },
    volumeMounts: [
      { name: 'storage', mountPath: '/var/tempo' },
      { name: 'conf', mountPath: '/conf' },
    ],
  };
}

/** Short periods, so that a test needn't wait. In 2.9 only `/flush` cuts the head; 3.0 has no such thing. */
const OF_VERSION = {
  '2.9': `ingester: {lifecycler: {min_ready_duration: 1s, final_sleep: 0s}, trace_idle_period: 1s, trace_live_period: 2s, flush_check_period: 1s, max_block_duration: 30m, complete_block_timeout: 15m}
compactor: {compaction: {block_retention: 24h, compacted_block_retention: 1h, compaction_window: 1h, compaction_cycle: 30s}}
query_frontend: {search: {query_backend_after: 0s, query_ingesters_until: 0s}}`,
  '3.0': `live_store: {max_trace_idle: 1s, max_trace_live: 2s, flush_check_period: 1s, max_block_duration: 6s, complete_block_timeout: 20m, wal: {path: /var/tempo/live-store/traces}, shutdown_marker_dir: /var/tempo/live-store/marker}
backend_scheduler: {local_work_path: /var/tempo/work}
backend_worker: {compaction: {block_retention: 24h}}`,
};

export const TEMPO_CONFIG = `server: {http_listen_port: 3200}
distributor: {receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}}
${OF_VERSION[TEMPO_VERSION]}
memberlist: {abort_if_cluster_join_fails: false, bind_port: 7946}
storage: {trace: {backend: local, local: {path: /var/tempo/traces}, wal: {path: /var/tempo/wal}, blocklist_poll: 2s}}
usage_report: {reporting_enabled: false}
`;
