import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { UsageError } from '../errors';
import type { ClusterConnection } from './connection';

/** Where the kubelet puts the token of the pod's ServiceAccount. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API of the cluster that this pod runs in, as the pod's ServiceAccount. */
export async function inClusterConnection(
  environment: Readonly<Record<string, string | undefined>>,
  folder = SERVICE_ACCOUNT_FOLDER,
): Promise<ClusterConnection> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const ca = await readMounted(folder, 'ca.crt');
  const agent = new Agent({ keepAlive: true, ca });
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    // The kubelet replaces the file long before the token in it expires.
    options: async () => ({
      agent,
      headers: { authorization: `Bearer ${(await readMounted(folder, 'token')).trim()}` },
    }),
    close: () => agent.destroy(),
  };
}

async function readMounted(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new UsageError(
      `read '${path}': ${code}; this run uses the Kubernetes API, so its pod needs 'automountServiceAccountToken: true'`,
      { path },
      { cause },
    );
  }
}
