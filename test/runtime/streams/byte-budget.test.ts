import { ByteBudget, partBudget } from '../../../runtime/streams/byte-budget';

describe('ByteBudget', () => {
  /** Who was let in, in order. */
  function visitors(budget: ByteBudget): {
    entered: string[];
    enter: (name: string, bytes: number, signal?: AbortSignal) => Promise<() => void>;
  } {
    const entered: string[] = [];
    const enter = async (name: string, bytes: number, signal?: AbortSignal): Promise<() => void> => {
      const leave = await budget.acquire(bytes, signal);
      entered.push(name);
      return leave;
    };
    return { entered, enter };
  }

  it('lets in what fits and keeps the rest waiting', async () => {
    const budget = new ByteBudget(10);
    const { entered, enter } = visitors(budget);
    const leave = await enter('a', 6);
    await enter('b', 4);
    const waiting = enter('c', 1);
    await settled();
    expect(entered).toEqual(['a', 'b']);
    expect(budget.inUse).toBe(10);

    leave();

    await waiting;
    expect(entered).toEqual(['a', 'b', 'c']);
    expect(budget.inUse).toBe(5);
  });

  it('lets nobody overtake a large request', async () => {
    const { entered, enter } = visitors(new ByteBudget(10));
    const leaveA = await enter('a', 6);
    const leaveB = await enter('b', 2);
    const large = enter('large', 10);
    const small = enter('small', 1);

    leaveA();
    await settled();
    expect(entered).toEqual(['a', 'b']);

    leaveB();
    (await large)();
    await small;
    expect(entered).toEqual(['a', 'b', 'large', 'small']);
  });

  it('lets a request larger than the limit in when it is alone', async () => {
    const { entered, enter } = visitors(new ByteBudget(10));
    const leave = await enter('a', 1);
    const huge = enter('huge', 11);
    await settled();
    expect(entered).toEqual(['a']);

    leave();
    const leaveHuge = await huge;
    const next = enter('next', 1);
    await settled();
    expect(entered).toEqual(['a', 'huge']);

    leaveHuge();
    await next;
  });

  it('takes the same bytes back only once', async () => {
    const budget = new ByteBudget(10);
    const leave = await budget.acquire(5);
    await budget.acquire(5);

    leave();
    leave();

    expect(budget.inUse).toBe(5);
  });

  it('rejects with the reason of the signal, and lets those behind pass', async () => {
    const { entered, enter } = visitors(new ByteBudget(10));
    const controller = new AbortController();
    await enter('a', 5);
    const large = enter('large', 10, controller.signal);
    const small = enter('small', 5);

    controller.abort(new Error('interrupted'));

    await expect(large).rejects.toThrow('interrupted');
    await small;
    expect(entered).toEqual(['a', 'small']);
    await expect(enter('late', 0, controller.signal)).rejects.toThrow('interrupted');
  });

  it('is not given up by a signal that comes after it was got', async () => {
    const budget = new ByteBudget(10);
    const controller = new AbortController();
    const leave = await budget.acquire(10);
    const waiting = budget.acquire(10, controller.signal);
    leave();
    await waiting;

    controller.abort(new Error('interrupted'));

    expect(budget.inUse).toBe(10);
  });

  it('allows 24 MiB of parts in a process', () => {
    expect(partBudget.limit).toBe(24 * 1024 * 1024);
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
