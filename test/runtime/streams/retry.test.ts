import { retrying, type RetryOptions } from '../../../runtime/streams/retry';

describe('retrying', () => {
  let slept: number[];
  let options: RetryOptions;
  beforeEach(() => {
    slept = [];
    options = {
      attempts: 12,
      isRetryable: (error) => (error as Error).message !== 'permanent',
      random: () => 1,
      sleep: async (ms) => void slept.push(ms),
    };
  });

  it('gives the first success and sleeps longer each time, up to 20 s', async () => {
    const result = await retrying(async (attempt) => {
      if (attempt < 11) throw new Error('try again');
      return attempt;
    }, options);

    expect(result).toBe(11);
    expect(slept).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000]);
  });

  it('sleeps a random share of that', async () => {
    await retrying(
      async (attempt) => {
        if (attempt < 3) throw new Error('try again');
      },
      { ...options, random: () => 0.25 },
    );

    expect(slept).toEqual([25, 50]);
  });

  it('throws the last error when all attempts are used up', async () => {
    const working = retrying((attempt) => Promise.reject(new Error(`failure ${attempt}`)), { ...options, attempts: 3 });

    await expect(working).rejects.toThrow('failure 3');
    expect(slept).toHaveLength(2);
  });

  it('throws at once what can not be cured by a retry', async () => {
    await expect(retrying(() => Promise.reject(new Error('permanent')), options)).rejects.toThrow('permanent');
    expect(slept).toEqual([]);
  });

  it('throws the reason of the signal, also in the middle of a sleep', async () => {
    const controller = new AbortController();
    const { attempts, isRetryable } = options;
    const working = retrying(
      async () => {
        setTimeout(() => controller.abort(new Error('interrupted')), 5);
        throw new Error('try again');
      },
      { attempts, isRetryable, random: () => 1, signal: controller.signal },
    );

    await expect(working).rejects.toThrow('interrupted');
  });

  it('does not begin when it was interrupted before', async () => {
    const work = jest.fn(async () => 1);

    await expect(retrying(work, { ...options, signal: AbortSignal.abort(new Error('interrupted')) })).rejects.toThrow(
      'interrupted',
    );
    expect(work).not.toHaveBeenCalled();
  });
});
