import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { replicasOf } from '../../../../runtime/cluster/workload/workload';
import { clusterObject, tempoObjects } from './cluster-objects';
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

describe('a restore of data whose volume is not there', () => {
  let scene: ClusterScene;
  afterEach(() => scene.stop());

  const broken = tempoObjects('broken').filter(({ kind }) => kind !== 'Secret');
  const isClaim = ({ kind }: ClusterObject): boolean => kind === 'PersistentVolumeClaim';

  it('is refused while Tempo runs, and says how to have the claim made', async () => {
    scene = await ClusterScene.start({ objects: broken.filter((object) => !isClaim(object)) });
    const error = await scene.failure({ scope: 'data' });
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      "restore data: there is no PersistentVolumeClaim 'storage-tempo-0' in namespace 'monitoring'; have it made by '--scope full', or make it by hand, or correct 'kubernetes.persistentVolumeClaims'",
    );
    expect(replicasOf(scene.workload)).toBe(2);
    expect((await scene.coordinate()).exitCode).toBe(0);
  });

  it('is refused when the claim is half deleted', async () => {
    const going = { deletionTimestamp: '2026-11-23T09:00:00Z', finalizers: ['kubernetes.io/pvc-protection'] };
    scene = await ClusterScene.start({
      objects: broken.map((object) =>
        isClaim(object) ? { ...object, metadata: { ...object.metadata, ...going } } : object,
      ),
    });
    const error = await scene.failure({ scope: 'data' });
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain("'storage-tempo-0': it is being deleted, and held by kubernetes.io/pvc-protection");
    expect(replicasOf(scene.workload)).toBe(2);
  });

  it('ends with what is said of the claim when that gets no volume, and names what it made', async () => {
    scene = await ClusterScene.start({
      objects: broken.filter((object) => !isClaim(object)),
      mover: () => 'pending',
    });
    scene.cluster.put({
      ...clusterObject('v1', 'Event', 'e1', {
        type: 'Warning',
        reason: 'ProvisioningFailed',
        message: 'storageclass.storage.k8s.io "fast" not found',
      }),
      involvedObject: { kind: 'PersistentVolumeClaim', name: 'storage-tempo-0' },
    });
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toContain(
      `PersistentVolumeClaim 'storage-tempo-0' is Pending (ProvisioningFailed: storageclass.storage.k8s.io "fast" not found)`,
    );
    expect(error.message).toContain(
      "statefulset/tempo has 2 replicas, and what was missing and is made stays: PersistentVolumeClaim 'storage-tempo-0'",
    );
  });
});
