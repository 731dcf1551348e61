import { type KubernetesObject, type Pod, reference } from './harness/cluster/objects';
import { podsOf } from './harness/cluster/pod-ends';
import { eventually } from './harness/cluster/wait';
import { tracesInNewestPoint } from './harness/recovery-point';
import { Scene } from './harness/scene';
import { kubernetesSuite } from './harness/suite';
import { Timings } from './harness/timings';

const timings = new Timings();
const LIMIT = 120;

/** Pushes traces, lets Tempo flush them, and adds some that stay in its WAL. */
async function fill(scene: Scene): Promise<string[]> {
  const flushed = await scene.tempo.push(5);
  await scene.tempo.flushed((await scene.tempo.liveObjects()) + flushed.length);
  const unflushed = await scene.tempo.push(3);
  await scene.tempo.cut();
  return [...flushed, ...unflushed];
}

async function backUp(scene: Scene, way: string): Promise<void> {
  const { exitCode, log } = await timings.measure(way, 'backup, pod start included', {
    limit: LIMIT,
    run: () => scene.runJob('tempo-backup-hourly'),
  });
  expect([exitCode, log]).toEqual([0, expect.anything()]);
}

const inNewestPoint = async (scene: Scene, traceIds: readonly string[]): Promise<string[]> => {
  const found = await tracesInNewestPoint(scene.bucket.url);
  return traceIds.filter((traceId) => found.has(traceId));
};

afterAll(() => timings.print('Ways to the volume'));

kubernetesSuite('a backup of a volume that one node may mount', () => {
  let scene: Scene;
  let traceIds: string[];
  beforeAll(async () => {
    scene = await Scene.create();
    traceIds = await fill(scene);
  });
  afterAll(() => scene?.remove());

  it('reads it beside the running Tempo', async () => {
    await backUp(scene, 'ReadWriteOnce, mounted beside Tempo');
    expect(await inNewestPoint(scene, traceIds)).toEqual(traceIds);
    expect(await scene.tempo.missing(traceIds)).toEqual([]);
  });

  it('reads a clone of it', async () => {
    traceIds.push(...(await fill(scene)));
    await scene.applyRunner({ access: 'clone' });
    await backUp(scene, 'ReadWriteOnce, ephemeral clone');
    expect(await inNewestPoint(scene, traceIds)).toEqual(traceIds);
  });

  it('reads a clone of a volume snapshot, which has what was there when it was made', async () => {
    await scene.takeVolumeSnapshot('before');
    const later = await fill(scene);
    await scene.applyRunner({ access: 'clone', cloneOf: 'before' });
    await backUp(scene, 'ReadWriteOnce, clone of a volume snapshot');
    expect(await inNewestPoint(scene, [...traceIds, ...later])).toEqual(traceIds);
  });
});

kubernetesSuite('a backup of a volume that one pod may mount', () => {
  let scene: Scene;
  let traceIds: string[];
  beforeAll(async () => {
    scene = await Scene.create({ accessMode: 'ReadWriteOncePod' });
    traceIds = await fill(scene);
  });
  afterAll(() => scene?.remove());

  it('can not be made beside Tempo', async () => {
    const job = await scene.startJob('tempo-backup-hourly');
    const condition = await eventually('a pod that is not scheduled', async () => {
      const [pod] = await podsOf(scene.api, scene.namespace, job);
      return pod?.status.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
    });
    expect(condition.message).toMatch(/ReadWriteOncePod/);
    await scene.api.delete(reference('Job', scene.namespace, job));
  });

  it('reads a clone', async () => {
    await scene.applyRunner({ access: 'clone' });
    await backUp(scene, 'ReadWriteOncePod, ephemeral clone');
    expect(await inNewestPoint(scene, traceIds)).toEqual(traceIds);
  });

  it('leaves no clone behind when its Job is gone', async () => {
    const claims = (): Promise<KubernetesObject[]> =>
      scene.api.list(reference('PersistentVolumeClaim', scene.namespace, ''));
    expect((await claims()).length).toBeGreaterThan(1);
    for (const job of await scene.api.list<Pod>(reference('Job', scene.namespace, ''))) await scene.api.delete(job);
    await eventually('end of the clones', async () => (await claims()).length === 1);
  });
});
