import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { argumentsOf } from '../../../../runtime/cluster/workload/jobs';
import { REPLICAS_ANNOTATION, replicasOf } from '../../../../runtime/cluster/workload/workload';
import { terminationText } from '../../../../runtime/termination-message';
import { keysIn } from '../../../helpers/listed';
import { POINT } from '../restore/restore-scene';
import { clusterObject, CRON_JOBS, tempoObjects } from './cluster-objects';
import { ClusterScene, type SceneOptions } from './cluster-scene';

let scene: ClusterScene;
const start = async (options?: SceneOptions): Promise<void> => {
  scene = await ClusterScene.start(options);
};
afterEach(() => scene.stop());

/** Nothing in the cluster and on the volume is other than it was. */
function expectUnchanged(): void {
  expect(scene.data()).toEqual(scene.spoilt());
  expect(scene.asides).toEqual([]);
  expect(replicasOf(scene.workload)).toBe(2);
  expect(scene.workload.metadata.annotations ?? {}).toEqual({});
  expect(scene.find('ConfigMap', 'tempo-config').data).toEqual({ 'tempo.yaml': 'a: [' });
}

const writes = (): string[] =>
  scene.cluster.calls
    .filter(({ verb, dryRun }) => !dryRun && !['get', 'list', 'watch'].includes(verb))
    .map(({ verb, resource }) => `${verb} ${resource}`);

async function dataKeys(): Promise<string[]> {
  return (await keysIn(scene.storage, 'blocks/')).filter((key) => key.endsWith('data.parquet'));
}

describe('a restore that is refused before anything is changed', () => {
  afterEach(() => {
    expect(writes()).toEqual([]);
    expectUnchanged();
  });

  it('is one of another Tempo, unless that is meant', async () => {
    await start({ forge: (manifest) => ({ ...manifest, source: { ...manifest.source, name: 'other' } }) });
    const error = await scene.failure();
    expect(error).toMatchObject({ exitCode: 15, lift: 'other-source' });
    expect(error.message).toBe(
      `restore '${POINT}': it is of Tempo 'other', this one is 'tempo'; choose another one, or say that it is meant by '--allow other-source'`,
    );
  });

  it('is one of another namespace', async () => {
    await start({ forge: (manifest) => ({ ...manifest, source: { ...manifest.source, namespace: 'staging' } }) });
    const error = await scene.failure({ scope: 'data' });
    expect(error).toMatchObject({ exitCode: 15, lift: 'other-source' });
    expect(error.message).toContain("it is of namespace 'staging', this one is 'monitoring'");
  });

  it('is one that lacks objects in the repository', async () => {
    await start();
    const [lost] = await dataKeys();
    await scene.storage.delete([lost ?? '']);
    const error = await scene.failure();
    expect(error.exitCode).toBe(12);
    expect(error.message).toContain(
      `1 of its objects are missing or damaged: '${lost ?? ''}': it is missing; nothing was changed`,
    );
  });

  it('is one with a configuration that the server refuses', async () => {
    await start();
    scene.cluster.fault = ({ resource, dryRun }) => (resource === 'services' && dryRun ? { status: 422 } : undefined);
    const error = await scene.failure();
    expect(error.exitCode).toBe(1);
    expect(error.message).toContain(
      "update 'services/tempo' in namespace 'monitoring': the Kubernetes API answers 422",
    );
    expect(scene.cluster.calls.filter(({ dryRun }) => dryRun)).toHaveLength(2);
  });

  it('is one with a claim that is half deleted', async () => {
    await start();
    const claim = scene.find('PersistentVolumeClaim', 'storage-tempo-0');
    const going = { deletionTimestamp: '2026-11-23T09:00:00Z', finalizers: ['kubernetes.io/pvc-protection'] };
    scene.cluster.put({ ...claim, metadata: { ...claim.metadata, ...going } });
    const error = await scene.failure();
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      "restore PersistentVolumeClaim 'storage-tempo-0': it is being deleted, and held by kubernetes.io/pvc-protection; wait until it is gone: delete the pods that mount it, ended ones of Jobs too, then start the restore again",
    );
  });

  it('is one of a point without configuration, which its data can be restored from', async () => {
    await start({ stored: [] });
    const error = await scene.failure();
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(
      'it holds no Kubernetes objects of this Tempo; choose a recovery point of scope all',
    );
  });

  it('is one without the CronJob of the mover', async () => {
    await start({ cronJobs: CRON_JOBS.slice(0, 1) });
    const error = await scene.failure({ scope: 'data' });
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      "restore: there is no CronJob 'tempo-restore-mover' in namespace 'monitoring'; apply what the constructs synthesize, or correct 'kubernetes.restore.moverCronJob'",
    );
  });

  it.each([
    [{ target: '/x' }, '--target'],
    [{ block: ['274bd888-53b9-42dc-adfe-d9e6ecfc6f2b'] }, '--block'],
    [{ from: new Date() }, '--from'],
  ])('is one of a part that only a restore beside a running Tempo brings: %j', async (options, name) => {
    await start();
    expect((await scene.failure(options)).message).toContain(`'${name}' can't be used in a cluster`);
  });

  it('is one while the mover of another restore is at work', async () => {
    const labels = { 'tempo-backup/restore-mover': 'tempo-restore-mover', 'tempo-backup/restore-session': '01234567' };
    const job = clusterObject('batch/v1', 'Job', 'tempo-restore-mover-01234567-1', { spec: {} });
    await start({ mover: () => 'pending' });
    scene.cluster.put({ ...job, metadata: { ...job.metadata, labels } });
    const error = await scene.failure();
    expect(error.exitCode).toBe(11);
    expect(error.message).toContain("'kubectl -n monitoring delete job tempo-restore-mover-01234567-1'");
  });
});

