import { type KubernetesObject, reference } from '../harness/cluster/objects';
import { kubernetesSuite } from '../harness/suite';
import { TEMPO, TEMPO_CONFIG } from '../harness/tempo/tempo-objects';
import { Timings } from '../harness/timings';
import { RecoveryScene } from './recovery-scene';

const timings = new Timings();
const LIMIT = 300;
const RESTORE = 'tempo-backup restore --in-cluster --scope config --recovery-point 2026-11-23T08:30:00Z';

jest.setTimeout(400_000);
afterAll(() => timings.print('Recovery of the configuration'));

kubernetesSuite('a Tempo whose configuration is broken', () => {
  let at: RecoveryScene;
  let good: string;
  beforeAll(async () => {
    at = await RecoveryScene.create(timings, { restoreDeadlineSeconds: 40 });
    good = await at.protect();
  });
  afterAll(() => at?.remove());

  async function configure(config: string): Promise<void> {
    const object = reference('ConfigMap', at.scene.namespace, TEMPO.configMap);
    await at.scene.api.merge({ ...object, data: { 'tempo.yaml': config } });
  }

  async function configuration(): Promise<string | undefined> {
    const object = reference('ConfigMap', at.scene.namespace, TEMPO.configMap);
    return (await at.scene.api.get<KubernetesObject & { data: Record<string, string> }>(object))?.data['tempo.yaml'];
  }

  it('has its old one back, and nothing is lost', async () => {
    await at.pushToWal(3);
    await configure('server: [');
    await at.restartTempo();
    await at.crashing();
    const { result } = await at.restore('configuration corrupted', RESTORE, {
      limit: LIMIT,
      examples: { '2026-11-23T08:30:00Z': good },
    });
    const restored = result.cluster?.configuration.filter(({ action }) => action !== 'unchanged');
    expect(restored).toEqual([{ kind: 'ConfigMap', name: TEMPO.configMap, action: 'replaced' }]);
    expect(await configuration()).toBe(TEMPO_CONFIG);
    await at.expectWhole();
  });

  it('is the one of the recovery point: what was there before comes back by itself', async () => {
    await configure(TEMPO_CONFIG.replace('backend: local', 'backend: punch-cards'));
    const bad = await at.backUp('config');
    await configure(TEMPO_CONFIG);
    const { result } = await at.restore('configuration of the point is bad', RESTORE, {
      limit: LIMIT,
      exitCode: 15,
      examples: { '2026-11-23T08:30:00Z': bad },
    });
    expect(result.error?.message).toMatch(/is rolled back: Tempo is ready with the one that it had/);
    expect(await configuration()).toBe(TEMPO_CONFIG);
    expect(await at.replicas()).toBe(1);
    await at.expectWhole();
  });
});
