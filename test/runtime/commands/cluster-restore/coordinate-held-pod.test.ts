import { clusterObject } from './cluster-objects';
import { ClusterScene } from './cluster-scene';

let scene: ClusterScene;
afterEach(() => scene.stop());

describe('an ended pod of Tempo that a finalizer holds', () => {
  it('counts as gone when Tempo is stopped, as it writes no more', async () => {
    scene = await ClusterScene.start({ workload: { hangs: () => true, hangsEnded: true } });
    expect((await scene.coordinate({ scope: 'data' })).exitCode).toBe(0);
  });

  it('is named when Tempo does not become ready, as it has the name of the next one', async () => {
    scene = await ClusterScene.start({ workload: { becomesReady: () => false } });
    const held = { deletionTimestamp: '2026-11-23T09:00:05Z', finalizers: ['example.com/hold'] };
    const pod = clusterObject('v1', 'Pod', 'held-0', { status: { phase: 'Succeeded' } });
    scene.cluster.put({ ...pod, metadata: { ...pod.metadata, ...held } });
    const error = await scene.failure();
    expect(error.message).toContain(
      "pod 'held-0' is Succeeded (terminating since 2026-11-23T09:00:05Z; held by finalizers example.com/hold)",
    );
  });
});
