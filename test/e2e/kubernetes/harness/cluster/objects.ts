/** Any object of Kubernetes: what it consists of is the API server's to check. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

export interface Pod extends KubernetesObject {
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly restartCount: number;
  readonly state: {
    readonly terminated?: { readonly exitCode: number };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
  };
}

export interface Job extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
    readonly failed?: number;
    readonly ready?: number;
  };
}

const PLURALS: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  StorageClass: 'storageclasses',
  VolumeSnapshotClass: 'volumesnapshotclasses',
};
const CLUSTER_SCOPED = ['Namespace', 'Node', 'StorageClass', 'VolumeSnapshotClass', 'PersistentVolume', 'ClusterRole'];

/** Path of an object on the API server; without a name, that of its collection. */
export function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  const scope = CLUSTER_SCOPED.includes(kind) ? '' : `/namespaces/${metadata.namespace ?? ''}`;
  return `${root}${scope}/${plural}${metadata.name === '' ? '' : `/${metadata.name}`}`;
}

/** Names an object, to get or delete it. */
export function reference(kind: keyof typeof API_VERSIONS, namespace: string, name: string): KubernetesObject {
  return { apiVersion: API_VERSIONS[kind], kind, metadata: { name, namespace } };
}

const API_VERSIONS = {
  ConfigMap: 'v1',
  CronJob: 'batch/v1',
  Job: 'batch/v1',
  Namespace: 'v1',
  Node: 'v1',
  PersistentVolumeClaim: 'v1',
  Pod: 'v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  Secret: 'v1',
  Service: 'v1',
  ServiceAccount: 'v1',
  StatefulSet: 'apps/v1',
  StorageClass: 'storage.k8s.io/v1',
  VolumeSnapshot: 'snapshot.storage.k8s.io/v1',
  VolumeSnapshotClass: 'snapshot.storage.k8s.io/v1',
} as const;
