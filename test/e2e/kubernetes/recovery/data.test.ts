import { type KubernetesObject, reference } from '../harness/cluster/objects';
import { eventually } from '../harness/cluster/wait';
import { expectExit } from '../harness/expect-exit';
import { kubernetesSuite } from '../harness/suite';
import { TEMPO } from '../harness/tempo/tempo-objects';
import { itWithFlush } from '../harness/tempo/tempo-version';
import { Timings } from '../harness/timings';
import { RecoveryScene } from './recovery-scene';

const timings = new Timings();
const HOUR = 3600;
const HALF_HOUR = 1800;

/** Every page of the WAL becomes garbage of the same length. */
const CORRUPT_WAL = `
const fs = require('node:fs');
for (const name of fs.readdirSync('/var/tempo/${TEMPO.walPath}', { recursive: true })) {
  const file = '/var/tempo/${TEMPO.walPath}/' + name;
  if (/\\/\\d{10}$/.test(file)) fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size, 7));
}`;

/** Tempo ends at a folder that it may not list. Nothing may be written there either, as to move it elsewhere does. */
const CLOSED_WAL = `
const fs = require('node:fs');
const [name] = fs.readdirSync('/var/tempo/${TEMPO.walPath}').filter((each) => each !== 'blocks');
fs.chmodSync('/var/tempo/${TEMPO.walPath}/' + name, 0o100);`;

const DELETE_BLOCKS = `
const fs = require('node:fs');
for (const name of fs.readdirSync('/var/tempo/traces/single-tenant')) fs.rmSync('/var/tempo/traces/single-tenant/' + name, { recursive: true });`;

jest.setTimeout(400_000);
afterAll(() => timings.print('Recovery of data'));

kubernetesSuite('a Tempo whose data is gone', () => {
  let at: RecoveryScene;
  beforeAll(async () => {
    const [found] = await (at = await RecoveryScene.create(timings)).scene.api.list(
      reference('VolumeSnapshotClass', '', ''),
    );
    await at.scene.applyRunner({ volumeSnapshotClass: found?.metadata.name });
    await at.workstation.signIn();
  });
  afterAll(() => at?.remove());

  /** Tempo has a copy of what it flushed a while ago, so that it finds the traces even so: that they are back its own count tells. */
  async function expectBlocks(): Promise<void> {
    await at.expectWhole();
    expect(await at.scene.tempo.liveObjects()).toBeGreaterThanOrEqual(at.traceIds.length);
  }

  async function expectGone(): Promise<void> {
    await at.scene.tempo.ready();
    await eventually('a Tempo without its traces', async () => (await at.scene.tempo.missing(at.traceIds)).length > 0);
  }

  it('has it back from recovery points after its claim was deleted, but for what came after the last one', async () => {
    await at.protect();
    const afterwards = await at.push(3);
    await at.loseClaim();
    await at.restartTempo();
    await expectGone();
    await at.restoreByKubectl('PVC deleted, from recovery points', HOUR);
    await at.expectWhole(afterwards);
  });

  it('has it back when blocks were deleted, of all tenants or of one', async () => {
    await at.protect();
    await at.onVolume(DELETE_BLOCKS);
    await at.restore(
      'blocks deleted',
      'tempo-backup restore --in-cluster --scope data --recovery-point latest-verified',
      {
        limit: HOUR,
      },
    );
    await expectBlocks();
    await at.onVolume(DELETE_BLOCKS);
    await at.restore('blocks of a tenant deleted', 'tempo-backup restore --in-cluster --scope data --tenant team-a', {
      limit: HOUR,
      examples: { 'team-a': 'single-tenant' },
    });
    await expectBlocks();
  });

  itWithFlush('has its WAL back, but for what came after the last recovery point', async () => {
    await at.protect();
    await at.pushToWal(5);
    await at.backUpWal();
    const afterwards = await at.pushToWal(2);
    await at.onVolume(CORRUPT_WAL);
    await at.restartTempo();
    await expectGone();
    await at.restore('WAL corrupted', 'tempo-backup restore --in-cluster --scope wal --recovery-point latest', {
      limit: HALF_HOUR,
    });
    await at.expectWhole(afterwards);
  });

  itWithFlush('starts without its WAL when that keeps it from starting', async () => {
    await at.protect();
    const unflushed = await at.pushToWal(2);
    await at.onVolume(CLOSED_WAL);
    await at.restartTempo();
    await at.crashing();
    const { result } = await at.restore(
      'WAL keeps Tempo from starting',
      'tempo-backup restore --in-cluster --scope wal --clear-wal',
      { limit: HALF_HOUR },
    );
    expect(result.movedAside).toEqual([expect.stringContaining('.tempo-backup-replaced-')]);
    await at.expectWhole(unflushed);
  });

  it('has blocks and WAL back by one command, its configuration left alone', async () => {
    await at.protect();
    await at.pushToWal(3);
    await at.backUpWal();
    await at.onVolume(DELETE_BLOCKS);
    const { result } = await at.restore(
      'blocks and WAL',
      'tempo-backup restore --in-cluster --scope all --recovery-point latest-verified',
      { limit: HOUR },
    );
    expect(result.cluster?.configuration).toEqual([]);
    await at.expectWhole();
  });

  it('has its claim back from a volume snapshot, WAL included', async () => {
    await at.protect();
    await at.pushToWal(3);
    expectExit('snapshot', await at.scene.runJob('tempo-snapshot-daily'));
    const [made] = await at.scene.api.list<KubernetesObject>(reference('VolumeSnapshot', at.scene.namespace, ''));
    const afterwards = await at.push(2);
    const restore = 'tempo-backup snapshot restore --name data-tempo-0-20261123-020000';
    const examples = { 'data-tempo-0-20261123-020000': made?.metadata.name ?? '', 'data-tempo-0': TEMPO.claim };
    await at.follow(`${restore} --dry-run`, { as: 'admin', examples });
    await at.follow(`${restore} --claim data-to-look-at`, { as: 'admin', examples });
    const swap = await at.follow(`${restore} --swap`, { as: 'admin', examples, exitCode: 15 });
    expect(swap.stdout).toContain('kubectl');
    await at.follow('kubectl -n monitoring scale statefulset/tempo --replicas=0', { as: 'admin' });
    await at.loseClaim();
    await at.measure('PVC deleted, from a volume snapshot', 'snapshot restore, then scale up', async () => {
      await at.follow(`${restore} --claim data-tempo-0`, { as: 'admin', examples });
      await at.follow('kubectl -n monitoring scale statefulset/tempo --replicas=1', { as: 'admin' });
      await at.scene.tempo.ready();
    });
    await at.expectWhole(afterwards);
  });
});
