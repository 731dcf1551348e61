import type { KindRef } from './cluster-api';

/** How a kind is spelt in paths and in rights. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

// Discovery would cost two requests each run, and tell what the code that names a kind must know anyway.
const PLURALS: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  CronJob: 'cronjobs',
  Deployment: 'deployments',
  Event: 'events',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
  Job: 'jobs',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  Pod: 'pods',
  Secret: 'secrets',
  Service: 'services',
  StatefulSet: 'statefulsets',
  VolumeSnapshot: 'volumesnapshots',
};

/** The resource of a kind. Throws for a kind that the runner has nothing to do with: a recovery point may name any. */
export function resourceOf({ apiVersion, kind }: Pick<KindRef, 'apiVersion' | 'kind'>): Resource {
  const plural = Object.hasOwn(PLURALS, kind) ? PLURALS[kind] : undefined;
  if (plural === undefined) throw new TypeError(`kind '${kind}' of '${apiVersion}' is none that tempo-backup handles`);
  const [first = '', second] = apiVersion.split('/');
  return second === undefined ? { group: '', version: first, plural } : { group: first, version: second, plural };
}

/** Path of a kind's objects in a namespace. */
export function pathOf(ref: KindRef): string {
  const { group, version, plural } = resourceOf(ref);
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}/namespaces/${encodeURIComponent(ref.namespace)}/${plural}`;
}
