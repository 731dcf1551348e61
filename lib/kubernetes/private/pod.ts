import { Lazy } from 'cdk8s';
import { type k8s } from 'cdk8s-plus-28';
import { type Encryption } from '../encryption';
import { type BackupRepository } from '../repository/backup-repository';
import { type S3Credentials } from '../repository/s3-credentials';
import { type RunnerImage } from '../runner-image';
import { type RunnerIdentity } from '../runner-identity';
import { _resourceRequirements, type RunnerResources } from '../runner-resources';
import { type Tempo } from '../tempo/tempo';
import { type Configuration } from './configuration';
import { CONFIG_HASH_ANNOTATION, recommendedLabels, RULE_LABEL } from './labels';
import { type Mount } from './mount';

/** Name of the runner's container, which `podFailurePolicy` refers to. */
export const CONTAINER = 'runner';

/** What all pods of a Tempo's runner have in common. */
export interface PodSettings {
  /** The Tempo that they work for, and as whose user they run. */
  readonly tempo: Tempo;
  /** Where recovery points are kept. */
  readonly repository: BackupRepository;
  /** Access keys for buckets; undefined: the identity of their ServiceAccount. */
  readonly credentials: S3Credentials | undefined;
  /** What they do. */
  readonly configuration: Configuration;
  /** What they run. */
  readonly image: RunnerImage;
  /** What they may take. */
  readonly resources: RunnerResources;
  /** How Secrets are encrypted. */
  readonly encryption: Encryption | undefined;
  /** Name of their PriorityClass. */
  readonly priorityClassName: string | undefined;
  /** Taints of nodes that they tolerate. */
  readonly tolerations: readonly k8s.Toleration[];
  /** Whether no schedule starts any. */
  readonly suspend: boolean;
}

/** What one run does, and as whom. */
export interface Run {
  /** As whom. */
  readonly identity: RunnerIdentity;
  /** Arguments of the runner. */
  readonly args: readonly string[];
  /**
   * Name of the plan's rule that it runs for.
   *
   * @default - none
   */
  readonly rule?: string;
}

/** Labels of a run: the CronJob, its Jobs and their pods. */
export function runLabels(tempo: string, { identity, rule }: Run): Record<string, string> {
  return { ...recommendedLabels(tempo, identity.identity), ...(rule === undefined ? {} : { [RULE_LABEL]: rule }) };
}

/** The pod of a run, by the *restricted* pod security standard. */
export function podTemplate(settings: PodSettings, run: Run): k8s.PodTemplateSpec {
  const { tempo, configuration, image } = settings;
  const mounts = mountsOf(settings, run);
  return {
    metadata: {
      labels: runLabels(tempo.name, run),
      annotations: {
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
        [CONFIG_HASH_ANNOTATION]: Lazy.any({ produce: () => configuration.hash }) as string,
      },
    },
    spec: {
      affinity: affinityOf(settings, run),
      automountServiceAccountToken: run.identity.usesApi,
      containers: [container(settings, run, mounts)],
      enableServiceLinks: false,
      imagePullSecrets: image.pullSecrets.length > 0 ? image.pullSecrets.map((name) => ({ name })) : undefined,
      priorityClassName: settings.priorityClassName,
      restartPolicy: 'Never',
      securityContext: podSecurity(tempo),
      serviceAccountName: run.identity.name,
      terminationGracePeriodSeconds: 30,
      tolerations: settings.tolerations.length > 0 ? [...settings.tolerations] : undefined,
      volumes: mounts.map(({ volume }) => volume),
    },
  };
}

function container(settings: PodSettings, run: Run, mounts: readonly Mount[]): k8s.Container {
  const { image, credentials, resources } = settings;
  const env = credentials?._environment(run.identity.identity) ?? [];
  return {
    name: CONTAINER,
    image: image.reference,
    imagePullPolicy: image.pullPolicy,
    // Kubernetes would put a variable's value in the place of its name, such as a secret key into the reason of a pin.
    args: run.args.map((arg) => arg.replaceAll('$(', () => '$$(')),
    env: env.length > 0 ? env : undefined,
    resources: _resourceRequirements(resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
    volumeMounts: mounts.map(({ volume, path, readOnly }) => ({
      name: volume.name,
      mountPath: path,
      readOnly: readOnly ? true : undefined,
    })),
  };
}

function mountsOf({ tempo, repository, configuration, encryption }: PodSettings, { identity }: Run): Mount[] {
  return [
    configuration.mount,
    { volume: { name: 'tmp', emptyDir: {} }, path: '/tmp', readOnly: false },
    ...tempo.storage._mounts(identity.identity),
    ...tempo._mounts(identity.identity),
    ...repository._mounts(identity.identity),
    ...(encryption?._mounts(identity.identity) ?? []),
  ];
}

function podSecurity({ user, group }: Tempo): k8s.PodSecurityContext {
  return {
    fsGroup: group,
    // By default the kubelet changes the owner of every file at each mount, which takes minutes on a large volume.
    fsGroupChangePolicy: 'OnRootMismatch',
    runAsGroup: group,
    runAsNonRoot: true,
    runAsUser: user,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** A volume that only one node may mount is reached on the node where Tempo has it. */
function affinityOf({ tempo }: PodSettings, { identity }: Run): k8s.Affinity | undefined {
  if (identity.identity !== 'backup' || tempo.storage.access?._shared !== true) return undefined;
  const beside = { labelSelector: { matchLabels: { ...tempo.podLabels } }, topologyKey: 'kubernetes.io/hostname' };
  return { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [beside] } };
}
