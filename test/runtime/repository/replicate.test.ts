import { replicate, type Replicated, type ReplicateOptions } from '../../../runtime/repository/replicate';
import { condemn } from '../../../runtime/repository/pruning/condemned';
import type { Repository } from '../../../runtime/repository/repository';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import type { Storage } from '../../../runtime/storage/storage';
import { CountingStorage } from '../../helpers/counting-storage';
import { Killed, killAt } from '../../helpers/killing-storage';
import {
  backUp,
  contentsOf,
  FakeClock,
  FakeTempo,
  GRACE,
  openRepository,
  readWholePoint,
  verifyAll,
} from '../../helpers/repository-blocks';

let clock: FakeClock;
let tempo: FakeTempo;
let source: Repository;
beforeEach(async () => {
  clock = new FakeClock();
  tempo = new FakeTempo(1, clock);
  source = await openRepository(new MemoryStorage({ clock: clock.now }), clock);
  tempo.addBlock('team-a');
  tempo.addWal();
  await backUp(source, tempo, { config: { 'tempo.yaml': 'target: all' } });
  clock.pass(60_000);
  tempo.addBlock('team-b');
  await backUp(source, tempo);
});

function run(target: Storage, options: Partial<ReplicateOptions> = {}): Promise<Replicated> {
  const { signal } = new AbortController();
  return replicate(source, target, { dryRun: false, grace: GRACE, signal, onProgress: () => undefined, ...options });
}

function emptyTarget(): MemoryStorage {
  return new MemoryStorage({ clock: clock.now });
}

describe('replicate', () => {
  it.each(['before', 'after'] as const)(
    'killed %s any call leaves only whole points, and is ended by another run that sends nothing twice',
    async (when) => {
      for (let n = 0; ; n++) {
        const target = emptyTarget();
        const killing = killAt(target, n, when);
        const outcome = await run(killing).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
        if (target.objects.has('repository.json')) {
          const left = await openRepository(target, clock);
          for (const { id } of (await left.listPoints()).points) await readWholePoint(left, id);
        }
        const before = new Set(target.objects.keys());
        const counting = new CountingStorage(target);
        await run(counting);
        expect(counting.keys.put.filter((key) => before.has(key))).toEqual([]);
        expect([...target.objects.keys()].sort()).toEqual([...(source.storage as MemoryStorage).objects.keys()].sort());
        if (outcome) break;
        expect(n).toBeLessThan(200);
      }
    },
  );

  it('makes a copy in which each point is what it is here', async () => {
    const target = emptyTarget();
    expect(await run(target)).toMatchObject({ points: { present: 0, failed: [] } });
    const copy = await openRepository(target, clock);
    expect(copy.identity).toEqual(source.identity);
    const { points } = await copy.listPoints();
    const found = await readWholePoint(copy, points[0]?.id ?? '');
    for (const [key, bytes] of contentsOf(tempo)) expect(found.get(key)).toBe(bytes);
    expect((await verifyAll(copy)).problems).toEqual([]);
  });

  it('asks the target for its identity, points, records and objects when it has none, and writes each object once', async () => {
    const counting = new CountingStorage(emptyTarget());
    await run(counting);
    expect(counting.counts.put).toBe((source.storage as MemoryStorage).objects.size);
    counting.reset();
    await run(counting);
    expect(counting.counts).toMatchObject({ put: 0, head: 1, get: 1, read: 0, list: 1 });
  });

  it('writes every manifest after all that it names, and meta.json after the rest of its block', async () => {
    const counting = new CountingStorage(emptyTarget());
    await run(counting);
    const puts = counting.keys.put;
    const manifests = puts.flatMap((key, index) => (key.startsWith('points/') ? [index] : []));
    expect(puts.at(-1)).toMatch(/^points\//);
    expect(manifests).toHaveLength(2);
    for (const [index, key] of puts.entries()) {
      if (!key.endsWith('/meta.json')) continue;
      const others = puts.flatMap((other, at) => (other.startsWith(key.slice(0, -9)) && other !== key ? [at] : []));
      expect(Math.max(...others)).toBeLessThan(index);
    }
  });

  it('relies on nothing that prune there is about to delete, and says so', async () => {
    const target = emptyTarget();
    await run(target);
    const copy = await openRepository(target, clock);
    for (const { id } of (await copy.listPoints()).points) target.objects.delete(`points/${id}.json`);
    const key = [...target.objects.keys()].find((each) => each.endsWith('data.parquet')) ?? '';
    await condemn(copy, [], [[key, target.objects.get(key)?.bytes.length ?? 0]]);
    const { points } = await run(target);
    expect(points.copied.length).toBeLessThan(2);
    expect(points.failed.map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining(`'${key}' in 'memory:' is condemned`),
    );
  });

  it("doesn't commit when it took longer than prune waits", async () => {
    const target = emptyTarget();
    await expect(run(target, { grace: -1 })).rejects.toThrow("that 'prune.grace' permits");
    expect([...target.objects.keys()].filter((key) => key.startsWith('points/'))).toEqual([]);
  });

  it('refuses a place with objects and no identity', async () => {
    const target = emptyTarget();
    await run(target);
    target.objects.delete('repository.json');
    await expect(run(target)).rejects.toThrow('repository.json is missing');
  });
});
