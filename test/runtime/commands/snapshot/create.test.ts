import { ExitCode } from '../../../../lib/contract/exit-codes';
import { deletedVolumeSnapshotKey } from '../../../../lib/contract/repository-layout';
import { StorageError } from '../../../../runtime/errors';
import { boundClaim, CLAIM, event, NAMESPACE, readyStatus, SnapshotScene, snapshotter } from './snapshot-scene';

let scene: SnapshotScene;
afterEach(() => scene.stop());

const OTHER = 'data-tempo-1';
const twoClaims = {
  kubernetes: {
    namespace: NAMESPACE,
    workload: { kind: 'StatefulSet', name: 'tempo' },
    persistentVolumeClaims: [CLAIM, OTHER],
  },
};

describe('snapshot create', () => {
  it('makes a volume snapshot of the claim, waits until it is ready, and records it', async () => {
    scene = await SnapshotScene.start();
    const { exitCode, result } = await scene.run('create', '--rule', 'daily');
    expect(exitCode).toBe(ExitCode.DONE);
    const [name = ''] = scene.names();
    expect(name).toMatch(/^data-tempo-0-\d{8}-\d{6}$/);
    expect(result).toMatchObject({
      volumeSnapshots: [
        ...[{ name, claim: CLAIM, state: 'ready', own: true, recorded: true, rule: 'daily', deleteAfter: '14d' }],
      ],
      failed: [],
      adopted: [],
      removed: [],
    });
    expect(scene.cluster.find('VolumeSnapshot', name)).toMatchObject({
      metadata: {
        labels: {
          'app.kubernetes.io/name': 'tempo-backup',
          'app.kubernetes.io/managed-by': 'tempo-backup',
          'app.kubernetes.io/component': 'volume-snapshot',
          'tempo-backup/tempo': 'tempo',
          'tempo-backup/rule': 'daily',
        },
        annotations: { 'tempo-backup/delete-after': '14d' },
      },
      spec: { volumeSnapshotClassName: 'csi-class', source: { persistentVolumeClaimName: CLAIM } },
    });
    expect(scene.record(name)).toMatchObject({
      format: 1,
      repository: scene.repository.identity.id,
      namespace: NAMESPACE,
      uid: scene.cluster.find('VolumeSnapshot', name)?.metadata.uid,
      source: {
        claim: CLAIM,
        volume: `pv-${CLAIM}`,
        storageClass: 'fast',
        driver: 'hostpath.csi.k8s.io',
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        bytes: 10 * 2 ** 30,
      },
      volumeSnapshotClass: 'csi-class',
      volumeSnapshotContent: 'snapcontent-1',
      restoreBytes: 10 * 2 ** 30,
      rule: 'daily',
      deleteAfter: '14d',
    });
  });

  it('makes one by hand that never expires, of the default class', async () => {
    const { volumeSnapshotClass: _none, ...kubernetes } = { ...twoClaims.kubernetes, volumeSnapshotClass: 'x' };
    scene = await SnapshotScene.start({ config: { kubernetes } });
    const { result } = await scene.run('create', '--claim', CLAIM);
    const [name = ''] = scene.names();
    expect(result.volumeSnapshots).toMatchObject([{ name, rule: null, deleteAfter: null }]);
    expect(scene.cluster.find('VolumeSnapshot', name)?.spec).not.toHaveProperty('volumeSnapshotClassName');
  });

  it('makes one of each claim and says of which there is none', async () => {
    scene = await SnapshotScene.start({ config: twoClaims });
    const { exitCode, result } = await scene.run('create');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.volumeSnapshots).toMatchObject([{ claim: CLAIM }]);
    expect(result.failed).toEqual([
      {
        claim: OTHER,
        message: `create volume snapshot of claim '${OTHER}': there is none in namespace '${NAMESPACE}'; correct 'kubernetes.persistentVolumeClaims', or bring it back by 'snapshot restore'`,
      },
    ]);
    expect(scene.keys()).toHaveLength(1);
  });

  it('takes the next second when the name is taken', async () => {
    scene = await SnapshotScene.start();
    scene.clock.standsAt = new Date('2026-11-23T08:30:00Z');
    await scene.run('create');
    await scene.run('create');
    expect(scene.names()).toEqual(['data-tempo-0-20261123-083000', 'data-tempo-0-20261123-083001']);
  });

  it.each([
    [['--claim', 'other'], "'other' is no claim of 'kubernetes.persistentVolumeClaims'; there are data-tempo-0"],
    [['--rule', 'hourly'], "'hourly' is no rule of 'plan.volumeSnapshots'; there are daily, weekly"],
  ])('refuses %j', async (args, message) => {
    scene = await SnapshotScene.start();
    await expect(scene.run('create', ...args)).rejects.toMatchObject({
      exitCode: ExitCode.CONFIGURATION,
      message: expect.stringContaining(message),
    });
    expect(scene.cluster.calls).toEqual([]);
  });
});

