import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { forEachConcurrently } from '../../../runtime/streams/concurrency';

describe('forEachConcurrently', () => {
  it.each([
    ['a list', [1, 2, 3, 4, 5, 6, 7]],
    ['a generator', numbers(7)],
  ])('works on every item of %s, as many at once as allowed', async (_, items) => {
    const done: number[] = [];
    let running = 0;
    let most = 0;

    await forEachConcurrently(items, 3, async (item) => {
      most = Math.max(most, ++running);
      await delay(item % 2);
      running--;
      done.push(item);
    });

    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('does nothing for no items', async () => {
    await expect(forEachConcurrently([], 3, () => Promise.reject(new Error('never')))).resolves.toBeUndefined();
  });

  it('starts nothing after the first failure, waits for what runs, and throws that failure', async () => {
    const started: number[] = [];
    const ended: number[] = [];

    const working = forEachConcurrently([1, 2, 3, 4, 5, 6], 3, async (item) => {
      started.push(item);
      await delay(item * 5);
      if (item <= 2) throw new Error(`failure ${item}`);
      ended.push(item);
    });

    await expect(working).rejects.toThrow('failure 1');
    expect(started).toEqual([1, 2, 3]);
    expect(ended).toEqual([3]);
  });

  it('treats work that throws at once like work that fails', async () => {
    const working = forEachConcurrently([1], 1, () => {
      throw new Error('at once');
    });

    await expect(working).rejects.toThrow('at once');
  });

  it('ends the iteration and waits for the work when the items fail', async () => {
    let ended = 0;
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      await turn();
      throw new Error('no more items');
    }

    const working = forEachConcurrently(failing(), 3, async () => {
      await delay(10);
      ended++;
    });

    await expect(working).rejects.toThrow('no more items');
    expect(ended).toBe(1);
  });

  it('closes the items after a failure', async () => {
    let closed = false;
    function* closable(): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    }

    await expect(forEachConcurrently(closable(), 2, () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );

    expect(closed).toBe(true);
  });

  it('throws the reason of the signal once the running work has ended', async () => {
    const controller = new AbortController();
    const ended: number[] = [];

    const working = forEachConcurrently(
      [1, 2, 3, 4],
      2,
      async (item) => {
        if (item === 2) controller.abort(new Error('interrupted'));
        await delay(5);
        ended.push(item);
      },
      controller.signal,
    );

    await expect(working).rejects.toThrow('interrupted');
    expect(ended).toEqual([1, 2]);
  });
});

async function* numbers(count: number): AsyncGenerator<number> {
  for (let i = 1; i <= count; i++) {
    await turn();
    yield i;
  }
}
