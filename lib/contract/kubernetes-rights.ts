import type { KubernetesConfig } from './kubernetes-config';

/** A verb of the Kubernetes API. */
export type KubernetesVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** Some verbs on some objects of the namespace. */
export interface KubernetesRight {
  /** API group; '' is the core group. */
  readonly group: string;
  /** Plural, with subresource: `statefulsets`, `pods/log`. */
  readonly resource: string;
  /** What may be done. */
  readonly verbs: readonly KubernetesVerb[];
  /**
   * The objects that the verbs are good for.
   *
   * @default - all objects of the resource: creation and lists can't be restricted to names
   */
  readonly names?: readonly string[];
}

/** Those runs of the runner that have an identity of their own in the cluster. */
export const KUBERNETES_IDENTITIES = ['backup', 'verify', 'prune', 'restore', 'restore-mover', 'snapshot'] as const;

/** A run with an identity of its own: a command, or one side of a restore. */
export type KubernetesIdentity = (typeof KUBERNETES_IDENTITIES)[number];

/**
 * What each identity may do at the Kubernetes API: exactly the calls that the runner makes. Roles are synthesized from it, and tests
 * compare it with the calls that were recorded. An empty list: the run gets no token at all.
 */
export function kubernetesRights(identity: KubernetesIdentity, config: KubernetesConfig): readonly KubernetesRight[] {
  switch (identity) {
    case 'backup':
      return readsConfiguration(config);
    case 'restore':
      return coordinates(config);
    case 'snapshot':
      return snapshots(config);
    case 'verify':
    case 'prune':
    case 'restore-mover':
      return [];
  }
}

function readsConfiguration(config: KubernetesConfig): KubernetesRight[] {
  const reads = (group: string, resource: string, names: readonly string[]): KubernetesRight[] =>
    names.length > 0 ? [{ group, resource, verbs: ['get'], names }] : [];
  return [
    ...reads('', 'configmaps', config.configMaps),
    ...reads('', 'secrets', config.secrets),
    ...reads('', 'services', config.services),
    ...reads('', 'persistentvolumeclaims', config.persistentVolumeClaims),
    ...reads('apps', workloadResource(config), [config.workload.name]),
  ];
}

/** Plural of the workload's kind, as the API spells it. */
export function workloadResource({ workload }: KubernetesConfig): 'statefulsets' | 'deployments' {
  return workload.kind === 'StatefulSet' ? 'statefulsets' : 'deployments';
}

function coordinates(config: KubernetesConfig): KubernetesRight[] {
  const { restore, workload } = config;
  return [
    { group: 'apps', resource: workloadResource(config), verbs: ['get', 'update', 'patch'], names: [workload.name] },
    { group: 'apps', resource: workloadResource(config), verbs: ['create'] },
    ...putsBack('configmaps', config.configMaps),
    ...putsBack('secrets', [...config.secrets, rollbackSecret(config)]),
    ...putsBack('services', config.services),
    // A claim that is there stays as it is: almost nothing of it can be changed.
    ...putsBack('persistentvolumeclaims', config.persistentVolumeClaims, ['get']),
    { group: 'autoscaling', resource: 'horizontalpodautoscalers', verbs: ['list'] },
    { group: 'batch', resource: 'cronjobs', verbs: ['get'], names: [restore.moverCronJob] },
    // A mover that never started is deleted, or it would replace data beneath a Tempo that runs again.
    { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'delete'] },
    { group: '', resource: 'pods', verbs: ['list'] },
    { group: '', resource: 'events', verbs: ['list'] },
  ];
}

/** Where a restore of this Tempo keeps the configuration that it replaces: several Tempos of a namespace must not find each other's. */
export function rollbackSecret({ restore }: Pick<KubernetesConfig, 'restore'>): string {
  return `${restore.cronJob}-rollback`;
}

function putsBack(
  resource: string,
  names: readonly string[],
  verbs: readonly KubernetesVerb[] = ['get', 'update'],
): KubernetesRight[] {
  if (names.length === 0) return [];
  return [
    { group: '', resource, verbs, names },
    { group: '', resource, verbs: ['create'] },
  ];
}

// What `snapshot create`, `list` and `prune` do; a restore is done by a person, with that person's rights.
function snapshots({ persistentVolumeClaims: names }: KubernetesConfig): KubernetesRight[] {
  // RBAC reads an empty list of names as all of them.
  const claims: KubernetesRight[] =
    names.length > 0 ? [{ group: '', resource: 'persistentvolumeclaims', verbs: ['get'], names }] : [];
  return [
    { group: 'snapshot.storage.k8s.io', resource: 'volumesnapshots', verbs: ['get', 'list', 'create', 'delete'] },
    ...claims,
    { group: '', resource: 'events', verbs: ['list'] },
  ];
}
