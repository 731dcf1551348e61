import { rollbackSecret } from '../../../../lib/contract/kubernetes-rights';
import { replicasOf } from '../../../../runtime/cluster/workload/workload';
import { POINT } from '../restore/restore-scene';
import { clusterObject, objectsOf, tempoObjects } from './cluster-objects';
import { ClusterScene, type SceneOptions, WAL_ID } from './cluster-scene';

let scene: ClusterScene;
const start = async (options?: SceneOptions): Promise<void> => {
  scene = await ClusterScene.start(options);
};
afterEach(() => scene.stop());

describe('a full recovery', () => {
  it('brings configuration, blocks and WAL back, and Tempo has the replicas that it had', async () => {
    await start({ secret: true });
    const { result, exitCode } = await scene.coordinate();
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({
      recoveryPoint: POINT,
      dryRun: false,
      blocks: { total: 3, restored: 3, failed: [] },
      wal: { blocks: 1, pages: 1 },
      cluster: {
        namespace: 'monitoring',
        workload: 'statefulset/tempo',
        replicas: { before: 2, now: 2 },
        autoscaler: null,
        configuration: [
          { kind: 'PersistentVolumeClaim', name: 'storage-tempo-0', action: 'unchanged' },
          { kind: 'ConfigMap', name: 'tempo-config', action: 'replaced' },
          { kind: 'Secret', name: 'tempo-s3', action: 'replaced' },
          { kind: 'Service', name: 'tempo', action: 'replaced' },
          { kind: 'StatefulSet', name: 'tempo', action: 'replaced' },
        ],
        compared: [
          { tenant: 'team-a', expected: objectsOf('team-a'), found: objectsOf('team-a') },
          { tenant: 'team-b', expected: objectsOf('team-b'), found: objectsOf('team-b') },
        ],
        sampleTraces: { asked: 3, missing: [] },
        remarks: [],
      },
    });
    expect(result.cluster?.phases.map(({ name }) => name)).toEqual([
      'verify',
      'check configuration',
      'stop Tempo',
      'restore configuration',
      'restore data',
      'start Tempo',
      'compare',
    ]);
    for (const [name, text] of ClusterScene.restored()) expect(scene.data().get(name)).toBe(text);
    expect([...scene.data().keys()].filter((name) => name.startsWith('wal/'))).toEqual([
      `wal/${WAL_ID}+team-a+vParquet4/0000000001`,
      `wal/${WAL_ID}+team-a+vParquet4/meta.json`,
    ]);
    expect(scene.isSpoiltKept()).toBe(true);
    expect(scene.find('ConfigMap', 'tempo-config').data).toEqual({ 'tempo.yaml': 'a: 1' });
    expect(scene.find('Secret', 'tempo-s3').data).toEqual({ key: 'Z29vZA==' });
    expect(scene.find('Service', 'tempo').spec).toMatchObject({ ports: [{ port: 3200 }], clusterIP: '10.0.0.7' });
    expect(scene.workload).toMatchObject({
      spec: { replicas: 2, template: { spec: { containers: [{ image: 'tempo:2.9.5' }] } } },
    });
    expect(scene.workload.metadata.annotations ?? {}).toEqual({});
    expect(JSON.stringify(scene.workload.spec)).not.toContain('hostNetwork');
  });
});

const wal = (): string[] => [...scene.data().keys()].filter((name) => name.startsWith('wal/'));
const isConfigurationGood = (): boolean =>
  JSON.stringify(scene.find('ConfigMap', 'tempo-config').data) === JSON.stringify({ 'tempo.yaml': 'a: 1' });
const blocksAre = (state: 'restored' | 'spoilt'): void => {
  const blocks = (files: Map<string, string>) => [...files].filter(([name]) => name.startsWith('traces/'));
  expect(blocks(scene.data())).toEqual(blocks(state === 'spoilt' ? scene.spoilt() : ClusterScene.restored()));
};

