import { ExitCode } from '../../../../lib/contract/exit-codes';
import { UsageError } from '../../../../runtime/errors';
import { renderSnapshot } from '../../../../runtime/text/render-snapshot';
import { snapshot } from '../../../../runtime/commands/snapshot/snapshot';
import { sourceOf } from '../../../helpers/buffer-source';
import { CLAIM, DAY, SnapshotScene, volumeSnapshot } from './snapshot-scene';

let scene: SnapshotScene;
afterEach(() => scene.stop());

describe('snapshot list', () => {
  it('says of cluster and records together what there is, newest first', async () => {
    scene = await SnapshotScene.start();
    scene.clock.standsAt = new Date('2026-11-23T02:00:00Z');
    await scene.run('create', '--rule', 'daily');
    scene.cluster.put(volumeSnapshot('by-hand'));
    scene.cluster.put(volumeSnapshot('of-others', { spec: { source: { persistentVolumeClaimName: 'grafana' } } }));
    const { exitCode, result } = await scene.run('list');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result.volumeSnapshots).toEqual([
      {
        ...{ name: 'data-tempo-0-20261123-020000', claim: CLAIM, createdAt: expect.any(String), bytes: 10 * 2 ** 30 },
        ...{ rule: 'daily', deleteAfter: '14d', state: 'ready', own: true, recorded: true, remark: null },
      },
      {
        ...{ name: 'by-hand', claim: CLAIM, createdAt: '2026-11-01T02:00:00.000Z', bytes: 10 * 2 ** 30 },
        ...{ rule: null, deleteAfter: null, state: 'ready', own: false, recorded: false },
        remark: 'not made by tempo-backup for this Tempo',
      },
    ]);
    expect(result.clusterError).toBeNull();
  });

  it('says where cluster and records disagree', async () => {
    scene = await SnapshotScene.start();
    await scene.run('create');
    const [name = ''] = scene.names();
    const [found] = scene.cluster.all('VolumeSnapshot');
    const state = async () => {
      const { volumeSnapshots } = (await scene.run('list')).result;
      return volumeSnapshots.map((each) => [each.name, each.state, each.recorded]);
    };
    if (found) scene.cluster.remove(found);
    expect(await state()).toEqual([[name, 'gone', true]]);
    // Another one of the same name.
    if (found) scene.cluster.put({ ...found, metadata: { ...found.metadata, uid: undefined } });
    expect((await state()).sort()).toEqual([
      [name, 'gone', true],
      [name, 'ready', false],
    ]);
    scene.storage.objects.delete(`pvc-snapshots/${name}.json`);
    expect(await state()).toEqual([[name, 'ready', false]]);
  });

  it('only looks: what has no record keeps having none', async () => {
    scene = await SnapshotScene.start();
    await scene.run('create');
    for (const key of scene.keys()) scene.storage.objects.delete(key);
    const { result } = await scene.run('list');
    expect(result.volumeSnapshots[0]?.remark).toContain('has no record');
    expect(scene.keys()).toEqual([]);
  });

  it.each([
    [{ status: { readyToUse: false } }, 'pending'],
    [{ status: { readyToUse: false, error: { message: 'no space' } } }, 'failed'],
    [{ metadata: { deletionTimestamp: '2026-11-23T00:00:00Z' } }, 'deleting'],
    [{}, 'ready'],
  ])('says of %j that it is %s', async (changes, state) => {
    scene = await SnapshotScene.start();
    scene.cluster.put(volumeSnapshot('a', changes));
    expect((await scene.run('list')).result.volumeSnapshots).toMatchObject([{ name: 'a', state }]);
  });

  it('shows records when the cluster can not be asked, and does not end as if all were well', async () => {
    scene = await SnapshotScene.start();
    await scene.run('create', '--rule', 'weekly');
    const cluster = () => Promise.reject(new UsageError('find the Kubernetes API: no'));
    const options = {
      action: 'list',
      output: 'json',
      logLevel: 'info',
      swap: false,
      dryRun: false,
      allow: [],
    } as const;
    const { exitCode, result } = await snapshot({ ...scene.context(), cluster }, options);
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result).toMatchObject({
      clusterError: 'find the Kubernetes API: no',
      volumeSnapshots: [{ claim: CLAIM, state: 'unknown', rule: 'weekly', deleteAfter: '90d', recorded: true }],
    });
    expect(renderSnapshot(result, new Date())).toMatch(/^FROM RECORDS ONLY: find the Kubernetes API: no\nVOLUME/);
  });

  it('does not call gone what was made in another namespace', async () => {
    scene = await SnapshotScene.start();
    await scene.run('create');
    const elsewhere = await SnapshotScene.start({
      config: {
        kubernetes: {
          ...{ namespace: 'other', workload: { kind: 'Deployment', name: 'tempo' }, persistentVolumeClaims: [CLAIM] },
        },
      },
    });
    const { repository } = scene;
    const options = {
      action: 'list',
      output: 'json',
      logLevel: 'info',
      swap: false,
      dryRun: false,
      allow: [],
    } as const;
    const { result } = await snapshot({ ...elsewhere.context(), repository }, options);
    await elsewhere.stop();
    expect(result).toMatchObject({
      volumeSnapshots: [{ state: 'unknown', remark: "it was made in namespace 'monitoring'" }],
    });
  });

  it('shows the others when a record is damaged, and ends with integrity', async () => {
    scene = await SnapshotScene.start();
    await scene.run('create');
    await scene.storage.put('pvc-snapshots/broken.json', sourceOf('{"format":1'));
    await scene.storage.put('pvc-snapshots/README', sourceOf('x'));
    const { exitCode, result } = await scene.run('list');
    expect([exitCode, result.volumeSnapshots.length]).toEqual([ExitCode.INTEGRITY, 1]);
    expect(scene.log.join('')).toMatch(/'pvc-snapshots\/broken.json' is damaged[^]*README/);
  });
});

describe('the table of volume snapshots', () => {
  it('has age, size, rule and state', async () => {
    scene = await SnapshotScene.start();
    const taken = new Date('2026-11-20T02:00:00Z');
    scene.cluster.put(
      volumeSnapshot('a', { status: { readyToUse: true, creationTime: taken.toISOString(), restoreSize: '1Gi' } }),
    );
    const { result } = await scene.run('list');
    const text = renderSnapshot({ ...result, requests: {}, seconds: {} }, new Date(taken.getTime() + 3 * DAY));
    expect(text.split('\n')).toEqual([
      'VOLUME SNAPSHOT  CLAIM         AGE     SIZE  RULE  KEPT FOR  STATE',
      'a                data-tempo-0  3 d  1.0 GiB  -     -         ready  not made by tempo-backup for this Tempo',
    ]);
  });

  it('says that there is nothing', async () => {
    scene = await SnapshotScene.start();
    const { result } = await scene.run('list');
    expect(renderSnapshot({ ...result, requests: {}, seconds: {} }, new Date())).toBe('no volume snapshots yet');
  });
});
