import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { type Ran, type StorageClasses, VolumeSnapshotScene } from './volume-snapshot-scene';

const { KUBECONFIG, E2E_HELPER_IMAGE: image = '', E2E_CSI_FAULTS: faults } = process.env;
const CLAIM = 'data';

// A node may be drained or busy with other suites.
jest.setTimeout(400_000);

const hasCluster = KUBECONFIG !== undefined && image !== '';
if (!hasCluster)
  process.stderr.write('volume snapshots: skipped, set KUBECONFIG and E2E_HELPER_IMAGE (an image with /bin/sh)\n');
const suite = hasCluster ? describe : describe.skip;
const faultSuite = hasCluster && faults !== undefined ? describe : describe.skip;
if (hasCluster && faults === undefined)
  process.stderr.write('faults of the CSI driver: skipped, set E2E_CSI_FAULTS to the folder where it looks for them\n');

const timings: string[] = [];
const timed = (what: string, seconds: number): void => void timings.push(`${what}: ${seconds.toFixed(1)} s`);

suite('volume snapshots in a cluster', () => {
  let scene: VolumeSnapshotScene;
  let classes: StorageClasses;
  let identity: string;
  let configuration: (changes?: { claim?: string; kind?: string; workload?: string; class?: string }) => object;

  beforeAll(async () => {
    scene = await VolumeSnapshotScene.create(image);
    classes = await scene.storageClasses();
    identity = await scene.identity('snapshot', [CLAIM, 'set-tempo-set-0', 'set-tempo-wait-0']);
    configuration = (changes = {}) => ({
      kubernetes: {
        namespace: scene.namespace,
        workload: { kind: changes.kind ?? 'Deployment', name: changes.workload ?? 'tempo' },
        persistentVolumeClaims: [changes.claim ?? CLAIM],
        volumeSnapshotClass: changes.class ?? classes.snapshotClass,
      },
      plan: {
        volumeSnapshots: [
          { name: 'daily', schedule: { cron: '0 2 * * *' }, deleteAfter: '14d' },
          { name: 'short', schedule: { cron: '* * * * *' }, deleteAfter: '1s' },
        ],
      },
    });
    await scene.apply(claimOf(CLAIM, classes.immediate), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'tempo' },
      spec: {
        strategy: { type: 'Recreate' },
        selector: { matchLabels: { app: 'tempo' } },
        template: scene.podTemplate(CLAIM, 'tempo'),
      },
    });
    await scene.kubectl('rollout', 'status', 'deployment/tempo', '--timeout=180s');
  });

  afterAll(async () => {
    process.stdout.write(`${['volume snapshots, measured:', ...timings].join('\n  ')}\n`);
    await scene.remove();
  });

  /** As the ServiceAccount that has the rights of `snapshot` and nothing else. */
  const create = (...args: string[]) => scene.run('create', args, { config: configuration(), kubeconfig: identity });
  const prune = (...args: string[]) => scene.run('prune', args, { config: configuration(), kubeconfig: identity });
  const list = () => scene.run('list', [], { config: configuration(), kubeconfig: identity });

  it('are created, listed, restored into the workload’s place, with the data of their time', async () => {
    const { exitCode, result, seconds } = await create('--rule', 'daily');
    expect([exitCode, result.failed]).toEqual([ExitCode.DONE, []]);
    timed('create', seconds);
    const [{ name = '' } = {}] = result.volumeSnapshots;
    expect((await list()).result.volumeSnapshots).toMatchObject([
      { name, claim: CLAIM, state: 'ready', own: true, recorded: true, remark: null, rule: 'daily' },
    ]);

    const before = await scene.inPod('deployment/tempo', 'md5sum /data/lines');
    await scene.inPod('deployment/tempo', 'echo broken > /data/lines; sync');
    const restored = await scene.run('restore', ['--name', name, '--swap'], { config: configuration() });
    expect([restored.exitCode, restored.result.swap?.done]).toEqual([ExitCode.DONE, true]);
    timed('restore of a Deployment’s claim, stopped, swapped and started', restored.seconds);
    expect(await scene.inPod('deployment/tempo', 'md5sum /data/lines')).toBe(before);
    expect(await scene.names('pvc')).toContain(CLAIM);

    // The way back that the result shows.
    for (const step of restored.result.swap?.undo ?? []) await scene.shell(step);
    expect(await scene.inPod('deployment/tempo', 'cat /data/lines')).toBe('broken');
  });

  it('are pruned by rule, the newest kept, and with them what the driver had stored', async () => {
    const [first, second] = [await create('--rule', 'short'), await create('--rule', 'short')];
    const names = [first, second].map(({ result }) => result.volumeSnapshots[0]?.name ?? '');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { exitCode, result, seconds } = await prune();
    expect([exitCode, result.deleted]).toEqual([ExitCode.DONE, [names[0]]]);
    expect(result.kept).toContainEqual({ name: names[1], reasons: ['newest of its claim'] });
    timed('prune', seconds);
    expect(await scene.names('volumesnapshot')).not.toContain(names[0]);
    expect((await list()).result.volumeSnapshots.map(({ name }) => name)).not.toContain(names[0]);
  });

  it.each(['set', 'wait'])('take the place of a template’s claim by the printed steps (%s)', async (kind) => {
    const storageClass = kind === 'set' ? classes.immediate : classes.all.find((each) => each !== classes.immediate);
    if (storageClass === undefined) return;
    const workload = `tempo-${kind}`;
    const claim = `set-${workload}-0`;
    await scene.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: workload },
      spec: {
        serviceName: workload,
        // The worst case: scaling down deletes the claim.
        persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Retain' },
        selector: { matchLabels: { app: workload } },
        template: withVolume(scene.podTemplate(undefined, workload), 'set'),
        volumeClaimTemplates: [{ metadata: { name: 'set' }, spec: claimSpec(storageClass) }],
      },
    });
    await scene.kubectl('rollout', 'status', `statefulset/${workload}`, '--timeout=180s');
    const config = configuration({ kind: 'StatefulSet', workload, claim });
    const [{ name = '' } = {}] = (await scene.run('create', [], { config, kubeconfig: identity })).result
      .volumeSnapshots;
    const before = await scene.inPod(`${workload}-0`, 'md5sum /data/lines');
    await scene.inPod(`${workload}-0`, 'echo broken > /data/lines; sync');

    const { exitCode, result } = await scene.run('restore', ['--name', name, '--swap'], { config });
    expect([exitCode, result.swap?.done]).toEqual([ExitCode.REFUSED, false]);
    const began = performance.now();
    for (const step of result.swap?.steps ?? []) await scene.shell(step);
    timed(`steps by hand for a StatefulSet (${storageClass})`, (performance.now() - began) / 1000);
    expect(await scene.inPod(`${workload}-0`, 'md5sum /data/lines')).toBe(before);
    const kept = result.swap?.replacedClaim ?? '';
    await scene.kubectl('wait', `pvc/${kept}`, '--for=jsonpath={.status.phase}=Bound', '--timeout=30s');
    expect(await dataOf(scene, kept)).toBe('broken');
  });

  describe('that can not be made', () => {
    let before: string[];
    let records: number;
    beforeEach(async () => {
      before = await scene.names('volumesnapshot');
      records = (await list()).result.volumeSnapshots.length;
    });

    async function leavesNothing(ran: Ran<'create'>, message: RegExp | string): Promise<void> {
      expect(ran.result.failed.map((each) => each.message)).toEqual([expect.stringMatching(message)]);
      expect(ran.result.failed[0]?.message).toMatch(/it was deleted again$/);
      expect(await scene.names('volumesnapshot')).toEqual(before);
      expect((await list()).result.volumeSnapshots).toHaveLength(records);
    }

    it('for a missing class say so at once', async () => {
      const config = configuration({ class: 'no-such-class' });
      const ran = await scene.run('create', [], { config, kubeconfig: identity });
      expect(ran.exitCode).toBe(ExitCode.CONFIGURATION);
      timed('create with a missing class fails after', ran.seconds);
      await leavesNothing(ran, /"no-such-class" not found; set 'kubernetes.volumeSnapshotClass'/);
    });

    it('for a missing claim say which', async () => {
      const config = configuration({ claim: 'set-tempo-set-0' });
      await scene.kubectl('delete', 'statefulset/tempo-set', 'pvc/set-tempo-set-0', '--ignore-not-found');
      const { exitCode, result } = await scene.run('create', [], { config, kubeconfig: identity });
      expect([exitCode, result.failed]).toMatchObject([ExitCode.CONFIGURATION, [{ claim: 'set-tempo-set-0' }]]);
    });

    it('for missing rights say which verb on what', async () => {
      const nobody = await scene.identity('nobody', undefined);
      const options = { config: configuration(), kubeconfig: nobody, mayFail: true };
      const { exitCode, result } = await scene.run('create', [], options);
      expect(exitCode).toBe(ExitCode.CONFIGURATION);
      expect(result.error?.message).toBe(
        `call the Kubernetes API: may not 'list' 'volumesnapshots' in namespace '${scene.namespace}'; grant it to ServiceAccount 'nobody'`,
      );
    });

    it('for a used-up quota say which', async () => {
      await scene.kubectl('create', 'quota', 'few', '--hard=count/volumesnapshots.snapshot.storage.k8s.io=0');
      const counted = ['wait', 'quota/few', '--for=jsonpath={.status.hard}', '--timeout=20s'];
      await scene.kubectl(...counted);
      const { exitCode, result } = await create();
      await scene.kubectl('delete', 'quota', 'few');
      expect(exitCode).toBe(ExitCode.FAILED);
      expect(result.failed[0]?.message).toMatch(/exceeded quota: few, .*; delete volume snapshots/);
    });

    faultSuite('by the driver', () => {
      const fault = (name: string): string => join(faults ?? '', name);
      async function during<T>(name: string, text: string, work: () => Promise<T>): Promise<T> {
        await writeFile(fault(name), text);
        try {
          return await work();
        } finally {
          await rm(fault(name));
        }
      }

      it('say what the driver says', async () => {
        const ran = await during('CreateSnapshot', 'no space in the pool', () => create('--deadline', '5s'));
        expect(ran.exitCode).toBe(ExitCode.FAILED);
        timed('create with a failing driver and a deadline of 5 s fails after', ran.seconds);
        await leavesNothing(ran, /wasn't ready within 5s: .*no space in the pool/);
      });

      it('in time say that they are not ready, and nothing stays', async () => {
        const ran = await during('snapshot-delay', '60', () => create('--deadline', '3s'));
        expect(ran.exitCode).toBe(ExitCode.FAILED);
        await leavesNothing(ran, /wasn't ready within 3s: /);
      });

      it('are waited for when they come in time', async () => {
        const { exitCode, seconds } = await during('snapshot-delay', '3', () => create('--deadline', '2m'));
        expect(exitCode).toBe(ExitCode.DONE);
        timed('create with a driver that needs 3 s', seconds);
      });

      it('that hold one back are no hindrance: a later prune settles it', async () => {
        const [{ name = '' } = {}] = (await create('--rule', 'short')).result.volumeSnapshots;
        await create('--rule', 'daily');
        await new Promise((resolve) => setTimeout(resolve, 1500));
        const stuck = await during('DeleteSnapshot', 'busy', () => prune());
        expect([stuck.exitCode, stuck.result.deleting]).toEqual([ExitCode.DONE, expect.arrayContaining([name])]);
        const states = (await list()).result.volumeSnapshots.filter((each) => each.name === name);
        expect(states).toMatchObject([{ state: 'deleting', recorded: true }]);
        const began = performance.now();
        await scene.kubectl('wait', `volumesnapshot/${name}`, '--for=delete', '--timeout=180s');
        timed('the driver tries again after', (performance.now() - began) / 1000);
        expect((await prune()).result.gone).toContain(name);
        expect((await list()).result.volumeSnapshots.map((each) => each.name)).not.toContain(name);
      });
    });
  });
});

function claimSpec(storageClassName: string): object {
  return { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '64Mi' } } };
}

function claimOf(name: string, storageClass: string): object {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: claimSpec(storageClass) };
}

function withVolume(template: object, volume: string): object {
  return JSON.parse(JSON.stringify(template).replaceAll('"name":"data"', `"name":"${volume}"`)) as object;
}

/** What a claim holds that nothing runs with. */
async function dataOf(scene: VolumeSnapshotScene, claim: string): Promise<string> {
  const name = `reader-${claim}`.slice(0, 60);
  await scene.apply({ apiVersion: 'v1', kind: 'Pod', ...scene.podTemplate(claim, name), metadata: { name } });
  await scene.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  return scene.inPod(name, 'cat /data/lines');
}
