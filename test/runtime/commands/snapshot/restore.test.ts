import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { type ClusterDouble, type Controller } from '../../../helpers/cluster-double';
import { boundClaim, CLAIM, event, NAMESPACE, SnapshotScene, snapshotter, volumeSnapshot } from './snapshot-scene';

let scene: SnapshotScene;
afterEach(() => scene.stop());

const SNAPSHOT = volumeSnapshot('by-hand');
const RESTORED = 'data-tempo-0-restored-20261101-020000';

/** What binds new claims. */
const provisioner: Controller = ({ type, object }, cluster) => {
  if (type === 'ADDED' && object.kind === 'PersistentVolumeClaim' && object.status === undefined)
    cluster.put({ ...object, status: { phase: 'Bound', capacity: { storage: '12Gi' } } });
};

function workload(kind: 'Deployment' | 'StatefulSet', volumes: object[], templates: string[] = []): ClusterObject {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'tempo', namespace: NAMESPACE },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'tempo' } },
      template: { spec: { volumes } },
      volumeClaimTemplates: templates.map((name) => ({ metadata: { name } })),
    },
    status: { observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1 },
  };
}

const volumes = [
  { name: 'conf', configMap: { name: 'tempo' } },
  { name: 'data', persistentVolumeClaim: { claimName: CLAIM } },
];
const deployment = workload('Deployment', volumes);

const pod: ClusterObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'tempo-x', namespace: NAMESPACE, labels: { app: 'tempo' } },
  status: { phase: 'Running' },
};

/** What a workload's controller does: pods, then its status. */
function runsPods(options: { readonly stuck?: boolean; readonly neverReady?: boolean } = {}): Controller {
  return ({ type, object }, cluster: ClusterDouble) => {
    if (type !== 'MODIFIED' || !['Deployment', 'StatefulSet'].includes(object.kind)) return;
    const now = cluster.find(object.kind, 'tempo') ?? object;
    const { generation } = now.metadata as { generation?: number };
    const { replicas } = now.spec as { replicas: number };
    if ((now.status as { observedGeneration?: number }).observedGeneration === generation) return;
    if (replicas === 0 && !options.stuck && cluster.find('Pod', 'tempo-x')) cluster.remove(pod);
    if (replicas > 0) cluster.put(pod);
    const ready = options.neverReady ? 0 : replicas;
    cluster.put({
      ...now,
      status: { observedGeneration: generation, readyReplicas: ready, updatedReplicas: replicas },
    });
  };
}

async function start(
  objects: readonly ClusterObject[],
  options: { controllers?: readonly Controller[]; kind?: string } = {},
): Promise<void> {
  const { controllers = [provisioner, snapshotter(), runsPods()], kind = 'Deployment' } = options;
  const kubernetes = { namespace: NAMESPACE, workload: { kind, name: 'tempo' }, persistentVolumeClaims: [CLAIM] };
  scene = await SnapshotScene.start({ objects, controllers, config: { kubernetes } });
}

