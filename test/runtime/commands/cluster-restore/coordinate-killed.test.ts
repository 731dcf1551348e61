import { REPLICAS_ANNOTATION, replicasOf } from '../../../../runtime/cluster/workload/workload';
import { Repository } from '../../../../runtime/repository/repository';
import { killClusterAt } from '../../../helpers/killing-cluster';
import { Killed, killAt } from '../../../helpers/killing-storage';
import { ClusterScene } from './cluster-scene';

jest.setTimeout(120_000);

let scene: ClusterScene;
beforeAll(async () => {
  scene = await ClusterScene.start();
});
afterAll(() => scene.stop());
beforeEach(() => scene.reset());

const SCOPES = ['full', 'config'] as const;

describe.each(SCOPES)('a restore of scope %s that is killed', (scope) => {
  it('at any call of the cluster, and started again, is whole', async () => {
    const counted = killClusterAt(scene.cluster.api());
    await scene.coordinate({ scope }, { cluster: () => Promise.resolve(counted.api) });
    const { length } = counted.writes;
    expect(length).toBeGreaterThan(15);
    for (let at = 0; at < length; at++) {
      // After a call that only reads, nothing is other than before the next one.
      for (const when of counted.writes[at] ? (['before', 'after'] as const) : (['before'] as const)) {
        await scene.reset();
        const { api } = killClusterAt(scene.cluster.api(), at, when);
        await run(scope, { cluster: () => Promise.resolve(api) }).catch(() => undefined);
        checkRemembered();
        expect((await scene.coordinate({ scope })).exitCode).toBe(0);
        checkWhole(scope, `${when} ${at}`);
      }
    }
  });

  it('at any call of the storage, and started again, is whole', async () => {
    const counted = killAt(scene.storage, undefined);
    const open = (storage: typeof counted) => Repository.open(storage, { create: false });
    await scene.coordinate({ scope }, { repository: await open(counted) });
    for (let at = 1; at < counted.calls; at++) {
      await scene.reset();
      await expect(run(scope, { repository: await open(killAt(scene.storage, at)) })).rejects.toThrow(Killed);
      checkRemembered();
      expect((await scene.coordinate({ scope })).exitCode).toBe(0);
      checkWhole(scope, `storage ${at}`);
    }
  });
});

function run(
  scope: (typeof SCOPES)[number],
  changes: Parameters<ClusterScene['context']>[0],
): ReturnType<ClusterScene['coordinate']> {
  return scene.coordinate({ scope }, changes);
}

/** Nobody ever finds a Tempo without replicas that doesn't say how many it had. */
function checkRemembered(): void {
  const { workload } = scene;
  if (replicasOf(workload) === 0) expect(workload.metadata.annotations?.[REPLICAS_ANNOTATION]).toBe('2');
}

function checkWhole(scope: (typeof SCOPES)[number], at: string): void {
  const { workload } = scene;
  expect({ at, replicas: replicasOf(workload), annotations: workload.metadata.annotations ?? {} }).toEqual({
    at,
    replicas: 2,
    annotations: {},
  });
  expect(scene.find('ConfigMap', 'tempo-config').data).toEqual({ 'tempo.yaml': 'a: 1' });
  expect(workload).toMatchObject({ spec: { template: { spec: { containers: [{ image: 'tempo:2.9.5' }] } } } });
  expect(scene.isSpoiltKept()).toBe(true);
  expect(scene.moversAtOnce).toBeLessThan(2);
  if (scope === 'config') return;
  const data = scene.data();
  for (const [name, text] of ClusterScene.restored())
    if (data.get(name) !== text) throw new Error(`${at}: '${name}' differs`);
}
