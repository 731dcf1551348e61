import { pointKey } from '../../../lib/contract/repository-layout';
import { prune, type PruneOptions } from '../../../runtime/repository/prune';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { LockingStorage } from '../../helpers/locking-storage';
import {
  backUp,
  DAY,
  FakeClock,
  FakeTempo,
  GRACE,
  HOUR,
  openRepository,
  readWholePoint,
  verifyAll,
} from '../../helpers/repository-blocks';

/** A point each day for eight days, each with a new block, of which the source keeps `live`; the newest is an hour old. */
async function aWeekOfLocks({ lock, live }: { readonly lock: number | undefined; readonly live: number }) {
  const clock = new FakeClock();
  const storage = new LockingStorage(clock.now, lock);
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(5, clock);
  const ids: string[] = [];
  for (let day = 0; day < 8; day++) {
    tempo.addBlock();
    const [oldest] = [...tempo.blocks.values()];
    if (oldest && tempo.blocks.size > live) tempo.remove(oldest);
    const { manifest } = await backUp(repository, tempo, { deleteAfter: '7d', retention: () => 0 });
    ids.push(manifest.id);
    clock.pass(day < 7 ? DAY : HOUR);
  }
  await verifyAll(repository);
  const pruneNow = (options: Partial<PruneOptions> = {}) =>
    prune(repository, { grace: GRACE, maxShare: 0.9, ...options });
  const keys = (prefix: string) => [...storage.objects.keys()].filter((key) => key.startsWith(prefix));
  return { clock, storage, repository, tempo, ids, pruneNow, keys };
}