describe('a volume snapshot that fails', () => {
  const failing = (message: string) => snapshotter(() => ({ readyToUse: false, error: { message } }));

  it('is deleted again, and the driver’s words are told', async () => {
    scene = await SnapshotScene.start({ controllers: [failing('rpc error: no space in pool')] });
    const { exitCode, result } = await scene.run('create', '--deadline', '1s');
    expect(exitCode).toBe(ExitCode.FAILED);
    expect(result.failed[0]?.message).toMatch(
      /^create volume snapshot '.*': it wasn't ready within 1s: rpc error: no space in pool; .*; it was deleted again$/,
    );
    expect([scene.names(), scene.keys()]).toEqual([[], []]);
    expect(scene.log.join('')).toContain('no space in pool');
  });

  it.each([
    'Failed to get snapshot class with error volumesnapshotclass.snapshot.storage.k8s.io "csi-class" not found',
    'Failed to set default snapshot class with error cannot find default snapshot class',
  ])('for its class is given up at once: %s', async (message) => {
    scene = await SnapshotScene.start({ controllers: [failing(message)] });
    const { exitCode, result } = await scene.run('create', '--deadline', '5m');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.failed[0]?.message).toContain(`${message}; set 'kubernetes.volumeSnapshotClass'`);
    expect([scene.names(), scene.keys()]).toEqual([[], []]);
  });

  it('goes on waiting after an error that passes', async () => {
    scene = await SnapshotScene.start({ controllers: [failing('busy')] });
    const pending = scene.run('create', '--deadline', '1m');
    await eventually(() => scene.names().length > 0);
    const [found] = scene.cluster.all('VolumeSnapshot');
    setTimeout(() => found && scene.cluster.put({ ...found, status: readyStatus() }), 600);
    expect(await pending).toMatchObject({ exitCode: ExitCode.DONE, result: { failed: [] } });
  });

  it('because it stays pending is told with its events', async () => {
    scene = await SnapshotScene.start({
      controllers: [
        snapshotter(() => undefined),
        ({ type, object }, cluster) => {
          if (type === 'ADDED' && object.kind === 'VolumeSnapshot')
            cluster.put(event(object, 'SnapshotContentCreationFailed', 'the driver is asleep.'));
        },
      ],
    });
    const { exitCode, result } = await scene.run('create', '--deadline', '300ms');
    expect(exitCode).toBe(ExitCode.FAILED);
    expect(result.failed[0]?.message).toContain(
      "it wasn't ready within 300ms: SnapshotContentCreationFailed: the driver is asleep; ",
    );
    expect(scene.names()).toEqual([]);
  });

  it('because no controller runs is told so', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const { result } = await scene.run('create', '--deadline', '300ms');
    expect(result.failed[0]?.message).toContain('is a snapshot controller running?');
  });

  it('for a claim without a volume is not even asked for', async () => {
    const pending = boundClaim(CLAIM, { status: { phase: 'Pending' }, spec: { volumeName: undefined } });
    const waiting = event(pending, 'WaitForFirstConsumer', 'waiting for first consumer');
    scene = await SnapshotScene.start({ objects: [pending, waiting] });
    const { exitCode, result } = await scene.run('create');
    expect(exitCode).toBe(ExitCode.FAILED);
    expect(result.failed[0]?.message).toContain(
      'it is Pending, there is no volume behind it (WaitForFirstConsumer: waiting for first consumer)',
    );
    expect(scene.cluster.calls.map(({ verb }) => verb)).not.toContain('create');
  });

  it('for a missing CRD says what to install', async () => {
    scene = await SnapshotScene.start();
    scene.cluster.fault = ({ resource }) => (resource === 'volumesnapshots' ? { status: 404 } : undefined);
    await expect(scene.run('create')).rejects.toMatchObject({
      exitCode: ExitCode.CONFIGURATION,
      message: expect.stringContaining('install the CRDs and the snapshot controller'),
    });
  });

  it('for missing rights says which verb on what', async () => {
    scene = await SnapshotScene.start({
      rights: [
        { group: 'snapshot.storage.k8s.io', resource: 'volumesnapshots', verbs: ['list'] },
        { group: '', resource: 'persistentvolumeclaims', verbs: ['get'] },
      ],
    });
    const { exitCode, result } = await scene.run('create');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.failed[0]?.message).toContain("may not 'create' 'volumesnapshots' in namespace 'monitoring'");
  });

  it('for a used-up quota says which', async () => {
    scene = await SnapshotScene.start();
    const message =
      'volumesnapshots "x" is forbidden: exceeded quota: few, requested: count=1, used: count=3, limited: count=3';
    scene.cluster.fault = ({ verb }) => (verb === 'create' ? { status: 403, message } : undefined);
    const { exitCode, result } = await scene.run('create');
    expect(exitCode).toBe(ExitCode.FAILED);
    expect(result.failed[0]?.message).toMatch(/: exceeded quota: few, .* limited: count=3; delete volume snapshots/);
  });

  it('that somebody deletes meanwhile is not waited for', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const pending = scene.run('create', '--deadline', '1m');
    await eventually(() => scene.names().length > 0);
    for (const found of scene.cluster.all('VolumeSnapshot')) scene.cluster.remove(found);
    expect((await pending).result.failed[0]?.message).toContain('somebody deleted it while it was awaited');
  });

  it('and can not be deleted says so, and the next run deletes it', async () => {
    scene = await SnapshotScene.start({ controllers: [failing('broken')] });
    scene.cluster.fault = ({ verb }) => (verb === 'delete' ? { status: 400 } : undefined);
    const { result } = await scene.run('create', '--deadline', '300ms');
    const [name = ''] = scene.names();
    expect(result.failed[0]?.message).toContain("could not be deleted (delete 'volumesnapshots/");
    scene.cluster.fault = () => undefined;
    scene.clock.ahead = 5000;
    expect((await scene.run('create', '--deadline', '300ms')).result.removed).toEqual([name]);
    expect(scene.names()).toEqual([]);
  });
});

