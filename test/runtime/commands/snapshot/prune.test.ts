import { ExitCode } from '../../../../lib/contract/exit-codes';
import { remove } from '../../../../runtime/commands/snapshot/removal';
import { VolumeSnapshots } from '../../../../runtime/cluster/objects/volume-snapshots';
import { sourceOf } from '../../../helpers/buffer-source';
import { DAY, NAMESPACE, SnapshotScene, volumeSnapshot } from './snapshot-scene';

let scene: SnapshotScene;
beforeEach(async () => {
  scene = await SnapshotScene.start();
});
afterEach(() => scene.stop());

/** Makes one, as if so many days ago: the clock goes on, and what is there stays. */
async function made(rule: string | undefined, daysLater: number): Promise<string> {
  const before = new Set(scene.names());
  const { result } = await scene.run('create', ...(rule === undefined ? [] : ['--rule', rule]));
  expect(result.failed).toEqual([]);
  const name = scene.names().find((each) => !before.has(each)) ?? '';
  scene.clock.ahead += daysLater * DAY;
  return name;
}

/** The API server's times of what is there, as they would be had the clock of the cluster gone on, too. */
function age(name: string, days: number): void {
  const found = scene.cluster.find('VolumeSnapshot', name);
  if (!found) throw new Error(`no ${name}`);
  const time = new Date(Date.now() + scene.clock.ahead - days * DAY).toISOString();
  const status = { ...(found.status as object), creationTime: time };
  scene.cluster.put({ ...found, metadata: { ...found.metadata, creationTimestamp: time }, status });
}