describe('prune in a bucket that locks objects', () => {
  it('leaves what is locked, says until when, and deletes it in the first run after that', async () => {
    const { clock, storage, ids, pruneNow, keys } = await aWeekOfLocks({ lock: 12 * DAY, live: 2 });
    clock.pass(DAY);
    expect((await pruneNow()).points.condemned).toEqual([ids[1], ids[0]]);
    clock.pass(2 * DAY);
    const before = [...storage.objects.keys()];
    const held = await pruneNow();
    const untils = [ids[1], ids[0]].map((id = '') => ({
      id,
      until: storage.locked.get(pointKey(id))?.until.toISOString() ?? '',
    }));
    expect(held.points.deleted).toEqual([]);
    expect(held.objects.deleted).toBe(0);
    expect(held.locks?.points).toEqual(untils);
    expect(held.locks?.until).toBe(untils[0]?.until);
    expect([...storage.objects.keys()]).toEqual(expect.arrayContaining(before));

    clock.pass(3 * DAY);
    const freed = await pruneNow();
    expect(freed.points.deleted).toEqual([ids[1], ids[0]]);
    expect(freed.objects.deleted).toBeGreaterThan(0);
    expect(keys('points/')).not.toContain(pointKey(ids[0] ?? ''));
  });

  it('leaves a locked object of a point that is gone, and counts it with its bytes', async () => {
    const { clock, storage, pruneNow } = await aWeekOfLocks({ lock: HOUR, live: 2 });
    clock.pass(DAY);
    await pruneNow();
    const [record = ''] = [...storage.objects.keys()].filter((key) => key.startsWith('condemned/'));
    clock.pass(2 * DAY);
    const { objects: would } = await pruneNow({ dryRun: true });
    const longest = new Date(clock.now().getTime() + 5 * DAY);
    const [key = ''] = [...storage.objects.keys()].filter((each) => each.startsWith('blocks/'));
    storage.locked.set(key, { mode: 'GOVERNANCE', until: longest });
    const { locks, objects, points } = await pruneNow();
    expect(points.deleted).not.toEqual([]);
    expect(objects.deleted).toBe(would.deleted - 1);
    expect(locks).toMatchObject({ points: [], objects: 1, bytes: storage.objects.get(key)?.bytes.length });
    expect(locks?.until).toBe(longest.toISOString());
    // The note stays with it, or it would have to be condemned again.
    expect(storage.objects.has(record)).toBe(true);
    clock.pass(6 * DAY);
    await pruneNow();
    expect(storage.objects.has(key)).toBe(false);
    expect(storage.objects.has(record)).toBe(false);
  });

  it('leaves what is under a legal hold for as long as it is, and says so, whatever the time', async () => {
    const { clock, storage, ids, pruneNow } = await aWeekOfLocks({ lock: HOUR, live: 2 });
    clock.pass(DAY);
    await pruneNow();
    clock.pass(2 * DAY);
    const [id = ''] = ids;
    storage.held.add(pointKey(id));
    const held = await pruneNow();
    expect(held.points.deleted).toEqual([ids[1]]);
    expect(held.locks).toMatchObject({ points: [{ id, until: null }], objects: 0, held: 1, until: null });
    clock.pass(100 * DAY);
    expect((await pruneNow({ dryRun: true })).locks?.points).toContainEqual({ id, until: null });
    expect(storage.objects.has(pointKey(id))).toBe(true);

    storage.held.clear();
    expect((await pruneNow({ maxShare: 1 })).points.deleted).toContain(id);
    expect(storage.objects.has(pointKey(id))).toBe(false);
  });

  it('leaves an object under a legal hold beside one that is locked, and counts both', async () => {
    const { clock, storage, pruneNow } = await aWeekOfLocks({ lock: HOUR, live: 2 });
    clock.pass(DAY);
    await pruneNow();
    clock.pass(2 * DAY);
    const until = new Date(clock.now().getTime() + DAY);
    const [held = '', locked = ''] = [...storage.objects.keys()].filter((each) => each.startsWith('blocks/'));
    storage.held.add(held);
    storage.locked.set(held, { mode: 'COMPLIANCE', until: new Date(until.getTime() + DAY) });
    storage.locked.set(locked, { mode: 'COMPLIANCE', until });
    const { locks } = await pruneNow();
    expect(locks).toMatchObject({ points: [], objects: 2, held: 1, until: until.toISOString() });
    expect([held, locked].map((key) => storage.objects.has(key))).toEqual([true, true]);
  });

  it('makes the locks longer of what newer points still need, until the newest of them ends', async () => {
    const period = 5 * DAY;
    const { storage, repository, ids, pruneNow, keys } = await aWeekOfLocks({ lock: period, live: 9 });
    const newest = storage.objects.get(pointKey(ids[7] ?? ''))?.modifiedAt.getTime() ?? 0;
    const { locks } = await pruneNow();
    const short = keys('blocks/').filter(
      (key) => (storage.locked.get(key)?.until.getTime() ?? 0) < newest + 0.9 * period,
    );
    expect(short).toEqual([]);
    const [old = ''] = storage.extended;
    expect(storage.locked.get(old)).toEqual({ mode: 'COMPLIANCE', until: new Date(newest + period) });
    expect(locks?.extended).toBe(storage.extended.length);
    expect(locks?.extended).toBeGreaterThan(6);
    // The youngest block is as old as its point: its own lock does.
    const young = keys('blocks/').filter((key) => storage.objects.get(key)?.modifiedAt.getTime() === newest);
    expect(young).not.toEqual([]);
    expect(storage.asked.filter((key) => young.includes(key))).toEqual([]);
    expect((await readWholePoint(repository, ids[7] ?? '')).size).toBeGreaterThan(0);

    storage.extended.length = 0;
    expect((await pruneNow()).locks?.extended).toBe(0);
    expect(storage.extended).toEqual([]);
  });

  it('locks what was stored before the bucket locked anything, but not what only points need whose own lock would be over', async () => {
    const { storage, ids, pruneNow, keys } = await aWeekOfLocks({ lock: undefined, live: 3 });
    storage.period = 2 * DAY;
    await pruneNow();
    const timeOf = (key = '') => storage.objects.get(key)?.modifiedAt.getTime() ?? 0;
    const first = timeOf(pointKey(ids[0] ?? ''));
    const days = keys('blocks/')
      .filter((key) => storage.locked.has(key))
      .map((key) => (timeOf(key) - first) / DAY);
    // The blocks of the last two points, but for the newest one, which its own lock would cover.
    expect([...new Set(days)].sort()).toEqual([4, 5, 6]);
    const modes = keys('blocks/').flatMap((key) => storage.locked.get(key)?.mode ?? []);
    expect(new Set(modes)).toEqual(new Set(['GOVERNANCE']));
  });

  it('writes nothing in a dry run, and says the same', async () => {
    const { storage, pruneNow } = await aWeekOfLocks({ lock: 5 * DAY, live: 9 });
    const dry = await pruneNow({ dryRun: true });
    expect(dry.locks?.extended).toBeGreaterThan(0);
    expect(storage.extended).toEqual([]);
    expect((await pruneNow()).locks?.extended).toBe(dry.locks?.extended);
  });

  it('warns when the bucket locks less than the plan says', async () => {
    const { pruneNow, storage, repository } = await aWeekOfLocks({ lock: DAY, live: 2 });
    expect((await pruneNow({ lockPeriod: DAY })).warnings).toEqual([]);
    const [shorter] = (await pruneNow({ lockPeriod: 3 * DAY })).warnings;
    expect(shorter).toMatch(/^'plan\.storage\.lockPeriod' is 3d, but 'memory:' locks new objects for 1d only; /);
    storage.period = undefined;
    expect((await pruneNow({ lockPeriod: 3 * DAY })).warnings).toEqual([]);
    const plain = Object.assign(repository, { storage: copyOf(storage) });
    const { warnings, locks } = await prune(plain, { grace: GRACE, maxShare: 1, lockPeriod: 3 * DAY });
    expect(warnings).toEqual([expect.stringContaining("is 3d, but 'memory:' locks nothing; ")]);
    expect(locks).toBeNull();
  });
});

function copyOf(storage: LockingStorage): MemoryStorage {
  const copy = new MemoryStorage();
  for (const [key, object] of storage.objects) copy.objects.set(key, object);
  return copy;
}
