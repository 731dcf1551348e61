import { prune } from '../../../runtime/repository/prune';
import { VerificationLedger } from '../../../runtime/repository/verification-ledger';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { type Storage } from '../../../runtime/storage/storage';
import { CountingStorage } from '../../helpers/counting-storage';
import { killAt } from '../../helpers/killing-storage';
import {
  backUp,
  contentsOf,
  DAY,
  FakeClock,
  FakeTempo,
  GRACE,
  openRepository,
  readWholePoint,
  verifyAll,
} from '../../helpers/repository-blocks';

// Each test is some sixty runs, which a busy machine makes slow.
jest.setTimeout(60_000);

const CONFIG = { config: { 'tempo.yaml': 'a: 1' }, deleteAfter: '3d', retention: () => 0 };

/** A repository with a past: points that share blocks, expired ones, condemned ones, leftovers, verified. */
async function history(days: number) {
  const clock = new FakeClock();
  const storage = new MemoryStorage({ clock: clock.now });
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(11, clock);
  const contents = new Map<string, Map<string, string>>();
  for (let day = 0; day < days; day++) {
    tempo.addBlock('team-a');
    tempo.addBlock('team-b');
    const [oldest] = tempo.blocks.values();
    if (oldest && tempo.blocks.size > 3) tempo.remove(oldest);
    contents.set((await backUp(repository, tempo, CONFIG)).manifest.id, contentsOf(tempo));
    clock.pass(DAY);
  }
  await verifyAll(repository);
  return { clock, storage, tempo, contents };
}

function copyOf(storage: MemoryStorage, clock: FakeClock): MemoryStorage {
  const copy = new MemoryStorage({ clock: clock.now });
  for (const [key, object] of storage.objects) copy.objects.set(key, object);
  return copy;
}

async function expectReadable(
  storage: Storage,
  clock: FakeClock,
  contents: ReadonlyMap<string, Map<string, string>>,
): Promise<void> {
  const repository = await openRepository(storage, clock);
  for (const { id } of (await repository.listPoints()).points) {
    const found = await readWholePoint(repository, id);
    for (const [name, bytes] of contents.get(id) ?? []) expect([name, found.get(name)]).toEqual([name, bytes]);
  }
}

/** Runs `work` once for each storage call it makes, killed before and after the call had its effect. */
async function atEveryCall(
  original: MemoryStorage,
  clock: FakeClock,
  run: { work: (storage: Storage) => Promise<unknown>; check: (storage: MemoryStorage) => Promise<void> },
): Promise<number> {
  const whole = killAt(copyOf(original, clock), undefined);
  await run.work(whole);
  for (let call = 0; call < whole.calls; call++) {
    for (const when of ['before', 'after'] as const) {
      const storage = copyOf(original, clock);
      await expect(run.work(killAt(storage, call, when))).rejects.toThrow(/^killed/);
      await run.check(storage);
    }
  }
  return 2 * whole.calls;
}

const without = (storage: MemoryStorage, ...prefixes: string[]) =>
  [...storage.objects.keys()].filter((key) => !prefixes.some((prefix) => key.startsWith(prefix))).sort();

describe('killed at every storage call', () => {
  it('a backup leaves earlier points whole, and the next one sends only what is missing', async () => {
    const { clock, storage, tempo, contents } = await history(3);
    const [block] = tempo.blocks.values();
    if (block) tempo.rewrite(block);
    tempo.addBlock('team-a');
    tempo.addBlock('team-c');
    tempo.addWal();
    const work = async (on: Storage) =>
      backUp(await openRepository(on, clock), tempo, { ...CONFIG, config: { 'tempo.yaml': 'a: 2' } });
    const clean = copyOf(storage, clock);
    await work(clean);
    const kills = await atEveryCall(storage, clock, {
      work,
      check: async (killed) => {
        await expectReadable(killed, clock, contents);
        const stored = new Set(killed.objects.keys());
        const counting = new CountingStorage(killed);
        const { manifest } = await work(counting);
        expect(
          counting.keys.put.filter(
            (key) => stored.has(key) && !key.startsWith('indexes/') && !key.startsWith('config/'),
          ),
        ).toEqual([]);
        expect(without(killed, 'points/')).toEqual(without(clean, 'points/'));
        await expectReadable(killed, clock, new Map([...contents, [manifest.id, contentsOf(tempo)]]));
      },
    });
    expect(kills).toBeGreaterThan(50);
  });

  it('the first backup of all leaves nothing that the next one can not go on from', async () => {
    const clock = new FakeClock();
    const tempo = new FakeTempo(12, clock);
    tempo.addBlock();
    const work = async (on: Storage) => backUp(await openRepository(on, clock), tempo);
    const kills = await atEveryCall(new MemoryStorage({ clock: clock.now }), clock, {
      work,
      check: async (killed) =>
        expectReadable(killed, clock, new Map([[(await work(killed)).manifest.id, contentsOf(tempo)]])),
    });
    expect(kills).toBeGreaterThan(20);
  });

  it('a prune harms no point, and later ones end where an undisturbed one does', async () => {
    const { clock, storage, contents } = await history(7);
    const work = async (on: Storage) => prune(await openRepository(on, clock), { grace: GRACE, maxShare: 1 });
    await work(storage);
    clock.pass(GRACE);
    const settled = await openRepository(storage, clock);
    const { manifest } = await backUp(settled, new FakeTempo(13, clock), { ...CONFIG, allow: ['source-regression'] });
    await verifyAll(settled);
    clock.pass(GRACE);
    const later = new FakeClock(clock.now().getTime() + 5 * GRACE);
    const finish = async (on: MemoryStorage) => {
      for (let run = 0; run < 4; run++, later.pass(2 * GRACE)) {
        const moved = new MemoryStorage({ clock: later.now });
        for (const [key, object] of on.objects) moved.objects.set(key, object);
        await prune(await openRepository(moved, later), { grace: GRACE, maxShare: 1 });
        on.objects.clear();
        for (const [key, object] of moved.objects) on.objects.set(key, object);
      }
      return without(on, 'verifications/');
    };
    const clean = copyOf(storage, clock);
    await work(clean);
    const expected = await finish(clean);
    const kills = await atEveryCall(storage, clock, {
      work,
      check: async (killed) => {
        await expectReadable(killed, clock, contents);
        expect(await finish(killed)).toEqual(expected);
      },
    });
    expect(expected).toContain(`points/${manifest.id}.json`);
    expect(kills).toBeGreaterThan(40);
  });

  it('a verification writes no wrong verdict, and the next one comes to the right one', async () => {
    const { clock, storage, contents } = await history(2);
    for (const key of [...storage.objects.keys()].filter((one) => one.startsWith('verifications/')))
      storage.objects.delete(key);
    const work = async (on: Storage) => verifyAll(await openRepository(on, clock));
    const kills = await atEveryCall(storage, clock, {
      work,
      check: async (killed) => {
        const repository = await openRepository(killed, clock);
        const early = await VerificationLedger.load(repository);
        const wasSaved = [...killed.objects.keys()].some((key) => key.startsWith('verifications/'));
        for (const id of contents.keys()) expect(early.verified(id)?.level).toBe(wasSaved ? 'full' : undefined);
        await work(killed);
        const ledger = await VerificationLedger.load(repository);
        for (const id of contents.keys()) expect(ledger.verified(id)?.level).toBe('full');
      },
    });
    expect(kills).toBeGreaterThan(40);
  });
});
