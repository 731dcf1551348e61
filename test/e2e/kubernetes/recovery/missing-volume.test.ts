import { randomBytes } from 'node:crypto';
import { Api } from '../harness/cluster/api';
import { type KubernetesObject, reference } from '../harness/cluster/objects';
import { eventually } from '../harness/cluster/wait';
import { kubernetesSuite } from '../harness/suite';
import { TEMPO } from '../harness/tempo/tempo-objects';
import { Timings } from '../harness/timings';
import { RecoveryScene } from './recovery-scene';

const timings = new Timings();
const DATA = 'tempo-backup restore --in-cluster --scope data --recovery-point latest-verified';
const FULL = 'tempo-backup restore --in-cluster --scope full --recovery-point latest-verified';
const LIMIT = 300;

jest.setTimeout(400_000);
afterAll(() => timings.print('What is refused without a volume'));

type Claim = KubernetesObject & { readonly status: { readonly phase: string } };

kubernetesSuite('a restore without a volume says what is missing', () => {
  const storageClass = reference('StorageClass', '', `e2e-${randomBytes(4).toString('hex')}`);
  let at: RecoveryScene;
  let driver: object;
  beforeAll(async () => {
    driver = await driverOfCluster();
    at = await RecoveryScene.create(timings, { storageClass: storageClass.metadata.name, restoreDeadlineSeconds: 30 });
    await at.protect();
    await at.follow('kubectl -n monitoring scale statefulset/tempo --replicas=0', { as: 'admin' });
    await at.loseClaim();
  });
  afterAll(async () => {
    await at?.remove();
    await at?.scene.api.delete(storageClass);
  });

  const claim = (): Promise<Claim | undefined> =>
    at.scene.api.get<Claim>(reference('PersistentVolumeClaim', at.scene.namespace, TEMPO.claim));

  it('the claim: and how to have it made', async () => {
    const { result } = await at.restore('no claim', DATA, { limit: LIMIT, exitCode: 2 });
    expect(result.error?.message).toContain(`there is no PersistentVolumeClaim '${TEMPO.claim}'`);
    expect(result.error?.message).toContain("'--scope full'");
    expect(await claim()).toBeUndefined();
  });

  it('its class: Tempo is left as it was, and when the class is there the same restore brings all back', async () => {
    await at.scene.api.delete(storageClass);
    const { result } = await at.restore('no class', FULL, { limit: LIMIT, exitCode: 15 });
    expect(result.error?.message).toMatch(
      new RegExp(
        `'${TEMPO.claim}' is Pending \\(.*"${storageClass.metadata.name}" not found.*nothing of Tempo is changed`,
      ),
    );
    expect(result.error?.message).toContain(`is made stays: PersistentVolumeClaim '${TEMPO.claim}'`);
    expect(await at.replicas()).toBe(0);
    await at.scene.api.apply({ ...storageClass, ...driver });
    await eventually('a claim with a volume', async () => (await claim())?.status.phase === 'Bound', { seconds: 120 });
    await at.restore('class is there again', FULL, { limit: LIMIT });
    await at.follow('kubectl -n monitoring scale statefulset/tempo --replicas=1', { as: 'admin' });
    await at.expectWhole();
  });

  /** Makes a class like one that makes volumes at once. */
  async function driverOfCluster(): Promise<object> {
    const api = new Api(process.env.KUBECONFIG ?? '');
    const classes = await api.list<KubernetesObject & { volumeBindingMode?: string }>(
      reference('StorageClass', '', ''),
    );
    const found = classes.find(({ volumeBindingMode }) => volumeBindingMode === 'Immediate');
    if (!found) throw new Error('the cluster has no StorageClass that makes volumes at once');
    const { provisioner, parameters, reclaimPolicy } = found;
    const fields = { provisioner, parameters, reclaimPolicy, volumeBindingMode: 'Immediate' };
    await api.apply({ ...storageClass, ...fields });
    return fields;
  }
});
