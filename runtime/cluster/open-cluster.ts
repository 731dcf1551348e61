import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../errors';
import type { ClusterApi } from './cluster-api';
import type { ClusterConnection } from './connection';
import { inClusterConnection } from './in-cluster-connection';
import { KubernetesApi } from './kubernetes-api';
import { kubeconfigConnection } from './kubeconfig-connection';

type Environment = Readonly<Record<string, string | undefined>>;

/** Opens the Kubernetes API; nothing is sent yet. */
export type OpenCluster = (options: { readonly signal: AbortSignal }) => Promise<ClusterApi>;

/** The cluster that KUBECONFIG names, else the one that this pod runs in, else the one of `~/.kube/config`. */
export const openCluster: OpenCluster = async ({ signal }) => new KubernetesApi(await connect(process.env), { signal });

// Who sets KUBECONFIG in a pod means another cluster than that of the pod.
async function connect(environment: Environment): Promise<ClusterConnection> {
  if (environment.KUBECONFIG) return kubeconfigConnection();
  if (environment.KUBERNETES_SERVICE_HOST) return inClusterConnection(environment);
  if (existsSync(join(homedir(), '.kube/config'))) return kubeconfigConnection();
  throw new UsageError(
    "find the Kubernetes API: this isn't a pod, and neither KUBECONFIG nor '~/.kube/config' names a cluster; set KUBECONFIG",
  );
}
