import { gzipSync } from 'node:zlib';
import { IntegrityError, RefusedError } from '../../../runtime/errors';
import { prune, type PruneOptions } from '../../../runtime/repository/prune';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { sourceOf } from '../../helpers/buffer-source';
import { CountingStorage } from '../../helpers/counting-storage';
import {
  backUp,
  type BackupOptions,
  beginBackup,
  contentsOf,
  DAY,
  detailsOf,
  FakeClock,
  FakeTempo,
  GRACE,
  HOUR,
  openRepository,
  readWholePoint,
  storeAll,
  toStore,
  verifyAll,
} from '../../helpers/repository-blocks';

async function newWorld() {
  const clock = new FakeClock();
  const memory = new MemoryStorage({ clock: clock.now });
  const storage = new CountingStorage(memory);
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(5, clock);
  const backup = async (options: BackupOptions = {}) =>
    (await backUp(repository, tempo, { deleteAfter: '7d', retention: () => 0, ...options })).manifest;
  const pruneNow = (options: Partial<PruneOptions> = {}) =>
    prune(repository, { grace: GRACE, maxShare: 0.5, ...options });
  const keys = (prefix: string) => [...memory.objects.keys()].filter((key) => key.startsWith(prefix));
  return { clock, memory, storage, repository, tempo, backup, pruneNow, keys };
}

/** A week with a new block each day, of which the source keeps two; all verified. */
async function aWeekLater() {
  const world = await newWorld();
  const { clock, tempo } = world;
  const ids: string[] = [];
  for (let day = 0; day < 8; day++) {
    tempo.addBlock();
    const [oldest] = [...tempo.blocks.values()];
    if (oldest && tempo.blocks.size > 2) tempo.remove(oldest);
    ids.push((await world.backup()).id);
    clock.pass(DAY);
  }
  await verifyAll(world.repository);
  return { ...world, ids };
}

