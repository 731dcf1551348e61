import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Pod, reference } from './harness/cluster/objects';
import { podsOf } from './harness/cluster/pod-ends';
import { eventually } from './harness/cluster/wait';
import { tracesInNewestPoint } from './harness/recovery-point';
import { Scene } from './harness/scene';
import { kubernetesSuite } from './harness/suite';
import { TEMPO } from './harness/tempo/tempo-objects';
import { Timings } from './harness/timings';

const timings = new Timings();
const AWAY_MS = 15_000;
/** Sent before the way to the bucket is held, of several megabytes: in the middle of a block. */
const FIRST_BYTES = 500_000;

const { E2E_API_SERVER_PAUSE, E2E_API_SERVER_RESUME } = process.env;
const shell = async (command: string): Promise<unknown> => promisify(execFile)('/bin/sh', ['-c', command]);

afterAll(() => timings.print('Disturbances while a backup runs'));

kubernetesSuite('a backup that is disturbed', () => {
  let scene: Scene;
  let traceIds: string[];
  beforeAll(async () => {
    scene = await Scene.create();
    traceIds = [];
  });
  afterAll(() => scene?.remove());
  afterEach(() => scene.bucket.way.open());

  /** Gives Tempo blocks that no point has, and starts a backup that stops in the middle of them: it runs until the way is opened. */
  async function startHeldBackup(): Promise<string> {
    const pushed = await scene.tempo.push(20, 100_000);
    await scene.tempo.flushed((await scene.tempo.liveObjects()) + pushed.length);
    traceIds.push(...pushed);
    let isHeld = false;
    void scene.bucket.way.hold(FIRST_BYTES).then(() => (isHeld = true));
    const job = await scene.startJob('tempo-backup-hourly');
    await eventually('a backup in the middle of its blocks', async () => isHeld, {
      explain: () => scene.logOfJob(job),
    });
    return job;
  }

  /** The newest point has all traces, and what all points name is whole. */
  async function expectWhole(): Promise<void> {
    const found = await tracesInNewestPoint(scene.bucket.url);
    expect(traceIds.filter((traceId) => !found.has(traceId))).toEqual([]);
    const { exitCode, log } = await scene.runJob('tempo-verify');
    expect([exitCode, log]).toEqual([0, expect.anything()]);
  }

  const measure = <T>(scenario: string, what: string, run: () => Promise<T>): Promise<T> =>
    timings.measure(scenario, what, { limit: 300, run });

  it('ends well when the pod of Tempo is killed', async () => {
    const job = await startHeldBackup();
    await scene.killPod(TEMPO.pod);
    await measure('pod of Tempo killed', 'Tempo ready again', () => restarted());
    scene.bucket.way.open();
    const { exitCode, log } = await measure('pod of Tempo killed', 'rest of the running backup', () =>
      scene.jobEnd(job),
    );
    expect([exitCode, log]).toEqual([0, expect.anything()]);
    await expectWhole();
    expect(await scene.tempo.missing(traceIds)).toEqual([]);
  });

  it('is made again by its Job when its pod is killed, and leaves no point before', async () => {
    const before = await scene.bucket.points();
    const job = await startHeldBackup();
    await scene.killPod(await scene.runningPod(job));
    expect(await scene.bucket.points()).toEqual(before);
    scene.bucket.way.open();
    const { exitCode } = await measure('pod of the backup killed', 'backup, second pod', () => scene.jobEnd(job));
    expect(exitCode).toBe(0);
    expect(await scene.bucket.points()).toHaveLength(before.length + 1);
    await expectWhole();
  });

  it('leaves no point when its Job is deleted, and the next run is whole', async () => {
    const before = await scene.bucket.points();
    const job = await startHeldBackup();
    const pod = await scene.runningPod(job);
    await scene.api.delete(reference('Job', scene.namespace, job));
    await eventually('end of the pod', async () => !(await scene.api.get(reference('Pod', scene.namespace, pod))));
    expect(await scene.bucket.points()).toEqual(before);
    scene.bucket.way.open();
    // Mostly 3 s. Where the pod's network went before the server heard of the upload's end, MinIO keeps the object's key locked for the half a
    // minute that it waits for the rest, and the same object can't be stored before.
    const { exitCode } = await measure('Job deleted', 'next run', () => scene.runJob('tempo-backup-hourly'));
    expect(exitCode).toBe(0);
    await expectWhole();
  });

  it('goes on when the bucket is away for a while', async () => {
    const job = await startHeldBackup();
    scene.bucket.way.close();
    await sleep(AWAY_MS);
    scene.bucket.way.open();
    const { exitCode, log } = await measure('bucket away in the middle', 'rest of the backup, its retry included', () =>
      scene.jobEnd(job),
    );
    expect([exitCode, log]).toEqual([0, expect.anything()]);
    await expectWhole();
  });

  it('fails in a way that is retried and alerted on when the bucket is away, and comes back by itself', async () => {
    const before = await scene.bucket.points();
    scene.bucket.way.close();
    const job = await scene.startJob('tempo-backup-hourly');
    const exitCode = await measure('bucket away from the start', 'failure of the run', () =>
      eventually('a failed pod', async () => firstExitCode(job), { seconds: 240 }),
    );
    expect(exitCode).toBe(1);
    expect(await scene.bucket.points()).toEqual(before);
    scene.bucket.way.open();
    expect((await measure('bucket away from the start', 'retry of the Job', () => scene.jobEnd(job))).exitCode).toBe(0);
    await expectWhole();
  });

  it('is whole when its node has been drained', async () => {
    const job = await startHeldBackup();
    await scene.setSchedulable(false);
    try {
      await scene.evict(await scene.runningPod(job));
      await scene.evict(TEMPO.pod);
      await eventually('both pods gone', async () => {
        const pods = [
          ...(await podsOf(scene.api, scene.namespace, job)),
          await scene.api.get<Pod>(reference('Pod', scene.namespace, TEMPO.pod)),
        ];
        return !pods.some((pod) => pod?.status.phase === 'Running');
      });
    } finally {
      await scene.setSchedulable(true);
      scene.bucket.way.open();
    }
    // The eviction isn't counted as a failure: the same Job makes another pod, which waits for Tempo's node.
    const { exitCode } = await measure('node drained', 'backup after the node is back', () => scene.jobEnd(job));
    expect(exitCode).toBe(0);
    await scene.tempo.ready();
    await expectWhole();
    expect(await scene.tempo.missing(traceIds)).toEqual([]);
  });

  const itWithPausableServer = E2E_API_SERVER_PAUSE && E2E_API_SERVER_RESUME ? it : it.skip;
  itWithPausableServer('ends well when the API server is away for a while', async () => {
    const job = await startHeldBackup();
    await shell(E2E_API_SERVER_PAUSE ?? '');
    try {
      scene.bucket.way.open();
      await sleep(AWAY_MS);
    } finally {
      await shell(E2E_API_SERVER_RESUME ?? '');
    }
    const { exitCode } = await measure('API server away', 'end of the Job after it is back', () => scene.jobEnd(job));
    expect(exitCode).toBe(0);
    await expectWhole();
  });

  async function firstExitCode(job: string): Promise<number | undefined> {
    const [pod] = await podsOf(scene.api, scene.namespace, job);
    return pod?.status.containerStatuses?.[0]?.state.terminated?.exitCode;
  }

  /** A pod of the same name, but another one. */
  async function restarted(): Promise<void> {
    await eventually('another pod of Tempo', async () => {
      const pod = await scene.api.get<Pod>(reference('Pod', scene.namespace, TEMPO.pod));
      return pod?.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
    });
    await scene.tempo.ready();
  }
});
