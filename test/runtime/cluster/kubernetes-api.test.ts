import type { KubernetesRight } from '../../../lib/contract/kubernetes-rights';
import type { ClusterObject } from '../../../runtime/cluster/cluster-api';
import { ConflictError, ForbiddenError } from '../../../runtime/cluster/cluster-errors';
import { ClusterDouble, type ClusterDoubleOptions } from '../../helpers/cluster-double';

const NAMESPACE = 'monitoring';
const ref = (kind: string, name: string, apiVersion = 'v1') => ({ apiVersion, kind, namespace: NAMESPACE, name });

function configMap(name: string, data: Record<string, string>, labels = {}): ClusterObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE, labels }, data };
}

function job(name: string): ClusterObject {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: NAMESPACE }, spec: {} };
}

let double: ClusterDouble;

function fail(): never {
  throw new Error('this must not be called');
}

async function start(options?: ClusterDoubleOptions): Promise<ReturnType<ClusterDouble['api']>> {
  double = await ClusterDouble.start(options);
  return double.api();
}

afterEach(() => double.stop());

const verbs = (): string[] => double.calls.map(({ verb }) => verb);

describe('reading', () => {
  it('finds one object by name, and undefined where there is none', async () => {
    const api = await start({ objects: [configMap('tempo', { 'tempo.yaml': 'a: 1' })] });
    expect(await api.get(ref('ConfigMap', 'tempo'))).toMatchObject({ data: { 'tempo.yaml': 'a: 1' } });
    expect(await api.get(ref('ConfigMap', 'other'))).toBeUndefined();
    expect(double.calls).toMatchObject([
      { verb: 'get', group: '', resource: 'configmaps', name: 'tempo', namespace: NAMESPACE },
      { verb: 'get', name: 'other' },
    ]);
  });

  it('lists all pages, and says of each object what it is', async () => {
    const objects = Array.from({ length: 1203 }, (_, index) =>
      configMap(`c${index}`, {}, { even: `${index % 2 === 0}` }),
    );
    const api = await start({ objects });
    const found = await api.list(ref('ConfigMap', ''), { labelSelector: 'even=true' });
    expect(found).toHaveLength(602);
    expect(found[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c0' } });
    expect(verbs()).toEqual(['list', 'list']);
  });

  it('selects by field', async () => {
    const event = (name: string, about: string): ClusterObject => ({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: NAMESPACE } },
      involvedObject: { name: about },
    });
    const api = await start({ objects: [event('a', 'tempo-0'), event('b', 'other')] });
    const found = await api.list(ref('Event', ''), { fieldSelector: 'involvedObject.name=tempo-0' });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('reads apps and batch from their groups', async () => {
    const api = await start({ objects: [job('a')] });
    await api.get(ref('Job', 'a', 'batch/v1'));
    await api.get(ref('StatefulSet', 'b', 'apps/v1'));
    expect(double.calls.map(({ group, resource }) => `${group}/${resource}`)).toEqual([
      'batch/jobs',
      'apps/statefulsets',
    ]);
  });

  it('follows the log of a pod line by line', async () => {
    const api = await start();
    double.log('restore-1-x', 'first', 'second');
    const lines: string[] = [];
    await api.followLog({ namespace: NAMESPACE, name: 'restore-1-x' }, { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['first', 'second']);
    expect(double.calls).toMatchObject([{ verb: 'get', resource: 'pods/log', name: 'restore-1-x' }]);
    double.fault = () => ({ status: 404 });
    await expect(api.followLog({ namespace: NAMESPACE, name: 'x' }, { onLine: fail })).rejects.toThrow(
      "get 'pods/log/x' in namespace 'monitoring': the Kubernetes API answers 404 InternalError: a fault",
    );
  });
});

describe('writing', () => {
  it('creates, and tells that there is one already', async () => {
    const api = await start();
    expect((await api.create(job('a'))).metadata.uid).toEqual(expect.any(String));
    const error: unknown = await api.create(job('a')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({
      exitCode: 1,
      message: "create 'jobs/a' in namespace 'monitoring': there is one already; delete it or choose another name",
    });
  });

  it('replaces what it read, and tells that somebody changed it meanwhile', async () => {
    const api = await start({ objects: [configMap('tempo', { a: '1' })] });
    const read = (await api.get(ref('ConfigMap', 'tempo'))) as ClusterObject;
    await api.replace({ ...read, data: { a: '2' } });
    expect(double.find('ConfigMap', 'tempo')).toMatchObject({ data: { a: '2' } });
    await expect(api.replace({ ...read, data: { a: '3' } })).rejects.toThrow(ConflictError);
    expect(double.find('ConfigMap', 'tempo')).toMatchObject({ data: { a: '2' } });
  });

  it('merges a patch', async () => {
    const scaled = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'tempo', namespace: NAMESPACE } };
    const api = await start({ objects: [{ ...scaled, spec: { replicas: 3, serviceName: 's' } }] });
    await api.patch(ref('StatefulSet', 'tempo', 'apps/v1'), { spec: { replicas: 0, serviceName: null } });
    expect(double.find('StatefulSet', 'tempo')?.spec).toEqual({ replicas: 0 });
  });

  it('deletes with what it owns, unless that is to stay', async () => {
    const api = await start({ objects: [job('a'), job('b')] });
    for (const name of ['a', 'b']) {
      const ownerReferences = [{ uid: double.find('Job', name)?.metadata.uid }];
      double.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE, ownerReferences } });
    }
    expect(await api.delete(ref('Job', 'a', 'batch/v1'))).toBe(true);
    expect(await api.delete(ref('Job', 'b', 'batch/v1'), { propagation: 'Orphan' })).toBe(true);
    expect(await api.delete(ref('Job', 'b', 'batch/v1'))).toBe(false);
    expect(double.all('Pod').map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  it('changes nothing in a dry run', async () => {
    const api = await start({ objects: [configMap('tempo', { a: '1' })] });
    const dryRun = { dryRun: true };
    await api.create(job('a'), dryRun);
    await api.patch(ref('ConfigMap', 'tempo'), { data: null }, dryRun);
    await api.replace(configMap('tempo', {}), dryRun);
    await api.delete(ref('ConfigMap', 'tempo'), dryRun);
    expect(double.calls.map((call) => call.dryRun)).toEqual([true, true, true, true]);
    expect(double.find('ConfigMap', 'tempo')).toMatchObject({ data: { a: '1' } });
    expect(double.find('Job', 'a')).toBeUndefined();
  });

  it('lets controllers react', async () => {
    const api = await start({
      objects: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tempo-0', namespace: NAMESPACE } }],
      controllers: [
        ({ type, object }, cluster) => {
          if (type !== 'DELETED' && object.kind === 'StatefulSet')
            cluster.all('Pod').forEach((pod) => cluster.remove(pod));
        },
      ],
    });
    await api.create({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'tempo', namespace: NAMESPACE } });
    expect(await api.list(ref('Pod', ''))).toEqual([]);
  });
});

describe('a refused call', () => {
  const rights: KubernetesRight[] = [{ group: '', resource: 'configmaps', verbs: ['get'], names: ['tempo'] }];

  it('says which verb on what, and whom to grant it to', async () => {
    const api = await start({ rights });
    const error: unknown = await api.get(ref('Secret', 'tempo-s3')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ForbiddenError);
    expect(error).toMatchObject({
      exitCode: 2,
      message:
        "call the Kubernetes API: may not 'get' 'secrets/tempo-s3' in namespace 'monitoring'; grant it to ServiceAccount 'tempo-backup'",
      evidence: { verb: 'get', resource: 'secrets', name: 'tempo-s3', namespace: NAMESPACE },
    });
    expect(verbs()).toEqual(['get']);
  });

  it('is one with another name or verb, and a list of named ones', async () => {
    const api = await start({ rights });
    await expect(api.get(ref('ConfigMap', 'tempo'))).resolves.toBeUndefined();
    await expect(api.get(ref('ConfigMap', 'other'))).rejects.toThrow("'configmaps/other'");
    await expect(api.delete(ref('ConfigMap', 'tempo'))).rejects.toThrow("may not 'delete' 'configmaps/tempo'");
    await expect(api.list(ref('ConfigMap', ''))).rejects.toThrow("may not 'list' 'configmaps' in namespace");
    await expect(api.create(job('a'))).rejects.toThrow("may not 'create' 'jobs' in namespace");
  });

  it('says so when the credentials are the reason', async () => {
    const api = await start();
    double.fault = () => ({ status: 401 });
    await expect(api.get(ref('ConfigMap', 'tempo'))).rejects.toMatchObject({ exitCode: 2 });
    expect(verbs()).toEqual(['get']);
  });

  it('never repeats what the server says about a Secret', async () => {
    const api = await start();
    double.fault = () => ({ status: 422 });
    await expect(api.create({ ...configMap('s', {}), kind: 'Secret' })).rejects.toThrow(/answers 422 InternalError$/);
  });
});

describe('a failing server', () => {
  const failFirst = (times: number, fault: object) => (_: unknown, nth: number) => (nth <= times ? fault : undefined);

  it.each([
    ['is busy', { status: 429 }],
    ['has an internal error', { status: 500 }],
    ['is replaced', { status: 503 }],
    ['breaks the connection', { reset: 'before' }],
    ['loses the answer', { reset: 'after' }],
  ] as const)('is asked again when it %s', async (_, fault) => {
    const api = await start({ objects: [configMap('tempo', { a: '1' })] });
    double.fault = failFirst(2, fault);
    expect(await api.get(ref('ConfigMap', 'tempo'))).toBeDefined();
    await api.patch(ref('ConfigMap', 'tempo'), { data: { a: '2' } });
    expect(verbs()).toEqual(['get', 'get', 'get', 'patch']);
  });

  it('is asked again while it is away', async () => {
    const api = await start({ objects: [configMap('tempo', {})] });
    const port = new URL(double.url).port;
    await double.stop();
    const found = api.get(ref('ConfigMap', 'tempo'));
    setTimeout(() => void double.listen(Number(port)), 150);
    expect(await found).toBeDefined();
  });

  it.each([{ reset: 'after' }, { reset: 'before' }, { status: 500 }] as const)(
    'creates once when the answer is lost by %j',
    async (fault) => {
      const api = await start();
      double.fault = failFirst(1, fault);
      expect((await api.create(job('a'))).metadata.uid).toBe(double.find('Job', 'a')?.metadata.uid);
      expect(double.all('Job')).toHaveLength(1);
    },
  );

  it('does not replace again when the answer is lost', async () => {
    const api = await start({ objects: [configMap('tempo', {})] });
    double.fault = failFirst(1, { reset: 'after' });
    await expect(api.replace(configMap('tempo', {}))).rejects.toThrow(
      "update 'configmaps/tempo' in namespace 'monitoring': the Kubernetes API can't be reached (ECONNRESET)",
    );
    expect(verbs()).toEqual(['update']);
  });

  it('ends with its last answer, exit code 1', async () => {
    const api = await start();
    double.fault = () => ({ status: 400 });
    await expect(api.get(ref('ConfigMap', 'tempo'))).rejects.toMatchObject({
      exitCode: 1,
      message:
        "get 'configmaps/tempo' in namespace 'monitoring': the Kubernetes API answers 400 InternalError: a fault",
    });
  });

  it('is waited for no longer than the signal permits', async () => {
    const api = await start();
    double.fault = () => ({ delayMs: 60_000 });
    const controller = new AbortController();
    const found = api.get(ref('ConfigMap', 'tempo'), { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('stop')), 50);
    await expect(found).rejects.toThrow('stop');
  });
});
