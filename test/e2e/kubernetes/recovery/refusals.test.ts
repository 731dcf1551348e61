import type { BackupResult } from '../../../../lib/contract/results';
import { type KubernetesObject, reference } from '../harness/cluster/objects';
import { expectExit } from '../harness/expect-exit';
import { record } from '../harness/records';
import { Scene } from '../harness/scene';
import { kubernetesSuite } from '../harness/suite';
import { TEMPO } from '../harness/tempo/tempo-objects';
import { Timings } from '../harness/timings';
import { Workstation } from '../harness/workstation';
import { RecoveryScene } from './recovery-scene';

const timings = new Timings();
const FULL = 'tempo-backup restore --in-cluster --scope full --recovery-point latest-verified';
const LIMIT = 300;

jest.setTimeout(400_000);
afterAll(() => timings.print('What is refused'));

kubernetesSuite('what can not be done says why', () => {
  let at: RecoveryScene;
  beforeAll(async () => {
    at = await RecoveryScene.create(timings, { restoreDeadlineSeconds: 20 });
    await at.protect();
  });
  afterAll(() => at?.remove());

  type Kind = Parameters<typeof reference>[0];
  const remove = (kind: Kind, name: string): Promise<void> =>
    at.scene.api.delete(reference(kind, at.scene.namespace, name));

  async function suspect(): Promise<string> {
    const ran = await at.scene.runJob('tempo-backup-config');
    expectExit('backup', ran, 12);
    return (ran.result as BackupResult).recoveryPoint.suspectReasons.join('; ');
  }

  it('for a ConfigMap and a Secret that are missing: the point is made, and names them', async () => {
    await remove('ConfigMap', TEMPO.configMap);
    await remove('Secret', TEMPO.secret);
    const reasons = await suspect();
    await at.scene.applyTempo({ kinds: ['ConfigMap', 'Secret'] });
    expect(reasons).toContain(`'configmaps/${TEMPO.configMap}'`);
    expect(reasons).toContain(`'secrets/${TEMPO.secret}'`);
    await at.backUp('full');
  });

  it('for rights that are missing: which verb on what', async () => {
    record('denied', { namespace: at.scene.namespace });
    await remove('RoleBinding', 'tempo-backup');
    await remove('RoleBinding', 'tempo-restore');
    const reasons = await suspect();
    const { result } = await at.restore('no rights', FULL, { limit: LIMIT, exitCode: 2 });
    await at.scene.applyRunner({ restoreDeadlineSeconds: 20 });
    expect(reasons).toMatch(new RegExp(`'get' .*${TEMPO.configMap}`));
    expect(result.error?.message).toContain("may not 'get' 'statefulsets");
    expect(await at.replicas()).toBe(1);
    await at.backUp('full');
  });

  it('for a CronJob that is missing: which', async () => {
    await remove('CronJob', 'tempo-restore-mover');
    const { result } = await at.restore('no mover', FULL, { limit: LIMIT, exitCode: 2 });
    await at.scene.applyRunner({ restoreDeadlineSeconds: 20 });
    expect(result.error?.message).toContain("there is no CronJob 'tempo-restore-mover'");
  });

  it('for a class of volume snapshots that is missing: which', async () => {
    await at.scene.applyRunner({ restoreDeadlineSeconds: 20, volumeSnapshotClass: 'no-such-class' });
    const ran = await at.scene.runJob('tempo-snapshot-daily');
    expectExit('snapshot', ran, 2);
    expect(ran.log).toContain('no-such-class');
  });

  it('for an ended pod that a finalizer holds: it no longer writes, but has the name of the next one', async () => {
    const hold = (finalizers: string): Promise<unknown> =>
      at.workstation.run(
        `kubectl -n ${at.scene.namespace} patch pod ${TEMPO.pod} --type=merge -p '{"metadata":{"finalizers":${finalizers}}}'`,
        { as: 'admin' },
      );
    await hold('["example.com/hold"]');
    const { exitCode, result } = await at.workstation.restore('tempo-backup restore --in-cluster --scope data');
    await hold('null');
    expect([exitCode, result.cluster?.phases, result.error?.message]).toEqual([
      15,
      undefined,
      expect.stringMatching(
        /^start Tempo: it is not ready after 20s: .*pod 'tempo-0' is (Succeeded|Failed) \(.*held by finalizers example.com\/hold/,
      ),
    ]);
    expect(await at.replicas()).toBe(1);
    await at.expectWhole();
  });

  it('for a volume that is too small: how much it lacks, and Tempo runs as before', async () => {
    await at.scene.apply(tooSmall(at.scene.runnerObjects()));
    const { exitCode, result } = await at.workstation.restore(FULL);
    await at.scene.applyRunner();
    expect([exitCode, result.error?.lift]).toEqual([15, 'free-space']);
    expect(result.error?.message).toMatch(/too little free space: .* needed, .* free; .*nothing of Tempo is changed/);
    expect(await at.replicas()).toBe(1);
    await at.expectWhole();
  });

  it('for a recovery point of another Tempo in the namespace, unless it is meant', async () => {
    const name = 'tempo-two';
    await at.scene.apply(at.scene.runnerObjects({ name }));
    await at.workstation.configure(name);
    const refused = await at.workstation.restore(FULL, { as: 'admin' });
    const meant = await at.workstation.restore(`${FULL} --dry-run --allow other-source`, { as: 'admin' });
    await at.workstation.configure();
    expect(refused).toMatchObject({ exitCode: 15, result: { error: { lift: 'other-source' } } });
    expect(refused.result.error?.message).toContain("it is of Tempo 'tempo', this one is 'tempo-two'");
    expectExit('meant', meant);
    expect(await at.replicas()).toBe(1);
  });

  it('for a Tempo that does not stop: what holds it, and it has its replicas again', async () => {
    await at.scene.applyRunner({ restoreDeadlineSeconds: 20 });
    await at.scene.applyTempo({ kinds: ['StatefulSet'], stopsSlowly: true });
    await at.workstation.run(`kubectl -n ${at.scene.namespace} rollout status statefulset/tempo`, { as: 'admin' });
    const { result } = await at.restore('a pod that does not end', FULL, { limit: LIMIT, exitCode: 15 });
    expect(result.error?.message).toMatch(/its pods are not gone after 20s: pod 'tempo-0' .*terminating since/);
    expect(await at.replicas()).toBe(1);
    await at.expectWhole();
  });

  it('for a recovery point of another namespace, unless it is meant', async () => {
    const other = await Scene.create({ bucket: at.scene.bucket });
    try {
      const workstation = await Workstation.open(other);
      const refused = await workstation.restore(`${FULL} --dry-run`);
      expect(refused).toMatchObject({ exitCode: 15, result: { error: { lift: 'other-source' } } });
      expect(refused.result.error?.message).toContain(`it is of namespace '${at.scene.namespace}'`);
      expectExit('meant', await workstation.restore(`${FULL} --dry-run --allow other-source`));
      await workstation.close();
    } finally {
      await other.remove();
    }
  });
});

/** With some memory as the volume that the mover has, as no size of a claim is kept to everywhere. */
function tooSmall(objects: readonly KubernetesObject[]): KubernetesObject[] {
  const claim = JSON.stringify({ persistentVolumeClaim: { claimName: TEMPO.claim } }).slice(1, -1);
  const memory = JSON.stringify({ emptyDir: { medium: 'Memory', sizeLimit: '16Ki' } }).slice(1, -1);
  const mover = objects.filter(({ metadata }) => metadata.name === 'tempo-restore-mover');
  return JSON.parse(JSON.stringify(mover).replaceAll(claim, memory)) as KubernetesObject[];
}