describe('a restore of a part', () => {
  afterEach(() => {
    expect(scene.isSpoiltKept()).toBe(true);
    expect(replicasOf(scene.workload)).toBe(2);
  });

  it('of data leaves configuration and WAL as they are', async () => {
    await start();
    const { exitCode, result } = await scene.coordinate({ scope: 'data' });
    expect(exitCode).toBe(0);
    expect(result.cluster?.configuration).toEqual([]);
    expect(isConfigurationGood()).toBe(false);
    blocksAre('restored');
    expect(wal()).toEqual([...scene.spoilt().keys()].filter((name) => name.startsWith('wal/')));
    expect(
      scene.find('Secret', rollbackSecret(scene.kubernetes)).metadata.annotations?.['tempo-backup/restore'],
    ).toContain('"finished":true');
  });

  it('of the WAL leaves blocks as they are', async () => {
    await start();
    expect((await scene.coordinate({ scope: 'wal' })).exitCode).toBe(0);
    blocksAre('spoilt');
    expect(wal()).toEqual([`wal/${WAL_ID}+team-a+vParquet4/0000000001`, `wal/${WAL_ID}+team-a+vParquet4/meta.json`]);
  });

  it.each(['wal', 'data', 'all'] as const)(
    'of %s can clear the WAL: it is moved aside, and none comes back',
    async (scope) => {
      await start();
      const { exitCode, result } = await scene.coordinate({ scope, clearWal: true });
      expect(exitCode).toBe(0);
      expect(result).toMatchObject({
        wal: { blocks: 0, pages: 0 },
        movedAside: [expect.stringContaining('.tempo-backup-replaced-')],
      });
      expect(wal()).toEqual([]);
      blocksAre(scope === 'wal' ? 'spoilt' : 'restored');
    },
  );

  it('of one tenant leaves the others as they are', async () => {
    await start();
    const { result } = await scene.coordinate({ scope: 'data', tenant: ['team-b'] });
    expect(result.cluster?.compared).toEqual([
      { tenant: 'team-b', expected: objectsOf('team-b'), found: objectsOf('team-b') },
    ]);
    for (const [name, text] of scene.spoilt()) expect(scene.data().get(name)).toBe(text);
  });
});

describe('a restore of the configuration', () => {
  it('restarts Tempo pod by pod, and leaves its data alone', async () => {
    await start();
    const { exitCode, result } = await scene.coordinate({ scope: 'config' });
    expect(exitCode).toBe(0);
    expect(isConfigurationGood()).toBe(true);
    expect(scene.data()).toEqual(scene.spoilt());
    expect(result.cluster?.phases.map(({ name }) => name)).toEqual([
      'verify',
      'check configuration',
      'restore configuration',
      'start Tempo',
    ]);
    expect(scene.workload).toMatchObject({
      spec: {
        replicas: 2,
        template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': expect.any(String) } } },
      },
    });
    expect(result.cluster?.undo[0]).toContain('get secret tempo-restore-rollback');
  });

  it('stops a StatefulSet whose pods are not ready, which replaces none of them', async () => {
    const isNew = (template: unknown): boolean => !JSON.stringify(template).includes('tempo:broken');
    await start({ workload: { becomesReady: isNew } });
    const { result, exitCode } = await scene.coordinate({ scope: 'config' });
    expect(exitCode).toBe(0);
    expect(result.cluster?.phases.map(({ name }) => name)).toContain('stop Tempo');
    expect(replicasOf(scene.workload)).toBe(2);
  });

  it('finds nothing to replace when all is as it was, and restarts Tempo', async () => {
    await start({ objects: tempoObjects('good').filter(({ kind }) => kind !== 'Secret') });
    const { result } = await scene.coordinate({ scope: 'config' });
    expect(result.cluster?.configuration.map(({ action }) => action)).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
      'unchanged',
    ]);
    const again = await scene.coordinate({ scope: 'config' });
    expect(again.result.cluster?.configuration.map(({ action }) => action)).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
      'unchanged',
    ]);
  });

  it('stops a Deployment that would run two Tempos on one volume', async () => {
    const counts: number[] = [];
    await start({
      kind: 'Deployment',
      controllers: [({ object }) => void (object.kind === 'Deployment' && counts.push(replicasOf(object)))],
    });
    const { result } = await scene.coordinate({ scope: 'config' });
    expect(result.cluster?.phases.map(({ name }) => name)).toContain('stop Tempo');
    expect(counts).toContain(0);
    expect(replicasOf(scene.workload)).toBe(2);
    expect(isConfigurationGood()).toBe(true);
  });

  it.each(['StatefulSet', 'Deployment'] as const)(
    'rolls a %s back by itself when Tempo does not become ready',
    async (kind) => {
      const isOld = (template: unknown): boolean => JSON.stringify(template).includes('tempo:broken');
      await start({ kind, workload: { becomesReady: isOld } });
      const error = await scene.failure({ scope: 'config' });
      expect(error.exitCode).toBe(15);
      expect(error.message).toContain(
        "start Tempo: it is not ready after 20s: 0 of 2 pods are ready; pod 'tempo-0' is Running (container 'tempo' waits: CrashLoopBackOff: back-off 10s)",
      );
      expect(error.message).toContain(
        `the configuration of '${POINT}' is rolled back: Tempo is ready with the one that it had`,
      );
      expect(isConfigurationGood()).toBe(false);
      expect(scene.workload).toMatchObject({
        spec: { replicas: 2, template: { spec: { containers: [{ image: 'tempo:broken' }] } } },
      });
      expect(scene.find('Service', 'tempo').spec).toMatchObject({ ports: [{ port: 3201 }] });
    },
  );

  it('says so when Tempo is ready with neither configuration', async () => {
    await start({ workload: { becomesReady: () => false } });
    const error = await scene.failure({ scope: 'config' });
    expect(error.exitCode).toBe(15);
    expect(error.message).toContain("is rolled back, and Tempo isn't ready with the one that it had either");
    expect(isConfigurationGood()).toBe(false);
  });
});

