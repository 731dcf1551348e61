import { MemoryStorage } from '../../runtime/storage/memory-storage';
import { sourceOf } from './buffer-source';
import { CountingStorage } from './counting-storage';
import { FaultyStorage, randomly } from './faulty-storage';
import { Killed, killAt } from './killing-storage';
import { keysIn } from './listed';

describe('CountingStorage', () => {
  it('counts calls, keys, and bytes', async () => {
    const storage = new CountingStorage(new MemoryStorage());
    await storage.put('a', sourceOf('four'));
    await storage.put('a', sourceOf('again'));
    await storage.get('a');
    await storage.read('a', 0, Buffer.alloc(2));
    await storage.delete(['x', 'y']);
    await keysIn(storage);

    expect(storage.counts).toEqual({ put: 2, get: 1, read: 1, head: 0, list: 1, delete: 1, sync: 0, now: 0 });
    expect(storage.bytes).toEqual({ created: 4, refused: 5, read: 6 });
    expect(storage.keys.delete).toEqual(['x', 'y']);

    storage.reset();
    expect(storage.counts.put).toBe(0);
  });
});

describe('FaultyStorage', () => {
  it('has no effect on an error, and an effect on a lost response', async () => {
    const inner = new MemoryStorage();
    const storage = new FaultyStorage(inner, [
      { at: 0, does: { error: new Error('503') } },
      { at: ({ keys }) => keys.includes('b'), times: 1, does: { lostResponse: new Error('reset') } },
    ]);

    await expect(storage.put('a', sourceOf('a'))).rejects.toThrow('503');
    await expect(storage.put('b', sourceOf('b'))).rejects.toThrow('reset');
    await storage.put('b', sourceOf('b'));

    expect(await keysIn(inner)).toEqual(['b']);
    expect(storage.struck.map(({ index }) => index)).toEqual([0, 1]);
  });

  it('cuts off what is read', async () => {
    const inner = new MemoryStorage();
    await inner.put('a', sourceOf('abcdef'));
    const storage = new FaultyStorage(inner, [{ at: () => true, does: { truncated: true } }]);
    const into = Buffer.alloc(4);
    await storage.read('a', 0, into);

    expect((await storage.get('a')).toString()).toBe('abc');
    expect(into.toString()).toBe('ab\0\0');
  });

  it('strikes at random, the same calls for the same seed', async () => {
    const struck = async (): Promise<number[]> => {
      const storage = new FaultyStorage(new MemoryStorage(), [randomly(5, 0.3, { error: new Error('random') })]);
      for (let i = 0; i < 100; i++) await storage.head('a').catch(() => undefined);
      return storage.struck.map(({ index }) => index);
    };
    const first = await struck();

    expect(first.length).toBeGreaterThan(10);
    expect(first.length).toBeLessThan(60);
    expect(await struck()).toEqual(first);
  });
});

describe('killAt', () => {
  it.each([
    ['before', []],
    ['after', ['b']],
  ] as const)('kills %s the effect of the call, and answers nothing from then on', async (when, effect) => {
    const inner = new MemoryStorage();
    await inner.put('a', sourceOf('a'));
    const storage = killAt(inner, 1, when);
    await storage.head('a');

    await expect(storage.put('b', sourceOf('b'))).rejects.toThrow(Killed);
    await expect(storage.get('a')).rejects.toThrow(Killed);
    await expect(keysIn(storage)).rejects.toThrow(Killed);

    expect(await keysIn(inner)).toEqual(['a', ...effect]);
    expect([storage.killed, storage.calls]).toEqual([true, 4]);
  });

  it('ends a listing that is under way', async () => {
    const inner = new MemoryStorage();
    for (const key of ['a', 'b']) await inner.put(key, sourceOf(key));
    const storage = killAt(inner, 1);
    const listing = storage.list('')[Symbol.asyncIterator]();
    await listing.next();

    await expect(storage.head('a')).rejects.toThrow(Killed);
    await expect(listing.next()).rejects.toThrow(Killed);
  });

  it('counts the calls when it kills nothing', async () => {
    const storage = killAt(new MemoryStorage(), undefined);
    await storage.put('a', sourceOf('a'));
    await storage.sync();

    expect([storage.killed, storage.calls]).toEqual([false, 2]);
  });
});
