import type { ClusterApi, ClusterObject } from '../cluster-api';
import { warningsOf } from '../objects/events';

/** What a container has come to. */
export interface ContainerState {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
  };
}

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
  readonly containerStatuses?: readonly ContainerState[];
  readonly initContainerStatuses?: readonly ContainerState[];
}

export function listPods(api: ClusterApi, namespace: string, labelSelector: string): Promise<ClusterObject[]> {
  return api.list({ apiVersion: 'v1', kind: 'Pod', namespace }, { labelSelector });
}

/**
 * Whether the pod has ended: all its containers have, and none starts again. It writes nothing any more, even when a finalizer keeps it from
 * being removed.
 */
export function hasEnded(pod: ClusterObject): boolean {
  const { phase } = statusOf(pod);
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Whether the pod is deleted, and a finalizer keeps it: until that goes, no other pod of its name can be made. */
export function isHeld({ metadata }: ClusterObject): boolean {
  return metadata.deletionTimestamp !== undefined && finalizersOf(metadata).length > 0;
}

/** Whether a container of it runs, or ran. */
export function hasStarted(pod: ClusterObject): boolean {
  const { phase } = statusOf(pod);
  return phase !== undefined && phase !== 'Pending';
}

export function containerStates(pod: ClusterObject): readonly ContainerState[] {
  return statusOf(pod).containerStatuses ?? [];
}

/** Why a pod isn't what it is waited for: in a sentence, with what the cluster's events say. */
export async function explainPod(api: ClusterApi, namespace: string, pod: ClusterObject): Promise<string> {
  const { metadata } = pod;
  const status = statusOf(pod);
  const finalizers = finalizersOf(metadata);
  const causes = [
    typeof metadata.deletionTimestamp === 'string' ? `terminating since ${metadata.deletionTimestamp}` : '',
    finalizers.length > 0 ? `held by finalizers ${finalizers.join(', ')}` : '',
    ...(status.conditions ?? [])
      .filter(({ type, status: state }) => type === 'PodScheduled' && state === 'False')
      .map(({ reason = '', message = '' }) => `${reason}: ${message}`),
    ...[...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(containerText),
    ...(await warningsOf(api, { apiVersion: 'v1', kind: 'Pod', namespace, name: metadata.name })),
  ].filter((cause) => cause !== '');
  return `pod '${metadata.name}' is ${status.phase ?? 'unknown'}${causes.length > 0 ? ` (${causes.join('; ')})` : ''}`;
}

function finalizersOf({ finalizers }: ClusterObject['metadata']): readonly string[] {
  return (finalizers as readonly string[] | undefined) ?? [];
}

function containerText({ name, state }: ContainerState): string {
  if (state?.waiting)
    return [`container '${name}' waits`, state.waiting.reason, state.waiting.message].filter(Boolean).join(': ');
  if (!state?.terminated) return '';
  const { exitCode, reason = '' } = state.terminated;
  return `container '${name}' ended with ${exitCode}${reason === '' ? '' : ` ${reason}`}`;
}

function statusOf(pod: ClusterObject): PodStatus {
  return (pod.status as PodStatus | undefined) ?? {};
}