describe('a run that was killed before it recorded', () => {
  async function kill(): Promise<string> {
    const pending = scene.run('create', '--deadline', '10s');
    await eventually(() => scene.names().length > 0);
    scene.controller.abort(new Error('killed'));
    await expect(pending).rejects.toThrow();
    return scene.names()[0] ?? '';
  }

  /** As the same command in a new process. */
  async function next(): Promise<SnapshotScene> {
    const fresh = await SnapshotScene.start({ controllers: [snapshotter()] });
    for (const object of scene.cluster.all('VolumeSnapshot'))
      fresh.cluster.put({ status: { readyToUse: false }, ...object });
    await scene.stop();
    return fresh;
  }

  it('leaves one that the next run adopts when it has become ready', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const name = await kill();
    scene = await next();
    const [found] = scene.cluster.all('VolumeSnapshot');
    if (found) scene.cluster.put({ ...found, status: readyStatus() });
    const { exitCode, result } = await scene.run('create', '--rule', 'weekly');
    expect([exitCode, result.adopted]).toEqual([ExitCode.DONE, [name]]);
    expect(scene.record(name)).toMatchObject({ source: { claim: CLAIM, bytes: 10 * 2 ** 30 }, rule: null });
    expect(scene.keys()).toHaveLength(2);
  });

  it('leaves one that is not touched while it may still be awaited, and deleted after that', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const name = await kill();
    scene = await next();
    expect((await scene.run('create')).result).toMatchObject({ adopted: [], removed: [] });
    expect(scene.names()).toContain(name);
    scene.clock.ahead = 20_000;
    expect((await scene.run('create')).result.removed).toEqual([name]);
    expect(scene.names()).not.toContain(name);
  });

  it('leaves one that is no hindrance when it can not be settled', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const name = await kill();
    scene = await next();
    scene.clock.ahead = 20_000;
    scene.cluster.fault = ({ verb }) => (verb === 'delete' ? { status: 403 } : undefined);
    const { exitCode, result } = await scene.run('create');
    expect([exitCode, result.removed, result.volumeSnapshots.length]).toEqual([ExitCode.DONE, [], 1]);
    expect(scene.log.join('')).toContain(`may not 'delete' 'volumesnapshots/${name}'`);
  });

  it('leaves nothing that is taken from others: without labels of the runner it stays', async () => {
    scene = await SnapshotScene.start({ controllers: [] });
    const name = await kill();
    scene = await next();
    const [found] = scene.cluster.all('VolumeSnapshot');
    if (found) scene.cluster.put({ ...found, metadata: { ...found.metadata, labels: {} } });
    scene.clock.ahead = 20_000;
    expect((await scene.run('create')).result).toMatchObject({ adopted: [], removed: [] });
    expect(scene.names()).toContain(name);
  });
});

it('keeps a good volume snapshot when the repository is away, and the next run records it', async () => {
  scene = await SnapshotScene.start();
  jest.spyOn(scene.storage, 'put').mockRejectedValueOnce(new StorageError("put 'x': the bucket is away"));
  const { exitCode, result } = await scene.run('create');
  expect(exitCode).toBe(ExitCode.FAILED);
  expect(result.failed[0]?.message).toContain("is ready and stays, the next 'snapshot create' or 'prune' records it");
  const [name = ''] = scene.names();
  expect((await scene.run('create')).result.adopted).toEqual([name]);
  expect(scene.storage.objects.has(deletedVolumeSnapshotKey(name))).toBe(false);
});

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
