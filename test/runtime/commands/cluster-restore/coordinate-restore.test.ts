import { POINT } from '../restore-scene';
import { objectsOf } from './cluster-objects';
import { ClusterScene, type SceneOptions, WAL_ID } from './cluster-scene';

let scene: ClusterScene;
const start = async (options?: SceneOptions): Promise<void> => {
  scene = await ClusterScene.start(options);
};
afterEach(() => scene.stop());

describe('a full recovery', () => {
  it('brings configuration, blocks and WAL back, and Tempo has the replicas that it had', async () => {
    await start();
    const { result, exitCode } = await scene.coordinate();
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      recoveryPoint: POINT,
      dryRun: false,
      blocks: { total: 3, restored: 3, failed: [] },
      wal: { blocks: 1, pages: 1 },
      cluster: {
        namespace: 'monitoring',
        workload: 'statefulset/tempo',
        replicas: { before: 2, now: 2 },
        autoscaler: null,
        configuration: [
          { kind: 'PersistentVolumeClaim', name: 'storage-tempo-0', action: 'unchanged' },
          { kind: 'ConfigMap', name: 'tempo-config', action: 'replaced' },
          { kind: 'Secret', name: 'tempo-s3', action: 'replaced' },
          { kind: 'Service', name: 'tempo', action: 'replaced' },
          { kind: 'StatefulSet', name: 'tempo', action: 'replaced' },
        ],
        compared: [
          { tenant: 'team-a', expected: objectsOf('team-a'), found: objectsOf('team-a') },
          { tenant: 'team-b', expected: objectsOf('team-b'), found: objectsOf('team-b') },
        ],
        sampleTraces: { asked: 3, missing: [] },
        remarks: [],
      },
    });
    expect(result.cluster?.phases.map(({ name }) => name)).toEqual([
      'verify',
      'check configuration',
      'stop Tempo',
      'restore configuration',
      'restore data',
      'start Tempo',
      'compare',
    ]);
    expect(scene.data()).toEqual(expect.objectContaining({}));
    for (const [name, text] of ClusterScene.restored()) expect(scene.data().get(name)).toBe(text);
    expect([...scene.data().keys()].filter((name) => name.startsWith('wal/'))).toEqual([
      `wal/${WAL_ID}+team-a+vParquet4/0000000001`,
      `wal/${WAL_ID}+team-a+vParquet4/meta.json`,
    ]);
    expect(scene.isSpoiltKept()).toBe(true);
    expect(scene.find('ConfigMap', 'tempo-config').data).toEqual({ 'tempo.yaml': 'a: 1' });
    expect(scene.find('Secret', 'tempo-s3').data).toEqual({ key: 'Z29vZA==' });
    expect(scene.find('Service', 'tempo').spec).toMatchObject({ ports: [{ port: 3200 }], clusterIP: '10.0.0.7' });
    expect(scene.workload).toMatchObject({ spec: { replicas: 2, template: { spec: { containers: [{ image: 'tempo:2.9.5' }] } } } });
    expect(scene.workload.metadata.annotations ?? {}).toEqual({});
  });
});
