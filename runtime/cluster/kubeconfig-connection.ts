import type { RequestOptions } from 'node:https';
import { UsageError } from '../errors';
import type { ClusterConnection } from './connection';

/** The API that a kubeconfig's current context names, with whatever way to log in it says: certificates, tokens, exec plug-ins, OIDC. */
export async function kubeconfigConnection(): Promise<ClusterConnection> {
  // Only this module of the client: its index would bring a model of every Kubernetes object into the bundle.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw new UsageError(
      // Below the first line a YAML parser quotes the text, which holds credentials.
      `read kubeconfig: ${(cause as Error).message.split('\n')[0] ?? ''}; name a readable one in KUBECONFIG`,
    );
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new UsageError("read kubeconfig: it has no current context; set one with 'kubectl config use-context'");
  return {
    server: new URL(cluster.server),
    options: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return options;
    },
    // Its agents keep no connection open.
    close: () => undefined,
  };
}