describe('snapshot restore', () => {
  it('makes a claim with the size, class and access modes of the one that the volume snapshot is of', async () => {
    await start([boundClaim(CLAIM), SNAPSHOT]);
    const { exitCode, result } = await scene.run('restore', '--name', 'by-hand');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({
      volumeSnapshot: 'by-hand',
      claim: { name: RESTORED, bytes: 10 * 2 ** 30, storageClass: 'fast', state: 'bound' },
      swap: null,
    });
    expect(scene.cluster.find('PersistentVolumeClaim', RESTORED)).toMatchObject({
      metadata: {
        annotations: {
          'tempo-backup/restored-from': `by-hand/${scene.cluster.find('VolumeSnapshot', 'by-hand')?.metadata.uid ?? ''}`,
        },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        storageClassName: 'fast',
        resources: { requests: { storage: '10Gi' } },
        dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'by-hand' },
      },
    });
  });

  it('asks for the restore size when that is larger', async () => {
    await start([boundClaim(CLAIM), { ...SNAPSHOT, status: { readyToUse: true, restoreSize: '12884901889' } }]);
    const { result } = await scene.run('restore', '--name', 'by-hand', '--claim', 'mine');
    expect(result.claim).toMatchObject({ name: 'mine', bytes: 12884901889 });
    expect(scene.cluster.find('PersistentVolumeClaim', 'mine')?.spec).toMatchObject({
      resources: { requests: { storage: '12884901889' } },
    });
  });

  it('needs neither the claim nor the record for one that the runner made', async () => {
    await start([boundClaim(CLAIM)]);
    await scene.run('create');
    const [name = ''] = scene.names();
    scene.cluster.remove(boundClaim(CLAIM));
    for (const key of scene.keys()) scene.storage.objects.delete(key);
    const { result } = await scene.run('restore', '--name', name, '--claim', CLAIM);
    expect(result.claim).toMatchObject({ name: CLAIM, storageClass: 'fast', accessModes: ['ReadWriteOnce'] });
  });

  it('is done again without harm, and refuses a claim that is another one', async () => {
    await start([boundClaim(CLAIM), boundClaim('taken'), SNAPSHOT]);
    await scene.run('restore', '--name', 'by-hand');
    expect((await scene.run('restore', '--name', 'by-hand')).result.claim).toMatchObject({ state: 'bound' });
    await expect(scene.run('restore', '--name', 'by-hand', '--claim', 'taken')).rejects.toMatchObject({
      exitCode: ExitCode.REFUSED,
      message: expect.stringContaining("there is a claim 'taken' already"),
    });
  });

  it('only asks the server in a dry run', async () => {
    await start([boundClaim(CLAIM), SNAPSHOT, deployment]);
    const { result } = await scene.run('restore', '--name', 'by-hand', '--swap', '--dry-run');
    expect(result).toMatchObject({ dryRun: true, claim: { state: 'planned' }, swap: { done: false, steps: [] } });
    expect(scene.cluster.calls.filter(({ verb }) => !['get', 'list'].includes(verb))).toMatchObject([{ dryRun: true }]);
    expect(scene.cluster.all('PersistentVolumeClaim')).toHaveLength(1);
  });

  it('says that the claim waits for a pod where its class does so', async () => {
    const waits: Controller = ({ type, object }, cluster) => {
      if (type === 'ADDED' && object.kind === 'PersistentVolumeClaim')
        cluster.put({ ...event(object, 'WaitForFirstConsumer', 'waiting'), type: 'Normal' });
    };
    await start([boundClaim(CLAIM), SNAPSHOT], { controllers: [waits] });
    const { result } = await scene.run('restore', '--name', 'by-hand');
    expect(result.claim?.state).toBe('waits-for-pod');
  });

  it('deletes a claim that gets no volume, and says why', async () => {
    const fails: Controller = ({ type, object }, cluster) => {
      if (type === 'ADDED' && object.kind === 'PersistentVolumeClaim')
        cluster.put(event(object, 'ProvisioningFailed', 'storageclass "fast" not found'));
    };
    await start([boundClaim(CLAIM), SNAPSHOT], { controllers: [fails] });
    await expect(scene.run('restore', '--name', 'by-hand', '--deadline', '300ms')).rejects.toMatchObject({
      exitCode: ExitCode.FAILED,
      message: expect.stringMatching(
        /ProvisioningFailed: storageclass "fast" not found; .*; the claim was deleted again$/,
      ),
    });
    expect(scene.cluster.find('PersistentVolumeClaim', RESTORED)).toBeUndefined();
  });

  it.each<[string, ClusterObject[], string]>([
    ['missing', [], "there is none in namespace 'monitoring'; see 'snapshot list'"],
    ['not ready', [{ ...SNAPSHOT, status: { error: { message: 'no space' } } }], "it isn't ready to use: no space"],
    [
      'being deleted',
      [{ ...SNAPSHOT, metadata: { ...SNAPSHOT.metadata, deletionTimestamp: '2026-11-23T00:00:00Z' } }],
      'it is being deleted',
    ],
  ])('refuses a volume snapshot that is %s', async (_, objects, message) => {
    await start([boundClaim(CLAIM), ...objects]);
    await expect(scene.run('restore', '--name', 'by-hand')).rejects.toMatchObject({
      exitCode: ExitCode.CONFIGURATION,
      message: expect.stringContaining(message),
    });
  });

  it('tells of one that was recorded that it is gone', async () => {
    await start([boundClaim(CLAIM)]);
    await scene.run('create');
    const [found] = scene.cluster.all('VolumeSnapshot');
    if (found) scene.cluster.remove(found);
    await expect(scene.run('restore', '--name', found?.metadata.name ?? '')).rejects.toThrow(
      "it was recorded and isn't in the cluster any more",
    );
  });

  it('refuses the volume snapshot of another Tempo unless asked to', async () => {
    const other = { ...SNAPSHOT, spec: { source: { persistentVolumeClaimName: 'other' } } };
    await start([boundClaim(CLAIM), boundClaim('other'), other]);
    await expect(scene.run('restore', '--name', 'by-hand')).rejects.toMatchObject({
      ...{ exitCode: ExitCode.REFUSED, lift: 'other-tempo' },
    });
    expect((await scene.run('restore', '--name', 'by-hand', '--allow', 'other-tempo')).exitCode).toBe(ExitCode.DONE);
  });
});

