import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import { kubernetesRights } from '../../../../lib/contract/kubernetes-rights';
import { Repository } from '../../../../runtime/repository/repository';
import { run } from '../../../../runtime/run';
import { openStorage } from '../../../../runtime/storage/open-storage';
import { isPermitted, type RecordedCall } from '../../../helpers/cluster/api-request';
import { ClusterDouble } from '../../../helpers/cluster-double';
import { boundClaim, CLAIM, DAY, SnapshotScene, snapshotter } from './snapshot-scene';

describe('the rights of snapshot', () => {
  let scene: SnapshotScene;
  afterEach(() => scene.stop());

  it('are exactly what create, list and prune call', async () => {
    scene = await SnapshotScene.start();
    const { kubernetes } = scene.config;
    if (!kubernetes) throw new Error('no kubernetes');
    const rights = kubernetesRights('snapshot', kubernetes);
    scene.cluster.rights = rights;
    await scene.run('create', '--rule', 'daily');
    scene.clock.ahead = 15 * DAY;
    await scene.run('create', '--rule', 'daily');
    expect((await scene.run('prune')).result.deleted).toHaveLength(1);
    await scene.run('list');
    // One that fails, so that events are asked for.
    scene.cluster.put(boundClaim(CLAIM, { status: { phase: 'Pending' } }));
    expect((await scene.run('create')).result.failed).toHaveLength(1);
    const { calls } = scene.cluster;
    expect(calls.filter((call) => !isPermitted(call, rights))).toEqual([]);
    const granted = rights.flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${verb} ${group}/${resource}`));
    const made = new Set(calls.map(({ verb, group, resource }: RecordedCall) => `${verb} ${group}/${resource}`));
    expect([...made].sort()).toEqual([...granted].sort());
  });

  it('name no claims at all where none is configured: an empty list would mean every claim', async () => {
    scene = await SnapshotScene.start();
    const { kubernetes } = scene.config;
    if (!kubernetes) throw new Error('no kubernetes');
    const rights = kubernetesRights('snapshot', { ...kubernetes, persistentVolumeClaims: [] });
    expect(rights.map(({ resource }) => resource)).toEqual(['volumesnapshots', 'events']);
  });
});

describe('the command line of snapshot', () => {
  let folder: string;
  let cluster: ClusterDouble;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tempo-backup-snapshot-'));
    cluster = await ClusterDouble.start({ objects: [boundClaim(CLAIM)], controllers: [snapshotter()] });
  });
  afterEach(async () => {
    await cluster.stop();
    await rm(folder, { recursive: true });
  });

  async function type(kubernetes: string, ...args: string[]) {
    const config = join(folder, 'tempo-backup.yaml');
    const storage = join(folder, 'repository');
    await writeFile(config, `repository: { url: "file://${storage}" }\n${kubernetes}`);
    const written = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    const surroundings = {
      ...{ stdout: sink('stdout'), stderr: sink('stderr'), onSignal: () => undefined },
      openCluster: ({ signal }: { signal: AbortSignal }) => Promise.resolve(cluster.api(signal)),
    };
    await makeRepository(`file://${storage}`);
    return { exitCode: await run([...args, '--config', config], surroundings), ...written };
  }

  const KUBERNETES = `kubernetes: { namespace: monitoring, workload: { kind: Deployment, name: tempo }, persistentVolumeClaims: [${CLAIM}] }`;

  it('prints what was made', async () => {
    const { exitCode, stdout } = await type(KUBERNETES, 'snapshot', 'create', '--rule', 'daily');
    expect(stdout).toMatch(/volume snapshot data-tempo-0-\d{8}-\d{6} of data-tempo-0 · 10 GiB · kept for 14d · ready/);
    expect(exitCode).toBe(ExitCode.DONE);
  });

  it('prints why there is none, and the exit code says so', async () => {
    cluster.remove(boundClaim(CLAIM));
    const { exitCode, stdout } = await type(KUBERNETES, 'snapshot', 'create');
    expect(stdout).toContain(`FAILED ${CLAIM}: create volume snapshot of claim '${CLAIM}': there is none`);
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
  });

  it.each([
    [['create', '--swap'], "snapshot create: '--swap' is an option of 'restore'; leave it out"],
    [['list', '--dry-run'], "snapshot list: '--dry-run' is an option of 'prune' and 'restore'; leave it out"],
    [['prune', '--name', 'x'], "snapshot prune: '--name' is an option of 'restore'; leave it out"],
    [['restore'], "snapshot restore: '--name NAME' is missing; 'snapshot list' prints the names"],
  ])('refuses %j', async (args, message) => {
    const { exitCode, stderr } = await type(KUBERNETES, 'snapshot', ...args);
    expect([exitCode, stderr]).toEqual([ExitCode.CONFIGURATION, expect.stringContaining(message)]);
  });

  it('needs to know the claims', async () => {
    expect((await type('', 'snapshot', 'list')).stderr).toContain(
      "snapshot list: 'kubernetes' is missing in the configuration",
    );
  });
});

/** As the first backup does. */
async function makeRepository(url: string): Promise<void> {
  const storage = await openStorage(url, { create: true, signal: new AbortController().signal });
  await Repository.open(storage, { create: true });
  await storage.close();
}