describe('a Secret whose key is not there', () => {
  it('stays as it is, and the result says so', async () => {
    await start({ secret: true });
    const config = { ...scene.context().config, encryption: { recipients: [], privateKeyFile: '/nonexistent/key' } };
    const { result, exitCode } = await scene.coordinate({ scope: 'config' }, { config });
    expect(exitCode).toBe(0);
    const secret = result.cluster?.configuration.find(({ kind }) => kind === 'Secret');
    expect(secret).toMatchObject({
      action: 'kept',
      reason: expect.stringContaining("read '/nonexistent/key': ENOENT"),
    });
    expect(scene.find('Secret', 'tempo-s3').data).toEqual({ key: 'YmFk' });
  });

  it('keeps a restore from beginning when it is missing in the cluster', async () => {
    await start({ secret: true, objects: tempoObjects('broken').filter(({ kind }) => kind !== 'Secret') });
    const config = { ...scene.context().config, encryption: { recipients: [] } };
    const error = await scene.failure({}, { config });
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(
      "restore Secret 'tempo-s3': it is missing in the cluster, and can't be taken from the recovery point",
    );
    expect(writes()).toEqual([]);
  });
});

describe('a workload that is missing', () => {
  const without = (state: 'good' | 'broken') =>
    tempoObjects(state).filter(({ kind }) => !['StatefulSet', 'Secret'].includes(kind));

  it('keeps a restore of data from beginning', async () => {
    await start({ objects: without('broken') });
    const error = await scene.failure({ scope: 'data' });
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(
      "there is no StatefulSet 'tempo' in namespace 'monitoring'; create it by '--scope full'",
    );
  });

  it('keeps a full restore from beginning when the recovery point lacks it too', async () => {
    await start({ objects: without('broken'), stored: without('good') });
    const error = await scene.failure();
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain("neither namespace 'monitoring' nor the recovery point has StatefulSet 'tempo'");
  });
});

describe('a Tempo that does not stop', () => {
  it('is named with what holds it, and has its replicas again', async () => {
    await start({ workload: { hangs: () => true } });
    scene.cluster.put({
      ...clusterObject('v1', 'Event', 'e1', { type: 'Warning', reason: 'FailedKillPod', message: 'node is gone' }),
      involvedObject: { kind: 'Pod', name: 'tempo-0' },
    });
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toContain(
      "stop Tempo: its pods are not gone after 20s: pod 'tempo-0' is Running (terminating since 2026-11-23T09:00:05Z; held by finalizers example.com/hold; FailedKillPod: node is gone)",
    );
    expect(error.message).toContain('nothing of Tempo is changed: statefulset/tempo has 2 replicas');
    expectUnchanged();
  });

  it('is one that somebody scales up again: the restore says what to pause', async () => {
    let healing = true;
    await start({
      controllers: [
        ({ object }, cluster) => {
          if (healing && object.kind === 'StatefulSet' && replicasOf(object) === 0)
            cluster.put({ ...object, spec: { ...(object.spec as object), replicas: 2 } });
        },
      ],
    });
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toContain(
      "somebody scaled statefulset/tempo in 'monitoring' up to 2 again while it was stopped",
    );
    expect(error.message).toContain("'flux suspend helmrelease NAME'");
    expect(scene.data()).toEqual(scene.spoilt());
    healing = false;
    expect((await scene.coordinate()).exitCode).toBe(0);
  });

  it('is one that is scaled up while data is moved: the mover is ended first', async () => {
    await start({
      mover: () => new Promise(() => undefined),
      controllers: [
        ({ type, object }, cluster) => {
          const workload = cluster.find('StatefulSet', 'tempo');
          if (type === 'ADDED' && object.kind === 'Job' && workload)
            cluster.put({ ...workload, spec: { ...(workload.spec as object), replicas: 2 } });
        },
      ],
    });
    expect((await scene.failure({ scope: 'data' })).exitCode).toBe(15);
    expect(scene.cluster.all('Job')).toEqual([]);
  });
});

