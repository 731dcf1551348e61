import type { KubernetesObject } from './cluster/objects';
import { CONTAINER_SECURITY, POD_SECURITY } from './cluster/security';
import { TEMPO } from './tempo/tempo-objects';

export interface RunnerOptions {
  readonly namespace: string;
  readonly image: string;
  /** As pods reach it. */
  readonly repositoryUrl: string;
  readonly credentials: Readonly<Record<string, string>>;
  /** How backups get at the volume: mounted beside Tempo on its node, or a copy of their own. @default 'shared' */
  readonly access?: 'shared' | 'clone';
  /** What the copy is made of. @default - the claim itself */
  readonly volumeSnapshot?: string;
}

export const RULES = { wal: 'wal', hourly: 'data', full: 'all' } as const;

const CREDENTIALS = 'tempo-backup-repository';
const CONFIG = 'tempo-backup-config';
const LABELS = { 'app.kubernetes.io/name': 'tempo-backup' };
/** Retried, as they may pass: a failure, a lock, an interruption. Not retried: what stays as it is. */
const NEVER_RETRIED = [2, 10, 12, 14, 15];

/** Everything that the runner needs in a namespace: configuration, credentials and a CronJob for each command. */
export function runnerObjects(options: RunnerOptions): KubernetesObject[] {
  const { namespace, credentials } = options;
  const metadata = (name: string): KubernetesObject['metadata'] => ({ name, namespace, labels: LABELS });
  const cronJob = (name: string, args: readonly string[]): KubernetesObject => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadata(name),
    spec: cronJobSpec(options, args),
  });
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata(CREDENTIALS), stringData: credentials },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(CONFIG), data: { 'config.yaml': runnerConfig(options) } },
    ...Object.keys(RULES).map((rule) => cronJob(`tempo-backup-${rule}`, ['backup', '--rule', rule])),
    cronJob('tempo-verify', ['verify', '--level', 'content']),
  ];
}

function runnerConfig({ repositoryUrl }: RunnerOptions): string {
  return JSON.stringify({
    tempo: { name: 'tempo', storage: { path: '/var/tempo/traces', walPath: '/var/tempo/wal' } },
    repository: { url: repositoryUrl },
  });
}

/** Suspended: the tests start each run themselves. */
function cronJobSpec(options: RunnerOptions, args: readonly string[]): object {
  return {
    schedule: '0 0 1 1 *',
    suspend: true,
    concurrencyPolicy: 'Forbid',
    jobTemplate: {
      spec: {
        backoffLimit: 2,
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
            { action: 'FailJob', onExitCodes: { operator: 'In', values: NEVER_RETRIED } },
          ],
        },
        template: { metadata: { labels: LABELS }, spec: podSpec(options, args) },
      },
    },
  };
}

function podSpec(options: RunnerOptions, args: readonly string[]): object {
  const needsVolume = args[0] === 'backup';
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: POD_SECURITY,
    terminationGracePeriodSeconds: 10,
    ...(needsVolume && (options.access ?? 'shared') === 'shared' ? { affinity: BESIDE_TEMPO } : {}),
    containers: [
      {
        name: 'runner',
        image: options.image,
        imagePullPolicy: 'IfNotPresent',
        args: [...args, '--output', 'json'],
        envFrom: [{ secretRef: { name: CREDENTIALS } }],
        securityContext: CONTAINER_SECURITY,
        resources: { requests: { cpu: '50m', memory: '64Mi' } },
        volumeMounts: [
          { name: 'config', mountPath: '/etc/tempo-backup' },
          { name: 'tmp', mountPath: '/tmp' },
          ...(needsVolume ? [{ name: 'tempo', mountPath: '/var/tempo', readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: CONFIG } },
      { name: 'tmp', emptyDir: {} },
      ...(needsVolume ? [{ name: 'tempo', ...tempoVolume(options) }] : []),
    ],
  };
}

/** A volume that only one node may mount is shared by pods on that node. */
const BESIDE_TEMPO = {
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: TEMPO.labels } },
    ],
  },
};

function tempoVolume({ access = 'shared', volumeSnapshot }: RunnerOptions): object {
  if (access === 'shared') return { persistentVolumeClaim: { claimName: TEMPO.claim } };
  const source =
    volumeSnapshot === undefined
      ? { kind: 'PersistentVolumeClaim', name: TEMPO.claim }
      : { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: volumeSnapshot };
  const spec = { accessModes: ['ReadWriteOnce'], dataSource: source, resources: { requests: { storage: '1Gi' } } };
  return { ephemeral: { volumeClaimTemplate: { spec } } };
}
