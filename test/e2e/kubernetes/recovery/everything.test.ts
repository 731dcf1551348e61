import { type KubernetesObject, reference } from '../harness/cluster/objects';
import { eventually } from '../harness/cluster/wait';
import { kubernetesSuite } from '../harness/suite';
import { TEMPO, TEMPO_CONFIG } from '../harness/tempo/tempo-objects';
import { Timings } from '../harness/timings';
import { RecoveryScene } from './recovery-scene';

const timings = new Timings();
const LIMIT = 300;
const TWO_HOURS = 7200;
const FULL = 'tempo-backup restore --in-cluster --scope full --recovery-point latest-verified';
const CREATE = 'kubectl -n monitoring create job --from=cronjob/tempo-restore restore-1';

jest.setTimeout(400_000);
afterAll(() => timings.print('Recovery of everything'));

type Named<T> = KubernetesObject & T;

kubernetesSuite('a restore of everything', () => {
  let at: RecoveryScene;
  beforeAll(async () => {
    at = await RecoveryScene.create(timings, { restoreDeadlineSeconds: 60 });
    await at.protect();
  });
  afterAll(() => at?.remove());
  afterEach(() => at.scene.bucket.way.open());

  const get = <T = object>(kind: Parameters<typeof reference>[0], name: string): Promise<Named<T> | undefined> =>
    at.scene.api.get<Named<T>>(reference(kind, at.scene.namespace, name));

  async function configure(config: string): Promise<void> {
    const object = reference('ConfigMap', at.scene.namespace, TEMPO.configMap);
    await at.scene.api.merge({ ...object, data: { 'tempo.yaml': config } });
  }

  const configuration = async (): Promise<string | undefined> =>
    (await get<{ data: Record<string, string> }>('ConfigMap', TEMPO.configMap))?.data['tempo.yaml'];

  /** Job that moves data and isn't over. */
  async function mover(): Promise<string | undefined> {
    const label = 'tempo-backup/restore-mover=tempo-restore-mover';
    const jobs = await at.scene.api.list<Named<{ status?: { conditions?: unknown[] } }>>(
      reference('Job', at.scene.namespace, ''),
      label,
    );
    return jobs.find(({ status }) => status?.conditions === undefined)?.metadata.name;
  }

  /** Starts a restore whose mover hangs, as its bucket is away. Returns the name of its Job. */
  async function startHeldRestore(): Promise<string> {
    const job = `restore-${Date.now()}`;
    await at.follow(CREATE, { examples: { 'restore-1': job } });
    await stopAtMover();
    return job;
  }

  async function stopAtMover(): Promise<void> {
    await eventually('a stopped Tempo', async () => (await at.replicas()) === 0, { seconds: 120 });
    at.scene.bucket.way.close();
    await eventually('a mover', mover, { seconds: 90 });
  }

  async function kill(job: string): Promise<void> {
    const pod = await at.scene.runningPod(job);
    await at.scene.api.delete(reference('Job', at.scene.namespace, job));
    await eventually('end of the coordinator', async () => !(await get('Pod', pod)));
  }

  it('changes nothing when it is a dry run, and says what it would do', async () => {
    const { result } = await at.restore('dry run', `${FULL} --dry-run`, { limit: LIMIT });
    expect(result.cluster?.phases.map(({ name }) => name)).toContain('restore data');
    expect(await mover()).toBeUndefined();
    expect(await at.replicas()).toBe(1);
  });

  it('brings configuration and data back and compares them with what Tempo says', async () => {
    await configure(`${TEMPO_CONFIG}# changed\n`);
    for (const [kind, name] of [
      ['Secret', TEMPO.secret],
      ['Service', TEMPO.name],
      ['StatefulSet', TEMPO.name],
    ] as const) {
      const { metadata, ...object } = reference(kind, at.scene.namespace, name);
      await at.scene.api.merge({
        ...object,
        metadata: { ...metadata, labels: { changed: 'yes' } },
      });
    }
    const { result } = await at.restore('everything is wrong', FULL, { limit: LIMIT });
    const [compared] = result.cluster?.compared ?? [];
    expect(compared?.found).toBeGreaterThanOrEqual(compared?.expected ?? Infinity);
    expect(result.cluster?.sampleTraces?.missing).toEqual([]);
    const replaced = result.cluster?.configuration.filter(({ action }) => action === 'replaced');
    expect(replaced?.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Secret', 'Service', 'StatefulSet']);
    expect(await configuration()).toBe(TEMPO_CONFIG);
    await at.expectWhole();
  });

  it('goes on when its coordinator was killed in the middle and it is started again', async () => {
    const job = await startHeldRestore();
    const hanging = await mover();
    await kill(job);
    expect(await at.replicas()).toBe(0);
    at.scene.bucket.way.open();
    const { log } = await at.restoreByKubectl('coordinator killed, started again', LIMIT);
    expect(log).toContain(`going on with Job '${hanging}' of an earlier run`);
    await at.expectWhole();
  });

  it('can be left for what was there, by hand', async () => {
    await configure(`${TEMPO_CONFIG}# before\n`);
    await kill(await startHeldRestore());
    for (const line of [
      'kubectl -n monitoring delete job --cascade=foreground -l tempo-backup/restore-mover=tempo-restore-mover',
      "kubectl -n monitoring get secret tempo-restore-rollback -o jsonpath='{.data.objects\\.json\\.gz}' | base64 -d | gunzip | kubectl -n monitoring replace -f -",
      'kubectl -n monitoring scale statefulset/tempo --replicas=1',
      'kubectl -n monitoring annotate statefulset/tempo tempo-backup/replicas-before-restore-',
    ])
      await at.follow(line, { as: 'admin' });
    await at.expectWhole();
    expect(await configuration()).toBe(`${TEMPO_CONFIG}# before\n`);
    await configure(TEMPO_CONFIG);
  });

  it('ends its mover when somebody scales Tempo up, and says what to pause', async () => {
    const restore = at.restore('scaled up by somebody else', FULL, { limit: LIMIT, exitCode: 15 });
    await stopAtMover();
    await at.follow('kubectl -n monitoring scale statefulset/tempo --replicas=1', { as: 'admin' });
    const { result } = await restore;
    expect(result.error?.message).toMatch(/somebody scaled statefulset\/tempo .* pause what does/);
    expect(await mover()).toBeUndefined();
    await at.expectWhole();
  });

  it('makes all of it from the bucket alone when the whole namespace is gone', async () => {
    at.scene.bucket.way.open();
    await at.protect();
    const secret = await get<{ data: object }>('Secret', TEMPO.secret);
    const { namespace } = at.scene;
    await at.scene.api.delete(reference('Namespace', '', namespace));
    await eventually(
      'end of the namespace',
      async () => !(await at.scene.api.get(reference('Namespace', '', namespace))),
      { seconds: 180 },
    );
    await at.measure('whole namespace gone', 'namespace and synthesized objects', async () => {
      await at.workstation.fetchSafe();
      await at.follow('kubectl create namespace monitoring', { as: 'admin' });
      await at.scene.applyNamespace();
      await at.follow('kubectl apply -f tempo-backup.k8s.yaml', { as: 'admin' });
      await at.follow('kubectl -n monitoring create secret generic tempo-backup-private-key --from-file=private.asc', {
        as: 'admin',
      });
    });
    await at.workstation.signIn();
    await at.restoreByKubectl('whole namespace gone', TWO_HOURS);
    await at.expectWhole();
    expect(await configuration()).toBe(TEMPO_CONFIG);
    expect((await get<{ data: object }>('Secret', TEMPO.secret))?.data).toEqual(secret?.data);
    expect(await get('Service', TEMPO.name)).toBeDefined();
    expect(await get('PersistentVolumeClaim', TEMPO.claim)).toBeDefined();
    expect(await at.replicas()).toBe(1);
    await at.backUp('full');
  });
});
