import { rollbackSecret } from '../../../../lib/contract/kubernetes-rights';
import { REPLICAS_ANNOTATION, replicasOf } from '../../../../runtime/cluster/workload/workload';
import { Repository } from '../../../../runtime/repository/repository';
import { killClusterAt } from '../../../helpers/killing-cluster';
import { Killed, killAt } from '../../../helpers/killing-storage';
import { NOW } from '../restore/restore-scene';
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

describe('a restore that goes on', () => {
  /** Ends with Tempo at zero: nobody knows how far the mover was. */
  const dead = { exitCode: 137, message: '' };

  it('still knows the configuration that was there before it began', async () => {
    const isOld = (template: unknown): boolean => JSON.stringify(template).includes('tempo:broken');
    const other = await ClusterScene.start({ workload: { becomesReady: isOld } });
    try {
      const counted = killClusterAt(other.cluster.api());
      await other.failure({ scope: 'config' }, { cluster: () => Promise.resolve(counted.api) });
      for (let at = 0; at < counted.writes.length; at++) {
        await other.reset();
        const { api } = killClusterAt(other.cluster.api(), at);
        await other.coordinate({ scope: 'config' }, { cluster: () => Promise.resolve(api) }).catch(() => undefined);
        await other.failure({ scope: 'config' });
        expect(other.find('ConfigMap', 'tempo-config').data).toEqual({ 'tempo.yaml': 'a: [' });
        expect(other.workload).toMatchObject({
          spec: { template: { spec: { containers: [{ image: 'tempo:broken' }] } } },
        });
      }
    } finally {
      await other.stop();
    }
  });

  it('does so for a day, and only when the same is asked for', async () => {
    const other = await ClusterScene.start({ mover: () => Promise.resolve(dead) });
    const session = (): string =>
      (
        JSON.parse(
          other.find('Secret', rollbackSecret(other.kubernetes)).metadata.annotations?.['tempo-backup/restore'] ?? '',
        ) as {
          id: string;
        }
      ).id;
    try {
      await other.failure();
      const first = session();
      await other.failure({ allow: ['owner'] }, { now: () => new Date(NOW.getTime() + 86_000_000) });
      expect(session()).toBe(first);
      await other.failure({}, { now: () => new Date(NOW.getTime() + 87_000_000) });
      const second = session();
      expect(second).not.toBe(first);
      await other.failure({ scope: 'data' });
      expect(session()).not.toBe(second);
    } finally {
      await other.stop();
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
