import { IntegrityError, RefusedError, SourceRegressedError } from '../../../runtime/errors';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { sourceOf } from '../../helpers/buffer-source';
import { CountingStorage } from '../../helpers/counting-storage';
import {
  backUp,
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
} from '../../helpers/repository-blocks';

function newWorld() {
  const clock = new FakeClock();
  const memory = new MemoryStorage({ clock: clock.now });
  const storage = new CountingStorage(memory);
  const tempo = new FakeTempo(7, clock);
  return { clock, memory, storage, tempo, open: () => openRepository(storage, clock) };
}

describe('a backup', () => {
  it('uploads each file of new blocks, the changed indexes and the manifest, nothing else', async () => {
    const { storage, tempo, open } = newWorld();
    for (let n = 0; n < 5; n++) tempo.addBlock('team-a');
    tempo.addBlock('team-b');
    await backUp(await open(), tempo);
    storage.reset();
    tempo.addBlock('team-b');
    tempo.addBlock('team-b');
    const { manifest, stats } = await backUp(await open(), tempo);
    expect(storage.counts.put).toBe(2 * 4 + 1 + 1);
    expect(stats).toMatchObject({ blocks: { total: 8, new: 2, reused: 6 }, uploads: 10 });
    expect(stats.bytes.sent).toBe(storage.bytes.created);
    expect(await readWholePoint(await open(), manifest.id)).toEqual(contentsOf(tempo));
  });

  it('makes three requests and one listing when nothing is new', async () => {
    const { storage, tempo, open } = newWorld();
    for (let n = 0; n < 50; n++) tempo.addBlock(n % 2 ? 'team-a' : 'team-b');
    tempo.addWal();
    await backUp(await open(), tempo, { config: { 'tempo.yaml': 'a: 1' } });
    storage.reset();
    const { manifest } = await backUp(await open(), tempo, { config: { 'tempo.yaml': 'a: 1' } });
    expect(storage.counts).toMatchObject({ get: 2, put: 1, list: 1, head: 0, read: 0, delete: 0, now: 0 });
    expect(storage.keys.put).toEqual([`points/${manifest.id}.json`]);
    expect(manifest.tenants.map(({ blocks }) => blocks)).toEqual([25, 25]);
  });

  it('puts meta.json last in each block, and only after the block was confirmed', async () => {
    const { storage, tempo, open } = newWorld();
    const block = tempo.addBlock();
    const builder = await beginBackup(await open());
    const before: string[] = [];
    const confirm = async () => void before.push(...storage.keys.put);
    await builder.storeBlock({ ...toStore(block), confirm });
    expect(before.filter((key) => key.startsWith('blocks/')).map((key) => key.split('/')[3])).toEqual([
      'data.parquet',
      'bloom-0',
      'index',
    ]);
    expect(storage.keys.put.at(-1)).toBe(`blocks/team-a/${block.id}/meta.json`);
  });

  it('sends nothing of a block whose meta.json only has another inode', async () => {
    const { storage, tempo, open } = newWorld();
    const block = tempo.addBlock();
    await backUp(await open(), tempo);
    block.seen = '999-1-1';
    storage.reset();
    await backUp(await open(), tempo);
    expect(storage.keys.put.filter((key) => key.startsWith('blocks/'))).toEqual([]);
    storage.reset();
    await backUp(await open(), tempo);
    expect(storage.counts.put).toBe(1);
  });

  it('gives a block that was written again with other bytes a place of its own, and keeps the old one', async () => {
    const { tempo, open } = newWorld();
    const block = tempo.addBlock();
    const first = (await backUp(await open(), tempo)).manifest.id;
    const before = contentsOf(tempo);
    tempo.rewrite(block);
    const repository = await open();
    const second = (await backUp(repository, tempo)).manifest;
    expect(await readWholePoint(repository, first)).toEqual(before);
    expect(await readWholePoint(repository, second.id)).toEqual(contentsOf(tempo));
    const [summary] = second.tenants;
    const index = summary && (await repository.index(summary));
    expect(index?.blocks[0]?.prefix).toMatch(new RegExp(`^rewritten/team-a/${block.id}/[0-9a-f]{16}$`));
  });

  it('adopts what an interrupted run left, and sends only what is missing', async () => {
    const { storage, tempo, open } = newWorld();
    const blocks = [tempo.addBlock(), tempo.addBlock(), tempo.addBlock()];
    const interrupted = await beginBackup(await open());
    for (const block of blocks.slice(0, 2)) await interrupted.storeBlock(toStore(block));
    storage.reset();
    const { stats } = await backUp(await open(), tempo);
    expect(storage.counts.put).toBe(4 + 1 + 1);
    expect(storage.bytes.refused).toBe(0);
    expect(stats.blocks).toEqual({ total: 3, new: 1, reused: 2 });
  });

  it('does not rely on objects that prune may be about to delete', async () => {
    const { clock, tempo, open } = newWorld();
    const block = tempo.addBlock();
    await (await beginBackup(await open())).storeBlock(toStore(block));
    clock.pass(GRACE);
    const repository = await open();
    const { manifest } = await backUp(repository, tempo);
    const [summary] = manifest.tenants;
    expect(summary && (await repository.index(summary)).blocks[0]?.prefix).toMatch(/^rewritten\//);
    expect(await readWholePoint(repository, manifest.id)).toEqual(contentsOf(tempo));
  });

  it('does not adopt other bytes of the same size', async () => {
    const { memory, tempo, open } = newWorld();
    const block = tempo.addBlock();
    const size = block.files.get('data.parquet')?.length ?? 0;
    await memory.put(`blocks/team-a/${block.id}/data.parquet`, sourceOf(Buffer.alloc(size, 1)));
    const repository = await open();
    const { manifest } = await backUp(repository, tempo);
    expect(await readWholePoint(repository, manifest.id)).toEqual(contentsOf(tempo));
  });

  it('sends only the pages of the WAL that are new, and leaves out what moved into a block', async () => {
    const { storage, tempo, open } = newWorld();
    const kept = tempo.addWal('team-a', 2);
    const gone = tempo.addWal('team-a', 1);
    await backUp(await open(), tempo);
    tempo.wal.delete(`${gone.id}+team-a+vParquet4`);
    const third = tempo.page(3);
    tempo.wal.set(`${kept.id}+team-a+vParquet4`, { ...kept, pages: [...kept.pages, third] });
    storage.reset();
    const { manifest } = await backUp(await open(), tempo);
    expect(storage.keys.put.filter((key) => key.startsWith('wal/'))).toEqual([
      `wal/${kept.id}+team-a+vParquet4/0000000003`,
    ]);
    expect(manifest.wal.map(({ pages }) => pages.length)).toEqual([3]);
    expect((await readWholePoint(await open(), manifest.id)).size).toBe(3);
  });

  it('keeps the previous entry of a damaged block, and marks the point when there is none', async () => {
    const { tempo, open } = newWorld();
    const [known] = [tempo.addBlock(), tempo.addBlock()];
    await backUp(await open(), tempo);
    const contents = contentsOf(tempo);
    const unknown = tempo.addBlock();
    const reason = 'data.parquet is too short';
    const damaged = [known, unknown].map(({ tenant, id }) => ({ tenant, block: id, reason }));
    const { manifest } = await backUp(await open(), tempo, { damaged });
    expect(await readWholePoint(await open(), manifest.id)).toEqual(contents);
    expect(manifest.damaged).toEqual(damaged);
    expect(manifest.suspect).toEqual([
      `block '${unknown.id}' of tenant 'team-a' is damaged at the source and in no earlier point: ${reason}`,
    ]);
    const later = await backUp(await open(), tempo, { damaged: damaged.slice(0, 1) });
    expect(later.manifest.suspect).toEqual([]);
  });

  it('gives up before the manifest when it ran longer than prune waits', async () => {
    const { clock, memory, tempo, open } = newWorld();
    tempo.addBlock();
    const builder = await beginBackup(await open());
    const cut = await storeAll(builder, tempo);
    clock.pass(GRACE);
    await expect(builder.commit(detailsOf({ ...cut, damaged: [], cutAt: clock.now() }))).rejects.toThrow(
      /longer than the 77760 s/,
    );
    expect([...memory.objects.keys()].filter((key) => key.startsWith('points/'))).toEqual([]);
  });

  it('gives up also when the clock was set back meanwhile', async () => {
    const { tempo, open } = newWorld();
    tempo.addBlock();
    const builder = await beginBackup(await open());
    const cut = await storeAll(builder, tempo);
    const later = performance.now() + GRACE;
    const spy = jest.spyOn(performance, 'now').mockReturnValue(later);
    const committed = builder.commit(detailsOf({ ...cut, damaged: [], cutAt: new Date() }));
    await expect(committed).rejects.toThrow(/longer than the 77760 s/);
    spy.mockRestore();
  });

  it('tells in its point how long it could have taken', async () => {
    const { tempo, open } = newWorld();
    const { manifest } = await backUp(await open(), tempo, { grace: 3 * HOUR });
    expect(manifest.grace).toBe(3 * HOUR);
  });

  it('makes no point whose manifest is too large to be read back', async () => {
    const { tempo, open, storage } = newWorld();
    tempo.addBlock();
    const repository = await open();
    await expect(backUp(repository, tempo, { pin: 'x'.repeat(17 * 1024 * 1024) })).rejects.toThrow(
      /^commit recovery point: its manifest has 178\d+ bytes, more than the 16777216 that are read back;/,
    );
    expect((await repository.listPoints()).points).toEqual([]);
    expect(storage.keys.put.some((key) => key.startsWith('points/'))).toBe(false);
  });

  it('lets two runs at once both make whole points', async () => {
    const { tempo, open, storage } = newWorld();
    for (let n = 0; n < 6; n++) tempo.addBlock();
    const repository = await open();
    const both = await Promise.all([backUp(repository, tempo), backUp(repository, tempo)]);
    expect(new Set(both.map(({ manifest }) => manifest.id)).size).toBe(2);
    for (const { manifest } of both) expect(await readWholePoint(repository, manifest.id)).toEqual(contentsOf(tempo));
    expect(storage.keys.put.some((key) => key.startsWith('rewritten/'))).toBe(false);
  });

  it('refuses another source unless that is allowed', async () => {
    const { tempo, open } = newWorld();
    tempo.addBlock();
    await backUp(await open(), tempo);
    const source = { name: 'other', tracesPath: 'traces', walPath: null, tempoVersion: null };
    const refused = backUp(await open(), tempo, { source });
    await expect(refused).rejects.toBeInstanceOf(RefusedError);
    await expect(refused).rejects.toMatchObject({ lift: 'other-source', exitCode: 15 });
    await expect(backUp(await open(), tempo, { source, allow: ['other-source'] })).resolves.toMatchObject({
      manifest: { suspect: [] },
    });
  });
});

describe('a source that lost something', () => {
  it('makes no point when it is empty and was not before, unless that is allowed', async () => {
    const { clock, tempo, open, memory } = newWorld();
    tempo.addBlock();
    await backUp(await open(), tempo);
    const empty = new FakeTempo(2, clock);
    await expect(backUp(await open(), empty)).rejects.toBeInstanceOf(SourceRegressedError);
    expect([...memory.objects.keys()].filter((key) => key.startsWith('points/'))).toHaveLength(1);
    await expect(backUp(await open(), empty, { allow: ['source-regression'] })).resolves.toMatchObject({
      manifest: { tenants: [] },
    });
  });

  it('makes no point when it is empty and nobody can tell what was before, unless that is allowed', async () => {
    const { clock, tempo, open, memory } = newWorld();
    await backUp(await open(), tempo);
    clock.pass(HOUR);
    tempo.addBlock();
    const { id } = (await backUp(await open(), tempo)).manifest;
    const empty = new FakeTempo(2, clock);
    memory.objects.get(`points/${id}.json`)?.bytes.fill(0x41, 3);
    await expect(backUp(await open(), empty)).rejects.toThrow(`'${id}' can't be read and may not have been`);
    for (const [key, { bytes }] of memory.objects) if (key.startsWith('points/')) bytes.fill(0x41, 3);
    await expect(backUp(await open(), empty)).rejects.toBeInstanceOf(SourceRegressedError);
    await expect(backUp(await open(), empty, { allow: ['source-regression'] })).resolves.toMatchObject({
      manifest: { tenants: [] },
    });
  });

  it('makes a suspect point when a block vanished, until it is back or that is allowed', async () => {
    const { tempo, open, storage } = newWorld();
    const [lost] = [tempo.addBlock(), tempo.addBlock()];
    const sound = (await backUp(await open(), tempo)).manifest;
    tempo.remove(lost);
    for (let run = 0; run < 2; run++) {
      const { manifest } = await backUp(await open(), tempo);
      expect(manifest.suspect).toEqual([`1 block of tenant 'team-a' vanished without explanation (${lost.id})`]);
      expect(manifest.baseline).toBe(sound.id);
    }
    tempo.blocks.set(`team-a/${lost.id}`, lost);
    storage.reset();
    const back = await backUp(await open(), tempo);
    expect(back.manifest).toMatchObject({ suspect: [], baseline: null });
    expect(storage.keys.put.filter((key) => !key.startsWith('points/'))).toEqual([]);
    tempo.remove(lost);
    expect((await backUp(await open(), tempo, { allow: ['source-regression'] })).manifest).toMatchObject({
      suspect: [],
      baseline: null,
    });
  });

  it('takes the disappearance of a whole tenant for a loss', async () => {
    const { tempo, open } = newWorld();
    tempo.addBlock('team-a');
    const lost = tempo.addBlock('team-b');
    await backUp(await open(), tempo);
    tempo.remove(lost);
    expect((await backUp(await open(), tempo)).manifest.suspect).toEqual([
      expect.stringContaining("tenant 'team-b' vanished"),
    ]);
  });

  it('goes on when the index of the previous point is damaged, stores the blocks again, and says that it cannot compare', async () => {
    const { memory, tempo, open } = newWorld();
    tempo.addBlock();
    const first = (await backUp(await open(), tempo)).manifest;
    const index = memory.objects.get(first.tenants[0]?.index.key ?? '');
    index?.bytes.writeUInt8(index.bytes.readUInt8(30) ^ 1, 30);
    tempo.addBlock();
    const { manifest, stats } = await backUp(await open(), tempo);
    expect(manifest.suspect).toEqual([expect.stringContaining('is damaged, so nobody can tell what vanished')]);
    expect(stats.warnings).toEqual([expect.stringContaining('its digest differs')]);
    expect(await readWholePoint(await open(), manifest.id)).toEqual(contentsOf(tempo));
    expect((await backUp(await open(), tempo)).manifest.suspect).toEqual([]);
  });

  it('goes on from an older point when the newest manifest is damaged', async () => {
    const { clock, memory, tempo, open } = newWorld();
    tempo.addBlock();
    await backUp(await open(), tempo);
    clock.pass(HOUR);
    const newest = (await backUp(await open(), tempo)).manifest.id;
    memory.objects.get(`points/${newest}.json`)?.bytes.fill(0x20, 5, 9);
    clock.pass(DAY);
    const { manifest, stats } = await backUp(await open(), tempo);
    expect(stats.warnings).toEqual([expect.stringContaining(newest)]);
    expect(await readWholePoint(await open(), manifest.id)).toEqual(contentsOf(tempo));
  });

  it('throws when the newest point belongs to another repository', async () => {
    const { memory, tempo, open } = newWorld();
    tempo.addBlock();
    await backUp(await open(), tempo);
    const { storage: other, open: openOther } = newWorld();
    await openOther();
    memory.objects.delete('repository.json');
    await memory.put('repository.json', sourceOf(await other.inner.get('repository.json')));
    const mixed = backUp(await open(), tempo);
    await expect(mixed).rejects.toBeInstanceOf(IntegrityError);
    await expect(mixed).rejects.toThrow(/belongs to another repository/);
  });
});