describe('a mover', () => {
  it('that is never scheduled is deleted, and Tempo has its replicas and its configuration again', async () => {
    await start({ mover: () => 'pending' });
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toMatch(
      /restore data: Job 'tempo-restore-mover-[0-9a-f]{8}-1' did not start within 20s: pod '.*' is Pending \(Unschedulable: 0\/3 nodes: volume node affinity conflict\)/,
    );
    expect(error.message).toContain('nothing of Tempo is changed');
    expect(scene.cluster.all('Job')).toEqual([]);
    expectUnchanged();
  });

  it('that refuses ends the restore with its guard, and with the option that lifts it, it goes on', async () => {
    await start({ config: (config) => ({ ...config, tempo: { ...config.tempo, retention: '1s' } }) });
    const error = await scene.failure();
    expect(error).toMatchObject({ exitCode: 15, lift: 'retention' });
    expect(error.message).toContain('--allow retention');
    expectUnchanged();
    const { exitCode, result } = await scene.coordinate({ allow: ['retention'] });
    expect(exitCode).toBe(0);
    expect(result.gates).toMatchObject([{ name: 'retention', allowed: true }]);
  });

  it('knows the retention that the ConfigMap in the recovery point sets, and bears a broken one', async () => {
    const withRetention = (text: string) => (object: ClusterObject) =>
      object.kind === 'ConfigMap' ? { ...object, data: { 'tempo.yaml': text } } : object;
    const good = tempoObjects('good').filter(({ kind }) => kind !== 'Secret');
    const config: SceneOptions['config'] = ({ tempo, ...rest }) => ({
      ...rest,
      tempo: { ...tempo, retention: undefined },
    });
    await start({ config, stored: good.map(withRetention('compactor: { compaction: { block_retention: 1m } }')) });
    const error = await scene.failure();
    expect(error).toMatchObject({ exitCode: 15, lift: 'retention' });
    expect(error.message).toContain('1m');
    await scene.stop();
    await start({ config, stored: good.map(withRetention('compactor: { compaction: [')) });
    expect((await scene.coordinate({ scope: 'data' })).exitCode).toBe(0);
  });

  it('that is killed leaves Tempo at zero, says how to go on and how to undo, and the same restore goes on', async () => {
    let killed = 0;
    const dead = { exitCode: 137, message: '' };
    await start({ mover: () => (killed++ === 0 ? Promise.resolve(dead) : undefined) });
    const error = await scene.failure();
    expect(error.exitCode).toBe(1);
    expect(error.message).toContain('ended with 137 and left no result (Error; the job has ended)');
    expect(error.message).toContain('statefulset/tempo is left at 0 of 2 replicas');
    expect(error.message).toContain('start the same restore again, it goes on');
    expect(error.message).toContain(
      `start Tempo as it is: kubectl -n monitoring delete job --cascade=foreground -l tempo-backup/restore-mover=tempo-restore-mover && kubectl -n monitoring get secret tempo-restore-rollback -o jsonpath='{.data.objects\\.json\\.gz}' | base64 -d | gunzip | kubectl -n monitoring replace -f - && kubectl -n monitoring scale statefulset/tempo --replicas=2 && kubectl -n monitoring annotate statefulset/tempo ${REPLICAS_ANNOTATION}-`,
    );
    expect(replicasOf(scene.workload)).toBe(0);
    const { exitCode, result } = await scene.coordinate();
    expect(exitCode).toBe(0);
    expect(result.cluster?.mover).toMatch(/-2$/);
    expect(replicasOf(scene.workload)).toBe(2);
  });

  it('that fails after it has begun to replace data leaves Tempo at zero', async () => {
    const message = terminationText({ exitCode: 1, error: { message: 'disk broke', evidence: { untouched: false } } });
    await start({ mover: () => Promise.resolve({ exitCode: 1, message }) });
    const error = await scene.failure();
    expect(error.message).toMatch(/^restore data: disk broke; statefulset\/tempo is left at 0 of 2 replicas/);
    // A later one that fails early says it again.
    await scene.storage.delete(await dataKeys());
    const second = await scene.failure();
    expect(second).toMatchObject({ exitCode: 12 });
    expect(second.message).toContain('statefulset/tempo is left at 0 of 2 replicas');
  });

  it('that could not bring all back ends the restore with 12, and Tempo runs', async () => {
    await start();
    const [lost] = await dataKeys();
    await scene.storage.delete([lost ?? '']);
    const { result, exitCode } = await scene.coordinate({ allow: ['damaged'] });
    expect(exitCode).toBe(12);
    expect(result.blocks).toMatchObject({
      restored: 2,
      failed: [{ reason: expect.stringContaining("it isn't there") }],
    });
    expect(result.cluster?.compared?.some(({ expected, found }) => (found ?? 0) < expected)).toBe(true);
    expect(replicasOf(scene.workload)).toBe(2);
  });

  it('is given what the coordinator was given', async () => {
    const jobs: ClusterObject[] = [];
    await start({ mover: (job) => void jobs.push(job) });
    await scene.coordinate({ scope: 'data', tenant: ['team-b'], allow: ['owner'], tempoVersion: '2.9' });
    expect(jobs.map(argumentsOf)).toEqual([
      [
        'restore',
        `--recovery-point=${POINT}`,
        '--scope=data',
        '--tenant=team-b',
        '--replace',
        '--tempo-version=2.9',
        '--allow=owner',
        '--output=json',
        '--log-format=json',
        '--log-level=info',
        '--config=/etc/tempo-backup/config.yaml',
      ],
    ]);
  });
});

