import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { canonicalJson } from '../../../../runtime/cluster/configuration/canonical-json';
import { stripObject } from '../../../../runtime/cluster/configuration/strip-object';
import { ClusterDouble } from '../../../helpers/cluster-double';
import { tempoObjects } from '../../../helpers/cluster/tempo-objects';

let double: ClusterDouble;

beforeAll(async () => {
  double = await ClusterDouble.start({ objects: tempoObjects() });
});

afterAll(() => double.stop());

function stripped(kind: string, name: string): ClusterObject {
  const found = double.find(kind, name);
  if (!found) throw new Error(`there is no ${kind} '${name}'`);
  return stripObject(found);
}

const ALL = tempoObjects().map(({ kind, metadata }) => [kind, metadata.name] as const);

describe('a stripped object', () => {
  it.each(ALL)('keeps of the metadata of %s %s what somebody wrote', (kind, name) => {
    expect(Object.keys(double.find(kind, name)?.metadata ?? {})).toEqual(
      expect.arrayContaining(['uid', 'managedFields']),
    );
    expect(stripped(kind, name).metadata).toEqual({
      name,
      namespace: 'monitoring',
      labels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' },
      annotations: { 'meta.helm.sh/release-name': 'tempo' },
    });
  });

  it.each(ALL)('has no status: %s %s', (kind, name) => {
    expect(stripped(kind, name)).not.toHaveProperty('status');
  });

  it('keeps the data of ConfigMaps and Secrets, and the type of these', () => {
    for (const { kind, metadata, data, type } of tempoObjects().slice(0, 2))
      expect(stripped(kind, metadata.name)).toMatchObject(kind === 'Secret' ? { data, type } : { data });
  });

  it('has no address of this cluster in a Service, but stays headless', () => {
    const spec = {
      type: 'ClusterIP',
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: expect.anything(),
      ports: [{ name: 'http', port: 3200, protocol: 'TCP', targetPort: 'http' }],
    };
    expect(stripped('Service', 'tempo').spec).toEqual(spec);
    expect(stripped('Service', 'tempo-headless').spec).toEqual({ ...spec, clusterIP: 'None' });
  });

  it('keeps both families of a Service that asks for two', () => {
    const spec = { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'], clusterIP: 'fd00::1' };
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n' }, spec };
    expect(stripObject(service).spec).toEqual({ ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'] });
  });

  it('is bound to no volume and to no snapshot', () => {
    expect(stripped('PersistentVolumeClaim', 'storage-tempo-0').spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
      storageClassName: 'csi-hostpath',
      volumeMode: 'Filesystem',
    });
  });

  it('keeps the spec of a workload but for what templates are answered with', () => {
    const { spec } = stripped('StatefulSet', 'tempo') as { spec?: Record<string, unknown> };
    expect(spec).toMatchObject({ replicas: 1, serviceName: 'tempo-headless' });
    expect(spec?.template).toMatchObject({
      metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'x' } },
      spec: { containers: [{ name: 'tempo' }] },
    });
    expect(JSON.stringify(spec)).not.toMatch(/creationTimestamp|"status"/);
  });

  it('can be created: creating it anew changes nothing that was kept', async () => {
    const other = await ClusterDouble.start();
    for (const [kind, name] of ALL) await other.api().create(stripped(kind, name));
    for (const [kind, name] of ALL) {
      const again = other.find(kind, name);
      expect(again && canonicalJson(stripObject(again))).toBe(canonicalJson(stripped(kind, name)));
    }
    await other.stop();
  });
});

describe('canonical JSON', () => {
  it('depends on the value alone', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe(canonicalJson({ a: null, b: [{ c: 2, d: 1 }] }));
    expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }));
  });
});
