import { type KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import { RefusedError } from '../../errors';
import type { ClusterApi, ClusterObject, ObjectRef } from '../cluster-api';

/** Says how many replicas the workload had before a restore scaled it to zero. */
export const REPLICAS_ANNOTATION = 'tempo-backup/replicas-before-restore';
export const RESTARTED_ANNOTATION = 'kubectl.kubernetes.io/restartedAt';

interface WorkloadSpec {
  readonly replicas?: number;
  readonly selector?: LabelSelector;
  readonly strategy?: { readonly type?: string };
  readonly volumeClaimTemplates?: readonly object[];
  readonly persistentVolumeClaimRetentionPolicy?: { readonly whenScaled?: string };
}

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
}

export function workloadRef({ namespace, workload }: KubernetesConfig): ObjectRef {
  return { apiVersion: 'apps/v1', kind: workload.kind, namespace, name: workload.name };
}

/** `statefulset/tempo`, as kubectl takes it. */
export function workloadText({ workload }: KubernetesConfig): string {
  return `${workload.kind.toLowerCase()}/${workload.name}`;
}

export function replicasOf(workload: ClusterObject): number {
  return (workload.spec as WorkloadSpec | undefined)?.replicas ?? 1;
}

/** What the annotation says; undefined when there is none. */
export function rememberedReplicas({ metadata }: ClusterObject): number | undefined {
  const text = metadata.annotations?.[REPLICAS_ANNOTATION];
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** Whether a new configuration makes two Tempos run side by side for a while, on one WAL if they share the volume. */
export function overlapsItself({ kind, spec }: ClusterObject): boolean {
  return kind === 'Deployment' && (spec as WorkloadSpec | undefined)?.strategy?.type !== 'Recreate';
}

/** Label selector of its pods. */
export function podSelector(workload: ClusterObject): string {
  const { matchLabels = {}, matchExpressions = [] } = (workload.spec as WorkloadSpec | undefined)?.selector ?? {};
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...equal, ...expressions].join(',');
}

/** Whether all pods are ready and none is of an earlier template; null: they are, else what is missing. */
export function unfinishedRollout(workload: ClusterObject): string | null {
  const wanted = replicasOf(workload);
  const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0 } = (workload.status as WorkloadStatus) ?? {};
  if (observedGeneration < Number(workload.metadata.generation ?? 0)) return 'its controller has not seen it yet';
  if (updatedReplicas < wanted) return `${updatedReplicas} of ${wanted} pods have the new configuration`;
  return readyReplicas < wanted ? `${readyReplicas} of ${wanted} pods are ready` : null;
}

/** Throws when the workload would delete its claims, and with them Tempo's data, as soon as it is scaled to zero. */
export function refuseToLoseClaims({ kind, metadata, spec }: ClusterObject, namespace: string): void {
  const { persistentVolumeClaimRetentionPolicy: policy, volumeClaimTemplates = [] } =
    (spec as WorkloadSpec | undefined) ?? {};
  if (kind !== 'StatefulSet' || volumeClaimTemplates.length === 0 || policy?.whenScaled !== 'Delete') return;
  const keep = JSON.stringify({ spec: { persistentVolumeClaimRetentionPolicy: { ...policy, whenScaled: 'Retain' } } });
  throw new RefusedError(
    `scale statefulset/${metadata.name} to zero: it would delete its claims, and Tempo's data with them, as its 'persistentVolumeClaimRetentionPolicy.whenScaled' is Delete; ` +
      `have it keep them first: kubectl -n ${namespace} patch statefulset ${metadata.name} -p '${keep}'`,
    undefined,
    { workload: metadata.name, namespace },
  );
}

/** Scales to zero and remembers the count, in one change: nobody ever finds the one without the other. */
export function scaleToZero(api: ClusterApi, ref: ObjectRef, remembered: number): Promise<ClusterObject> {
  return api.patch(ref, {
    metadata: { annotations: { [REPLICAS_ANNOTATION]: String(remembered) } },
    spec: { replicas: 0 },
  });
}

export function scaleUp(api: ClusterApi, ref: ObjectRef, replicas: number): Promise<ClusterObject> {
  return api.patch(ref, { metadata: { annotations: { [REPLICAS_ANNOTATION]: null } }, spec: { replicas } });
}

/** As `kubectl rollout restart`: pods read their configuration only when they start. */
export function restartPods(api: ClusterApi, ref: ObjectRef, now: Date): Promise<ClusterObject> {
  return api.patch(ref, {
    spec: { template: { metadata: { annotations: { [RESTARTED_ANNOTATION]: now.toISOString() } } } },
  });
}
