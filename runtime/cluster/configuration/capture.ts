import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import { forEachConcurrently } from '../../streams/concurrency';
import type { ClusterApi, ClusterObject, ObjectRef } from '../cluster-api';
import { ClusterError, objectOf } from '../cluster-errors';
import { resourceOf } from '../resources';
import { stripObject } from './strip-object';

const CALLS_AT_ONCE = 8;

/** An object of Tempo's configuration. */
export interface CapturedObject {
  readonly ref: ObjectRef;
  /** As somebody would apply it. */
  readonly object: ClusterObject;
  /** Which state of which object it is. */
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface CapturedConfiguration {
  /** In the order of the configuration. */
  readonly objects: readonly CapturedObject[];
  /** What couldn't be had, and why, in sentences. */
  readonly lacks: readonly string[];
}

/** The objects of Tempo by name; those that must be named are given by the runner's configuration. */
export function configurationRefs(config: KubernetesConfig): ObjectRef[] {
  const { namespace, workload } = config;
  const core = (kind: string, names: readonly string[]): ObjectRef[] =>
    names.map((name) => ({ apiVersion: 'v1', kind, namespace, name }));
  return [
    ...core('ConfigMap', config.configMaps),
    ...core('Secret', config.secrets),
    ...core('Service', config.services),
    ...core('PersistentVolumeClaim', config.persistentVolumeClaims),
    { apiVersion: 'apps/v1', kind: workload.kind, namespace, name: workload.name },
  ];
}

/**
 * Reads the objects. One that is missing or forbidden, or an API that is away, is told in `lacks`: data is backed up all the same.
 * Throws only what the signal throws.
 */
export async function captureConfiguration(
  api: ClusterApi,
  config: KubernetesConfig,
  signal: AbortSignal,
): Promise<CapturedConfiguration> {
  const refs = configurationRefs(config);
  const found = new Map<ObjectRef, CapturedObject | string>();
  const capture = async (ref: ObjectRef): Promise<void> => void found.set(ref, await captureObject(api, ref, signal));
  await forEachConcurrently(refs, CALLS_AT_ONCE, capture, signal);
  const results = refs.map((ref) => found.get(ref));
  return {
    objects: results.filter((result) => typeof result === 'object'),
    lacks: results.filter((result) => typeof result === 'string'),
  };
}

async function captureObject(api: ClusterApi, ref: ObjectRef, signal: AbortSignal): Promise<CapturedObject | string> {
  try {
    const object = await api.get(ref, { signal });
    if (object === undefined) return `${lacked(ref)}: there is none; correct 'kubernetes' in the configuration`;
    const { uid = '', resourceVersion = '' } = object.metadata;
    return { ref, object: stripObject(object), uid, resourceVersion };
  } catch (error) {
    if (error instanceof ClusterError) return `the configuration is not whole: ${error.message}`;
    throw error;
  }
}

function lacked(ref: ObjectRef): string {
  const resource = resourceOf(ref).plural;
  return `the configuration lacks ${objectOf({ verb: 'get', resource, namespace: ref.namespace, name: ref.name })}`;
}