describe('snapshot prune', () => {
  it('deletes by rule what is past its retention, and settles the record', async () => {
    const old = await made('daily', 1);
    const weekly = await made('weekly', 1);
    const newest = await made('daily', 0);
    for (const [name, days] of [
      [old, 15],
      [weekly, 15],
      [newest, 1],
    ] as const)
      age(name, days);
    const { exitCode, result } = await scene.run('prune');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ dryRun: false, deleted: [old], deleting: [], gone: [] });
    expect(result.kept).toEqual([
      { name: newest, reasons: ['newest of its claim', "younger than its 'deleteAfter' of 14d"] },
      { name: weekly, reasons: ["younger than its 'deleteAfter' of 90d"] },
    ]);
    expect(scene.names().sort()).toEqual([newest, weekly].sort());
    expect(JSON.parse(String(scene.storage.objects.get(`pvc-snapshots/${old}.deleted.json`)?.bytes))).toMatchObject({
      ...{ format: 1, name: old, repository: scene.repository.identity.id, reason: 'past its retention' },
    });
    expect((await scene.run('list')).result.volumeSnapshots.map(({ name }) => name)).not.toContain(old);
    // It needs no right to delete in the repository.
    expect(scene.storage.requests.delete).toBe(0);
  });

  it('says in a dry run what would be deleted, and changes nothing', async () => {
    const old = await made('daily', 1);
    const newest = await made('daily', 30);
    age(old, 30);
    age(newest, 30);
    const keys = scene.keys();
    const { result } = await scene.run('prune', '--dry-run');
    expect(result).toMatchObject({ dryRun: true, deleted: [old] });
    expect(scene.names()).toHaveLength(2);
    expect(scene.keys()).toEqual(keys);
  });

  it('keeps the newest ready one of a claim whatever its age, and not one that is broken', async () => {
    const ready = await made('daily', 100);
    const broken = await made('daily', 100);
    age(ready, 200);
    age(broken, 100);
    const found = scene.cluster.find('VolumeSnapshot', broken);
    if (found) scene.cluster.put({ ...found, status: { readyToUse: false, error: { message: 'lost' } } });
    const { result } = await scene.run('prune');
    expect(result.deleted).toEqual([broken]);
    expect(result.kept).toEqual([{ name: ready, reasons: ['newest of its claim'] }]);
  });

  it('deletes nothing that others made, nor what was made by hand', async () => {
    const byHand = await made(undefined, 1);
    const newest = await made('daily', 400);
    age(byHand, 401);
    age(newest, 400);
    const annotations = { 'tempo-backup/delete-after': '1d' };
    const foreign = scene.cluster.put(volumeSnapshot('of-others', { metadata: { annotations } }));
    age('of-others', 30);
    // Even when somebody forges a record of it.
    const record = { ...scene.record(newest), name: 'of-others', uid: foreign.metadata.uid, deleteAfter: '1d' };
    await scene.storage.put('pvc-snapshots/of-others.json', sourceOf(JSON.stringify(record)));
    const { result } = await scene.run('prune');
    expect(result.deleted).toEqual([]);
    expect(result.kept).toContainEqual({ name: byHand, reasons: ["has no 'deleteAfter'"] });
    expect(scene.names()).toContain('of-others');
  });

  it('deletes nothing because a record alone, or an annotation alone, says so', async () => {
    const forged = await made('weekly', 1);
    const annotated = await made('weekly', 1);
    const newest = await made('weekly', 29);
    for (const name of [forged, annotated, newest]) age(name, 30);
    const record = { ...scene.record(forged), deleteAfter: '1d', createdAt: '2020-01-01T00:00:00.000Z' };
    scene.storage.objects.delete(`pvc-snapshots/${forged}.json`);
    await scene.storage.put(`pvc-snapshots/${forged}.json`, sourceOf(JSON.stringify(record)));
    const found = scene.cluster.find('VolumeSnapshot', annotated);
    const annotations = { ...found?.metadata.annotations, 'tempo-backup/delete-after': '1d' };
    if (found) scene.cluster.put({ ...found, metadata: { ...found.metadata, annotations } });
    expect((await scene.run('prune')).result.deleted).toEqual([]);
  });

  it('keeps what has a record that can not be read, and ends with integrity', async () => {
    const old = await made('daily', 1);
    const newest = await made('daily', 30);
    age(old, 30);
    age(newest, 30);
    const key = `pvc-snapshots/${old}.json`;
    scene.storage.objects.delete(key);
    await scene.storage.put(key, sourceOf('{'));
    const { exitCode, result } = await scene.run('prune');
    expect([exitCode, result.deleted]).toEqual([ExitCode.INTEGRITY, []]);
  });

  it('settles what expired and is gone already, as after a run that was killed in between', async () => {
    const old = await made('daily', 1);
    const newest = await made('daily', 30);
    age(newest, 30);
    const found = scene.cluster.find('VolumeSnapshot', old);
    if (found) scene.cluster.remove(found);
    expect((await scene.run('prune')).result).toMatchObject({ deleted: [], gone: [old] });
    expect((await scene.run('prune')).result).toMatchObject({ deleted: [], gone: [] });
    expect(scene.keys()).toContain(`pvc-snapshots/${old}.deleted.json`);
  });

  it('records first what a run that was killed had made', async () => {
    const name = await made('daily', 0);
    for (const key of scene.keys()) scene.storage.objects.delete(key);
    expect((await scene.run('prune')).result).toMatchObject({ adopted: [name], deleted: [] });
    expect(scene.record(name)).toMatchObject({ rule: 'daily', deleteAfter: '14d' });
  });

  it('goes on after one that can not be deleted, and ends with its error', async () => {
    const [first, second] = [await made('daily', 1), await made('daily', 1)];
    const newest = await made('daily', 30);
    for (const name of [first, second, newest]) age(name, 30);
    scene.cluster.fault = ({ verb, name }) => (verb === 'delete' && name === first ? { status: 400 } : undefined);
    const { exitCode, result } = await scene.run('prune');
    expect([exitCode, result.deleted]).toEqual([ExitCode.FAILED, [second]]);
    expect(scene.names()).toContain(first);
  });
});

it('tells apart what is gone from what was only asked to go', async () => {
  const snapshots = new VolumeSnapshots(scene.cluster.api(), NAMESPACE);
  scene.cluster.put(volumeSnapshot('a'));
  expect(await remove(snapshots, 'a', 100)).toBe(true);
  scene.cluster.put(volumeSnapshot('b'));
  scene.cluster.fault = ({ verb }) => {
    // As with a finalizer: the server answers, and the object stays.
    if (verb === 'delete') setImmediate(() => scene.cluster.put(volumeSnapshot('b')));
    return undefined;
  };
  expect(await remove(snapshots, 'b', 100)).toBe(false);
});
