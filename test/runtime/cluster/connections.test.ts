import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inClusterConnection } from '../../../runtime/cluster/in-cluster-connection';
import { KubernetesApi } from '../../../runtime/cluster/kubernetes-api';
import { openCluster } from '../../../runtime/cluster/open-cluster';
import { ClusterDouble } from '../../helpers/cluster-double';

const TLS = join(__dirname, '../../fixtures/tls');
const { signal } = new AbortController();
const TEMPO = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'monitoring', name: 'tempo' };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempo-backup-cluster-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function mount(name: string, text: string | Buffer): void {
  writeFileSync(join(folder, name), text);
}

describe('the connection of a pod', () => {
  let server: Server;
  const tokens: (string | undefined)[] = [];

  beforeEach(async () => {
    const tls = { key: readFileSync(join(TLS, 'key.pem')), cert: readFileSync(join(TLS, 'loopback.pem')) };
    server = createServer(tls, ({ headers }, response) => {
      tokens.push(headers.authorization);
      response.end(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tempo' } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    tokens.length = 0;
    server.closeAllConnections();
    server.close();
  });

  const environment = (): Record<string, string> => ({
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String((server.address() as AddressInfo).port),
  });

  it('trusts the mounted authority and sends the token that is mounted at the time', async () => {
    mount('ca.crt', readFileSync(join(TLS, 'loopback.pem')));
    mount('token', 'first\n');
    const api = new KubernetesApi(await inClusterConnection(environment(), folder), { signal });
    expect(await api.get(TEMPO)).toMatchObject({ kind: 'ConfigMap' });
    mount('token', 'second\n');
    await api.get(TEMPO);
    expect(tokens).toEqual(['Bearer first', 'Bearer second']);
    api.close();
  });

  it('sends no token to a server that another authority vouches for', async () => {
    mount('ca.crt', readFileSync(join(TLS, 'other-host.pem')));
    mount('token', 'first\n');
    const api = new KubernetesApi(await inClusterConnection(environment(), folder), { signal });
    await expect(api.get(TEMPO)).rejects.toThrow(/can't be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    expect(tokens).toEqual([]);
    api.close();
  });

  it('says what the pod lacks when no token is mounted', async () => {
    await expect(inClusterConnection(environment(), folder)).rejects.toMatchObject({
      exitCode: 2,
      message: `read '${folder}/ca.crt': ENOENT; this run uses the Kubernetes API, so its pod needs 'automountServiceAccountToken: true'`,
    });
  });
});

describe('the cluster', () => {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST, HOME } = process.env;

  afterEach(() => {
    const saved = { KUBECONFIG, KUBERNETES_SERVICE_HOST, HOME };
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('is the one that KUBECONFIG names, even in a pod', async () => {
    const double = await ClusterDouble.start();
    mount('kubeconfig', double.kubeconfig());
    Object.assign(process.env, { KUBECONFIG: join(folder, 'kubeconfig'), KUBERNETES_SERVICE_HOST: '192.0.2.1' });
    const api = await openCluster({ signal });
    expect(await api.get(TEMPO)).toBeUndefined();
    expect(double.calls).toMatchObject([{ verb: 'get', name: 'tempo' }]);
    await double.stop();
  }, 60_000);

  it('never quotes a kubeconfig that it cannot read', async () => {
    mount('kubeconfig', 'users:\n- user: {token: hunter2\n');
    process.env.KUBECONFIG = join(folder, 'kubeconfig');
    const error = (await openCluster({ signal }).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toMatch(/^read kubeconfig: .*; name a readable one in KUBECONFIG$/);
    expect(error.message).not.toContain('hunter2');
  }, 60_000);

  it('is asked for by name when there is none', async () => {
    delete process.env.KUBECONFIG;
    delete process.env.KUBERNETES_SERVICE_HOST;
    process.env.HOME = folder;
    await expect(openCluster({ signal })).rejects.toThrow("find the Kubernetes API: this isn't a pod");
  });
});