describe('a restore after everything is gone', () => {
  it('makes every object from the recovery point, the workload without pods until its data is there', async () => {
    const counts: number[] = [];
    await start({
      secret: true,
      objects: [],
      controllers: [
        ({ object, type }) =>
          void (object.kind === 'StatefulSet' && type === 'ADDED' && counts.push(replicasOf(object))),
      ],
    });
    const { exitCode, result } = await scene.coordinate();
    expect(exitCode).toBe(0);
    expect(counts).toEqual([0]);
    expect(result.cluster?.configuration.map(({ kind, action }) => `${kind} ${action}`)).toEqual([
      'PersistentVolumeClaim created',
      'ConfigMap created',
      'Secret created',
      'Service created',
      'StatefulSet created',
    ]);
    expect(result.cluster).toMatchObject({ replicas: { before: 0, now: 2 } });
    expect(scene.find('Secret', 'tempo-s3').data).toEqual({ key: 'Z29vZA==' });
    blocksAre('restored');
    expect(result.cluster?.undo).toContain("# Service 'tempo' was created: delete it by hand");
  });
});

describe('a dry run', () => {
  it.each(['full', 'config', 'data', 'wal', 'all'] as const)(
    'of %s changes nothing, and says what would be',
    async (scope) => {
      await start();
      const { exitCode, result } = await scene.coordinate({ scope, dryRun: true });
      expect(exitCode).toBe(0);
      const writing = scene.cluster.calls.filter(({ verb }) => !['get', 'list'].includes(verb));
      expect(writing.filter(({ dryRun }) => !dryRun)).toEqual([]);
      expect(writing).toHaveLength(scope === 'full' || scope === 'config' ? 3 : 0);
      expect(scene.data()).toEqual(scene.spoilt());
      expect(result.dryRun).toBe(true);
      expect(result.cluster?.phases.every(({ seconds }) => seconds === null)).toBe(true);
      expect(result.cluster?.phases.map(({ name }) => name).includes('restore data')).toBe(scope !== 'config');
      expect(result.cluster?.undo).toEqual([]);
      expect(result.cluster?.remarks.join()).toContain(scope === 'config' ? '' : 'is known to the mover alone');
    },
  );
});

describe('what scales Tempo', () => {
  it('is named when it is a HorizontalPodAutoscaler', async () => {
    await start({
      objects: [
        ...tempoObjects('broken').filter(({ kind }) => kind !== 'Secret'),
        clusterObject('autoscaling/v2', 'HorizontalPodAutoscaler', 'other', {
          spec: { scaleTargetRef: { kind: 'StatefulSet', name: 'x' } },
        }),
        clusterObject('autoscaling/v2', 'HorizontalPodAutoscaler', 'scaler', {
          spec: { scaleTargetRef: { kind: 'StatefulSet', name: 'tempo' } },
        }),
      ],
    });
    const { result } = await scene.coordinate({ scope: 'data' });
    expect(result.cluster?.autoscaler).toBe('scaler');
    expect(result.cluster?.remarks).toEqual([
      "HorizontalPodAutoscaler 'scaler' does nothing while Tempo has no replicas",
    ]);
  });

  it('is a person: a Tempo that was stopped by hand stays so, and the result says it', async () => {
    await start();
    scene.cluster.put({ ...scene.workload, spec: { ...(scene.workload.spec as object), replicas: 0 } });
    const { exitCode, result } = await scene.coordinate({ scope: 'data' });
    expect(exitCode).toBe(0);
    expect(result.cluster).toMatchObject({ replicas: { before: 0, now: 0 }, compared: null });
    expect(result.cluster?.remarks).toContain(
      'Tempo had no replicas before the restore, and has none now: start it yourself',
    );
    blocksAre('restored');
  });
});

describe('a recovery point', () => {
  it("is the newest that is verified and sound when asked for 'latest-verified'", async () => {
    await start({ forge: (manifest) => ({ ...manifest, suspect: ['a block vanished'] }) });
    const error = await scene.failure();
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(
      `none of 1 is sound and verified, '${POINT}': it is suspect: a block vanished; run 'tempo-backup verify'`,
    );
    expect((await scene.coordinate({ recoveryPoint: 'latest', allow: ['damaged'] })).exitCode).toBe(0);
  });

  it('of another namespace is restored into this one when that is meant', async () => {
    await start({ forge: (manifest) => ({ ...manifest, source: { ...manifest.source, namespace: 'staging' } }) });
    expect((await scene.coordinate({ allow: ['other-source'] })).exitCode).toBe(0);
    expect(isConfigurationGood()).toBe(true);
  });
});