describe('snapshot restore --swap', () => {
  const restore = (...args: string[]) => scene.run('restore', '--name', 'by-hand', '--swap', ...args);
  const current = (kind = 'Deployment') => scene.cluster.find(kind, 'tempo');

  it('stops a Deployment, gives it the new claim, starts it, and keeps the old claim', async () => {
    await start([boundClaim(CLAIM), SNAPSHOT, deployment, pod]);
    const { exitCode, result } = await restore();
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result.swap).toMatchObject({ workload: 'deployment/tempo', replacedClaim: CLAIM, done: true, steps: [] });
    expect(current()?.spec).toMatchObject({
      replicas: 1,
      template: {
        spec: {
          volumes: [volumes[0], { name: 'data', persistentVolumeClaim: { claimName: RESTORED } }],
        },
      },
    });
    expect(current()?.metadata.annotations).toEqual({});
    expect(scene.cluster.find('PersistentVolumeClaim', CLAIM)).toBeDefined();
    const scaled = scene.cluster.calls.filter(({ resource, verb }) => resource === 'deployments' && verb === 'patch');
    expect(scaled).toHaveLength(2);
  });

  it('does so with a StatefulSet whose volume names the claim', async () => {
    await start([boundClaim(CLAIM), SNAPSHOT, workload('StatefulSet', volumes), pod], { kind: 'StatefulSet' });
    expect((await restore()).result.swap).toMatchObject({ workload: 'statefulset/tempo', done: true });
  });

  it('does not stop a StatefulSet that would delete its other claims then', async () => {
    const set = workload('StatefulSet', volumes, ['other']);
    const keepsNone = { ...(set.spec as object), persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } };
    await start([boundClaim(CLAIM), SNAPSHOT, { ...set, spec: keepsNone }, pod], { kind: 'StatefulSet' });
    await expect(restore()).rejects.toMatchObject({
      exitCode: ExitCode.REFUSED,
      message: expect.stringMatching(/^scale statefulset\/tempo to zero: it would delete its claims/),
    });
    expect(scene.cluster.calls.filter(({ verb }) => verb === 'patch')).toEqual([]);
  });

  it('scales up again what does not stop, and changes nothing else', async () => {
    const controllers = [provisioner, runsPods({ stuck: true })];
    await start([boundClaim(CLAIM), SNAPSHOT, deployment, pod], { controllers });
    await expect(restore('--deadline', '300ms')).rejects.toMatchObject({
      exitCode: ExitCode.FAILED,
      message: expect.stringMatching(/^stop deployment\/tempo: tempo-x still there after 300ms, so it was scaled to 1/),
    });
    expect(current()?.spec).toMatchObject({ replicas: 1, template: { spec: { volumes } } });
    expect(current()?.metadata.annotations).toEqual({});
  });

  it('keeps what somebody else changes meanwhile', async () => {
    await start([boundClaim(CLAIM), SNAPSHOT, deployment, pod]);
    let patches = 0;
    scene.cluster.fault = ({ verb }) => {
      const found = current();
      if (verb === 'patch' && ++patches === 2 && found) {
        const template = { spec: { volumes: [...volumes, { name: 'scratch', emptyDir: {} }] } };
        scene.cluster.put({ ...found, spec: { ...(found.spec as object), template } });
      }
      return undefined;
    };
    expect((await restore()).result.swap?.done).toBe(true);
    expect(current()?.spec).toMatchObject({
      template: { spec: { volumes: [{}, { persistentVolumeClaim: { claimName: RESTORED } }, { name: 'scratch' }] } },
    });
  });

  it('says how to go back when Tempo does not become ready', async () => {
    const controllers = [provisioner, runsPods({ neverReady: true })];
    await start([boundClaim(CLAIM), SNAPSHOT, deployment, pod], { controllers });
    await expect(restore('--deadline', '300ms')).rejects.toThrow(
      /isn't ready with claim .* go back by: kubectl -n monitoring scale deployment\/tempo --replicas=0 && kubectl .*"claimName":"data-tempo-0"/,
    );
  });

  it.each([1, 2, 3, 4])('goes on when it was killed at write %i', async (dyingAt) => {
    await start([boundClaim(CLAIM), SNAPSHOT, deployment, pod]);
    let writes = 0;
    scene.cluster.fault = ({ verb }) => {
      if (['get', 'list'].includes(verb)) return undefined;
      return ++writes >= dyingAt ? { status: 400 } : undefined;
    };
    await restore().then(
      () => expect(writes).toBeLessThan(dyingAt),
      (error: unknown) => expect(error).toMatchObject({ exitCode: ExitCode.FAILED }),
    );
    scene.cluster.fault = () => undefined;
    const log = scene.log.join('');
    if (dyingAt === 3) expect(log).toContain('start it by: kubectl -n monitoring scale deployment/tempo --replicas=1');
    expect((await restore()).result.swap).toMatchObject({ done: true });
    expect(current()?.spec).toMatchObject({
      replicas: 1,
      template: { spec: { volumes: [volumes[0], { persistentVolumeClaim: { claimName: RESTORED } }] } },
    });
    expect(current()?.metadata.annotations).toEqual({});
  });

  it('tells the steps where a template fixes the name of the claim, and changes nothing', async () => {
    const set = workload('StatefulSet', [], ['data']);
    await start([boundClaim(CLAIM), SNAPSHOT, set, pod], { kind: 'StatefulSet' });
    scene.clock.standsAt = new Date('2026-11-23T08:30:00Z');
    const { exitCode, result } = await restore();
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.claim).toBeNull();
    expect(result.swap).toMatchObject({ done: false, replacedClaim: 'data-tempo-0-replaced-20261123-083000' });
    const commands = [
      'patch pv pv-data-tempo-0 ',
      'scale ',
      'delete pvc ',
      'patch pv ',
      'create ',
      'create ',
      'scale ',
      'rollout ',
    ];
    expect(result.swap?.steps).toEqual(commands.map((each): unknown => expect.stringContaining(each)));
    expect(result.swap?.steps[5]).toContain('"name":"by-hand"');
    expect(result.swap?.steps[0]).toContain('"persistentVolumeReclaimPolicy":"Retain"');
    expect(result.swap?.steps[3]).toContain('"claimRef":{"name":"data-tempo-0-replaced-20261123-083000"');
    expect(scene.cluster.calls.filter(({ verb }) => !['get', 'list'].includes(verb))).toEqual([]);
  });

  it('makes the claim itself where Tempo has lost it', async () => {
    const set = workload('StatefulSet', [], ['data']);
    await start([SNAPSHOT, set, pod], { kind: 'StatefulSet' });
    scene.cluster.put(boundClaim(CLAIM));
    await scene.run('create');
    scene.cluster.remove(boundClaim(CLAIM));
    const [name = ''] = scene.names().filter((each) => each !== 'by-hand');
    const { exitCode, result } = await scene.run('restore', '--name', name, '--swap');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ claim: { name: CLAIM, state: 'bound' }, swap: { done: true, undo: [] } });
  });

  it('refuses a name of its own for a claim that a template names', async () => {
    await start([boundClaim(CLAIM), workload('StatefulSet', [], ['data'])], { kind: 'StatefulSet' });
    await scene.run('create');
    scene.cluster.remove(boundClaim(CLAIM));
    await expect(scene.run('restore', '--name', scene.names()[0] ?? '', '--swap', '--claim', 'mine')).rejects.toThrow(
      "fixes the name of its claim; leave out '--claim'",
    );
  });

  it.each([
    ['that does not use the claim', [workload('Deployment', [])], "deployment/tempo doesn't use it"],
    ['that is not there', [], "find workload 'deployment/tempo': there is none"],
  ])('refuses a workload %s', async (_, objects, message) => {
    await start([boundClaim(CLAIM), SNAPSHOT, ...objects]);
    await expect(restore()).rejects.toMatchObject({
      exitCode: ExitCode.CONFIGURATION,
      message: expect.stringContaining(message),
    });
    expect(scene.cluster.all('PersistentVolumeClaim')).toHaveLength(1);
  });
});