describe('a Tempo that is not ready after its data is back', () => {
  it('runs, and the same restore brings the data back once more', async () => {
    await start({ workload: { becomesReady: () => false } });
    const error = await scene.failure();
    expect(error.exitCode).toBe(15);
    expect(error.message).toContain('start Tempo: it is not ready after 20s');
    expect(error.message).toContain('Tempo is started; to undo the restore: kubectl');
    expect(replicasOf(scene.workload)).toBe(2);
    await scene.failure();
    expect(scene.cluster.all('Job')).toHaveLength(2);
    expect(scene.asides).toHaveLength(2);
  });
});

describe('an interrupted restore', () => {
  it('says before it ends that Tempo is stopped, and how to start it', async () => {
    const controller = new AbortController();
    await start({
      mover: () => {
        controller.abort(new Error('SIGTERM'));
        return new Promise(() => undefined);
      },
    });
    const error = await scene.failure({}, { signal: controller.signal });
    expect(error.exitCode).toBe(143);
    expect(error.message).toContain('statefulset/tempo is left at 0 of 2 replicas');
    expect(error.message).toContain('kubectl -n monitoring scale statefulset/tempo --replicas=2');
  });
});

describe('what Tempo says after a restore', () => {
  it('differs in a trace: exit code 12, and which one', async () => {
    await start();
    const whole = await scene.coordinate({ scope: 'data' });
    const [sample] = whole.result.sampleTraces ?? [];
    scene.tempo.lost.add(sample?.traceId ?? '');
    const { result, exitCode } = await scene.coordinate({ scope: 'data' });
    expect(exitCode).toBe(12);
    expect(result.cluster?.sampleTraces).toEqual({ asked: 3, missing: [sample] });
  });

  it('differs in numbers: exit code 12, and both', async () => {
    await start({
      forge: (manifest) => ({
        ...manifest,
        tenants: manifest.tenants.map((summary) => ({ ...summary, objects: summary.objects + 1 })),
      }),
    });
    const { result, exitCode } = await scene.coordinate({ scope: 'data' });
    expect(exitCode).toBe(12);
    for (const { expected, found } of result.cluster?.compared ?? []) expect(found).toBe(expected - 1);
  });

  it('is not asked for when there is no address', async () => {
    await start({ config: (config) => ({ ...config, tempo: { ...config.tempo, url: undefined } }) });
    const { result, exitCode } = await scene.coordinate();
    expect(exitCode).toBe(0);
    expect(result.cluster).toMatchObject({
      compared: null,
      remarks: ["not compared with Tempo's own numbers: 'tempo.url' isn't set"],
    });
  });
});
