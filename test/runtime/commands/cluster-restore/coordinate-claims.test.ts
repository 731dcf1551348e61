import { replicasOf } from '../../../../runtime/cluster/workload/workload';
import { ClusterScene } from './cluster-scene';

describe('a restore of a Tempo whose workload deletes its claims when it is stopped', () => {
  let scene: ClusterScene;

  beforeEach(async () => {
    scene = await ClusterScene.start();
  });
  afterEach(() => scene.stop());

  it('is refused, and nothing is changed', async () => {
    const { metadata, spec, ...fields } = scene.workload;
    const policy = { whenScaled: 'Delete', whenDeleted: 'Retain' };
    const templates = [{ metadata: { name: 'storage' } }];
    scene.cluster.put({
      ...fields,
      metadata,
      spec: { ...(spec as object), volumeClaimTemplates: templates, persistentVolumeClaimRetentionPolicy: policy },
    });
    const before = scene.data();
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toBe(
      `scale statefulset/tempo to zero: it would delete its claims, and Tempo's data with them, as its 'persistentVolumeClaimRetentionPolicy.whenScaled' is Delete; ` +
        `have it keep them first: kubectl -n monitoring patch statefulset tempo -p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Retain","whenDeleted":"Retain"}}}'`,
    );
    expect(scene.data()).toEqual(before);
    expect(replicasOf(scene.workload)).toBe(2);
  });
});