describe('prune', () => {
  it('condemns first, and deletes only in a later run past the grace', async () => {
    const { clock, pruneNow, keys, ids, repository } = await aWeekLater();
    const blocks = keys('blocks/').length;
    const first = await pruneNow();
    expect(first.points).toMatchObject({ condemned: [ids[1], ids[0]], deleted: [] });
    expect(first.objects).toEqual({ condemned: 4 + 2, deleted: 0 });
    clock.pass(GRACE - HOUR);
    expect((await pruneNow()).points.deleted).toEqual([]);
    expect(keys('blocks/')).toHaveLength(blocks);
    clock.pass(HOUR);
    const second = await pruneNow();
    expect(second.points.deleted).toEqual([ids[1], ids[0]]);
    expect(second.objects.deleted).toBe(4 + 2);
    expect(keys('blocks/')).toHaveLength(blocks - 4);
    expect((await repository.listPoints()).points).toHaveLength(6);
    for (const id of ids.slice(2)) await readWholePoint(repository, id);
  });

  it('writes no byte but its record, reads no data, and deletes the record in the end', async () => {
    const { clock, storage, pruneNow, keys } = await aWeekLater();
    storage.reset();
    await pruneNow();
    expect(storage.keys.put).toEqual([expect.stringMatching(/^condemned\/[^/]+\.json\.gz$/)]);
    clock.pass(GRACE);
    await pruneNow();
    clock.pass(GRACE);
    await pruneNow();
    expect(
      storage.keys.get.concat(storage.keys.read).filter((key) => /^(blocks|wal|rewritten|config)\//.test(key)),
    ).toEqual([]);
    clock.pass(2 * DAY);
    storage.reset();
    await verifyAll(await openRepository(storage, clock));
    for (let run = 0; run < 4; run++, clock.pass(GRACE)) await pruneNow();
    expect(keys('condemned/')).toEqual([]);
  });

  it('changes nothing in a dry run, and tells what it would do and why points stay', async () => {
    const { clock, memory, pruneNow, ids } = await aWeekLater();
    const before = [...memory.objects.keys()];
    const { points, objects, dryRun } = await pruneNow({ dryRun: true });
    expect(dryRun).toBe(true);
    expect(points.condemned).toEqual([ids[1], ids[0]]);
    expect(points.kept[0]).toEqual({
      id: ids[7],
      reasons: [
        "younger than its 'deleteAfter' of 7d",
        'newest',
        'newest verified',
        'a running backup may build on it',
      ],
    });
    expect(objects.condemned).toBe(6);
    expect([...memory.objects.keys()]).toEqual(before);
    clock.pass(GRACE);
    expect((await pruneNow({ dryRun: true })).points.deleted).toEqual([]);
  });

  it('removes what an interrupted backup left, but not before it is older than any running one', async () => {
    const { clock, repository, tempo, pruneNow, keys, backup } = await newWorld();
    for (let n = 0; n < 4; n++) tempo.addBlock();
    await backup();
    await (await beginBackup(repository)).storeBlock(toStore(new FakeTempo(99, clock).addBlock()));
    clock.pass(GRACE - 1);
    expect((await pruneNow()).objects.condemned).toBe(0);
    clock.pass(1);
    expect((await pruneNow()).objects.condemned).toBe(4);
    clock.pass(GRACE);
    expect((await pruneNow()).objects.deleted).toBe(4);
    expect(keys('blocks/')).toHaveLength(16);
  });

  it('leaves keys that no backup makes', async () => {
    const { clock, memory, tempo, pruneNow, backup } = await newWorld();
    tempo.addBlock();
    await backup();
    const strangers = [
      'blocks/team-a/index.json.gz',
      'blocks/README',
      'config/mine',
      'indexes/old/list.json.gz',
      'other/x',
      'points/notes.txt',
    ];
    for (const key of strangers) await memory.put(key, sourceOf('x'));
    for (let run = 0; run < 3; run++, clock.pass(2 * GRACE)) await pruneNow();
    expect(strangers.filter((key) => !memory.objects.has(key))).toEqual([]);
  });

  it('keeps three records of verifications', async () => {
    const { clock, repository, tempo, pruneNow, keys, backup } = await newWorld();
    tempo.addBlock();
    await backup();
    for (let run = 0; run < 5; run++, clock.pass(HOUR)) await verifyAll(repository, 'quick');
    const newest = keys('verifications/').sort().slice(-3);
    await pruneNow();
    expect(keys('verifications/').sort()).toEqual(newest);
  });

  it('keeps a point that was condemned and then lost the proof of what came after it', async () => {
    const { clock, memory, pruneNow, ids, keys } = await aWeekLater();
    await pruneNow();
    for (const key of keys('verifications/')) memory.objects.delete(key);
    clock.pass(GRACE);
    expect((await pruneNow()).points.deleted).toEqual([]);
    expect(keys('points/')).toHaveLength(ids.length);
  });

  describe('does not believe a record', () => {
    const forge = async (memory: MemoryStorage, points: readonly string[], objects: readonly string[]) => {
      const record = { format: 1, points, objects: objects.map((key) => [key, 1]) };
      await memory.put('condemned/2026-01-01T00-00-00Z-aaaa.json.gz', sourceOf(gzipSync(JSON.stringify(record))));
    };

    it('that names points and objects in use, or anything else', async () => {
      const { clock, memory, repository, pruneNow, ids, keys } = await aWeekLater();
      await forge(memory, ids, [...memory.objects.keys(), '../../etc/passwd']);
      clock.pass(GRACE);
      const { points } = await pruneNow();
      expect(points.deleted).toEqual([ids[2], ids[1], ids[0]]);
      expect(memory.objects.has('repository.json')).toBe(true);
      expect(keys('points/')).toHaveLength(5);
      for (const id of ids.slice(3)) await readWholePoint(repository, id);
    });

    it('that names objects of an expired point which is still there', async () => {
      const { clock, memory, repository, pruneNow, ids } = await aWeekLater();
      await forge(memory, [], [...memory.objects.keys()]);
      clock.pass(GRACE);
      const { points, objects } = await pruneNow();
      expect(points.condemned).toHaveLength(3);
      expect(objects.deleted).toBe(0);
      for (const id of ids) await readWholePoint(repository, id);
    });

    it('that names what a running backup may just have stored', async () => {
      const { clock, memory, repository, tempo, backup, pruneNow, keys } = await newWorld();
      tempo.addBlock();
      await backup();
      const block = new FakeTempo(99, clock).addBlock();
      await forge(
        memory,
        [],
        ['data.parquet', 'meta.json'].map((name) => `blocks/team-a/${block.id}/${name}`),
      );
      clock.pass(GRACE);
      await (await beginBackup(repository)).storeBlock(toStore(block));
      clock.pass(2 * GRACE - 1);
      expect((await pruneNow({ allow: new Set(['mass-deletion']) })).objects.deleted).toBe(0);
      expect(keys('blocks/')).toHaveLength(8);
    });
  });
});

describe('prune refuses', () => {
  it('while the newest point is suspect, unless that is allowed', async () => {
    const { tempo, pruneNow, backup, keys } = await newWorld();
    const [lost] = [tempo.addBlock(), tempo.addBlock()];
    await backup({ retention: () => undefined });
    tempo.remove(lost);
    await backup({ retention: () => undefined });
    const refused = pruneNow();
    await expect(refused).rejects.toBeInstanceOf(RefusedError);
    await expect(refused).rejects.toMatchObject({
      lift: 'suspect-source',
      message: expect.stringContaining(lost.id) as string,
    });
    expect((await pruneNow({ dryRun: true })).refused).toMatchObject({ lift: 'suspect-source' });
    await expect(pruneNow({ allow: new Set(['suspect-source']) })).resolves.toMatchObject({ refused: undefined });
    expect(keys('condemned/')).toEqual([]);
  });

  async function manyExpired(points: number) {
    const world = await newWorld();
    for (let n = 0; n < points; n++, world.clock.pass(HOUR)) {
      world.tempo.addBlock();
      await world.backup({ deleteAfter: '1h' });
    }
    await verifyAll(world.repository);
    world.clock.pass(30 * DAY);
    return world;
  }

  it('when it would remove more than the share, unless that is allowed; later runs go on without', async () => {
    const { clock, pruneNow, keys } = await manyExpired(12);
    await expect(pruneNow()).rejects.toMatchObject({ lift: 'mass-deletion', exitCode: 15 });
    expect(keys('condemned/')).toEqual([]);
    await expect(pruneNow({ maxShare: 0.95 })).resolves.toMatchObject({ points: { condemned: { length: 11 } } });
    clock.pass(GRACE);
    await expect(pruneNow()).resolves.toMatchObject({ points: { deleted: { length: 11 } } });
  });

  it('for the share of bytes, however few points there are', async () => {
    const { pruneNow } = await manyExpired(9);
    await expect(pruneNow()).rejects.toMatchObject({
      lift: 'mass-deletion',
      message: expect.stringContaining('bytes'),
    });
  });

  it('when manifests were lost, however few points there were', async () => {
    const { clock, memory, tempo, pruneNow, backup, keys } = await newWorld();
    tempo.addBlock();
    await backup();
    for (const key of keys('points/')) memory.objects.delete(key);
    clock.pass(5 * GRACE);
    await expect(pruneNow()).rejects.toMatchObject({ lift: 'mass-deletion' });
  });

  it.each(['points/', 'indexes/'])(
    'when something below %s that is in use is damaged, and deletes nothing',
    async (prefix) => {
      const { clock, memory, pruneNow, keys, repository } = await aWeekLater();
      await pruneNow();
      clock.pass(GRACE);
      const newest = await repository.newest();
      const key = prefix === 'points/' ? `points/${newest?.id ?? ''}.json` : (newest?.tenants[0]?.index.key ?? '');
      memory.objects.get(key)?.bytes.fill(0x41, 3);
      const before = keys('');
      const failed = pruneNow();
      await expect(failed).rejects.toBeInstanceOf(IntegrityError);
      await expect(failed).rejects.toThrow(/nothing is deleted/);
      expect(keys('')).toEqual(before);
    },
  );

  it('while there is a manifest whose name it does not know', async () => {
    const { memory, pruneNow } = await aWeekLater();
    await memory.put('points/copy of a point.json', sourceOf('{}'));
    await expect(pruneNow()).rejects.toThrow(/'points\/copy of a point.json' is no manifest/);
  });

  it('no progress for ever because of an expired point that is damaged', async () => {
    const { clock, memory, pruneNow, repository, ids, keys } = await aWeekLater();
    await pruneNow();
    clock.pass(GRACE);
    const third = await repository.manifest(ids[2] ?? '');
    memory.objects.get(third.tenants[0]?.index.key ?? '')?.bytes.fill(0);
    await expect(pruneNow()).rejects.toBeInstanceOf(IntegrityError);
    clock.pass(GRACE);
    await pruneNow();
    clock.pass(GRACE);
    await pruneNow();
    expect(keys('points/')).not.toContain(`points/${third.id}.json`);
  });
});

describe('prune beside a running backup', () => {
  const ANYTHING = { allow: new Set(['mass-deletion']) };

  it('waits for as long as the most patient runner may take, whatever its own grace', async () => {
    const { clock, repository, tempo, pruneNow, backup, keys } = await newWorld();
    tempo.addBlock();
    await backup({ grace: 5 * DAY });
    clock.pass(10 * DAY);
    await (await beginBackup(repository)).storeBlock(toStore(tempo.addBlock()));
    clock.pass(5 * DAY - HOUR);
    expect((await pruneNow({ grace: HOUR, ...ANYTHING })).objects).toEqual({ condemned: 0, deleted: 0 });
    clock.pass(HOUR);
    expect((await pruneNow({ grace: HOUR, ...ANYTHING })).objects).toEqual({ condemned: 4, deleted: 0 });
    clock.pass(5 * DAY - HOUR);
    expect((await pruneNow({ grace: HOUR, ...ANYTHING })).objects.deleted).toBe(0);
    expect(keys('blocks/')).toHaveLength(8);
    clock.pass(HOUR);
    expect((await pruneNow({ grace: HOUR, ...ANYTHING })).objects.deleted).toBe(4);
  });

  it('looks again before it deletes, and leaves what a point names that was committed meanwhile', async () => {
    const { clock, memory, repository, tempo, pruneNow, backup, storage } = await newWorld();
    tempo.addBlock();
    await backup();
    const block = tempo.addBlock();
    await (await beginBackup(repository)).storeBlock(toStore(block));
    // A runner without any deadline: it adopts what is old.
    const careless = await beginBackup(repository, { grace: 100 * DAY });
    const cut = await storeAll(careless, tempo);
    clock.pass(GRACE);
    await pruneNow(ANYTHING);
    clock.pass(GRACE);
    const list = memory.list.bind(memory);
    let committed: string | undefined;
    jest.spyOn(memory, 'list').mockImplementation(async function* (prefix, startAfter) {
      yield* list(prefix, startAfter);
      if (prefix !== 'wal/' || committed !== undefined) return;
      committed = '';
      committed = (await careless.commit(detailsOf({ ...cut, damaged: [], cutAt: clock.now() }))).manifest.id;
    });
    storage.reset();
    expect((await pruneNow(ANYTHING)).objects.deleted).toBe(0);
    expect(storage.keys.list.filter((prefix) => prefix === 'points/')).toHaveLength(2);
    expect(await readWholePoint(repository, committed ?? '')).toEqual(contentsOf(tempo));
  });

  it('deletes nothing that a backup found before it began to condemn', async () => {
    const { clock, repository, tempo, pruneNow, backup } = await newWorld();
    tempo.addBlock();
    await backup({ deleteAfter: '1h' });
    // Left by an interrupted run, adopted by one that is slow, condemned and looked at again meanwhile.
    const block = tempo.addBlock();
    await (await beginBackup(repository)).storeBlock(toStore(block));
    clock.pass(GRACE - HOUR);
    const slow = await beginBackup(repository);
    const cut = await storeAll(slow, tempo);
    clock.pass(2 * HOUR);
    await pruneNow({ allow: new Set(['mass-deletion']) });
    clock.pass(0.8 * GRACE);
    await pruneNow({ allow: new Set(['mass-deletion']) });
    const { manifest } = await slow.commit(detailsOf({ ...cut, damaged: [], cutAt: clock.now() }));
    for (let run = 0; run < 3; run++, clock.pass(GRACE)) await pruneNow({ allow: new Set(['mass-deletion']) });
    expect(await readWholePoint(repository, manifest.id)).toEqual(contentsOf(tempo));
  });
});
