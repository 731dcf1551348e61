import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import { backUp, FakeClock, FakeTempo, HOUR, openRepository } from '../../../helpers/repository-blocks';

async function newWorld() {
  const clock = new FakeClock();
  const repository = await openRepository(new MemoryStorage({ clock: clock.now }), clock);
  const tempo = new FakeTempo(3, clock);
  tempo.addBlock();
  const wal = tempo.addWal();
  await backUp(repository, tempo);
  clock.pass(HOUR);
  return { clock, repository, tempo, wal };
}

describe('a WAL block that vanished', () => {
  it('makes the point suspect, and those after it, until it is back', async () => {
    const { repository, tempo, wal } = await newWorld();
    const all = new Map(tempo.wal);
    tempo.wal.clear();
    for (let run = 0; run < 2; run++) {
      const { manifest } = await backUp(repository, tempo);
      expect(manifest.suspect).toEqual([`1 WAL block of tenant 'team-a' vanished without explanation (${wal.id})`]);
      expect(manifest.baseline).not.toBeNull();
    }
    for (const [name, block] of all) tempo.wal.set(name, block);
    expect((await backUp(repository, tempo)).manifest).toMatchObject({ suspect: [], baseline: null });
  });

  it.each(['new block', 'compacted', 'retention'])('is explained by: %s', async (how) => {
    const { repository, tempo, wal } = await newWorld();
    tempo.wal.clear();
    if (how === 'new block') tempo.addBlock();
    if (how === 'compacted') tempo.compacted.add(wal.id);
    const retention = how === 'retention' ? () => 0 : () => undefined;
    expect((await backUp(repository, tempo, { retention })).manifest.suspect).toEqual([]);
  });
});

describe('a WAL page that is damaged', () => {
  it.each([
    [2, 0],
    [3, 1],
  ])('stays from the previous point where that has it: page %i leaves %i holes', async (page, holes) => {
    const { repository, tempo, wal } = await newWorld();
    const name = `${wal.id}+team-a+vParquet4`;
    tempo.wal.set(name, { ...wal, pages: wal.pages.slice(0, 1) });
    const damaged = [{ tenant: 'team-a', block: wal.id, page: String(page).padStart(10, '0'), reason: 'cut off' }];
    const { manifest } = await backUp(repository, tempo, { damaged });
    expect(manifest.wal[0]?.pages.map((one) => one.name)).toEqual(['0000000001', '0000000002']);
    expect(manifest.suspect).toHaveLength(holes);
  });
});
