import { AdaptiveLimiter } from '../../../runtime/streams/adaptive-limiter';

/** Requests whose ends the test decides. */
class Requests {
  private readonly ends: ((error?: Error) => void)[] = [];
  readonly results: Promise<unknown>[] = [];

  constructor(private readonly limiter: AdaptiveLimiter) {}

  get started(): number {
    return this.ends.length;
  }

  async begin(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const result = this.limiter.run(
        () => new Promise<void>((resolve, reject) => this.ends.push((error) => (error ? reject(error) : resolve()))),
      );
      this.results.push(result.catch((error: unknown) => error));
    }
    await settled();
  }

  async end(index: number, error?: Error): Promise<void> {
    this.ends[index]?.(error);
    await settled();
  }
}

describe('AdaptiveLimiter', () => {
  it('runs as many at once as the limit allows', async () => {
    const limiter = new AdaptiveLimiter({ max: 4 });
    const requests = new Requests(limiter);
    await requests.begin(6);
    expect([requests.started, limiter.inFlight]).toEqual([4, 4]);

    await requests.end(0);

    expect([requests.started, limiter.inFlight]).toEqual([5, 4]);
  });

  it('gives the result, and throws the error, of the work', async () => {
    const limiter = new AdaptiveLimiter({ max: 1 });

    await expect(limiter.run(async () => 'answer')).resolves.toBe('answer');
    await expect(limiter.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(limiter.inFlight).toBe(0);
  });

  it('halves the limit when it is told to slow down, once for all that were in flight', async () => {
    const limiter = new AdaptiveLimiter({ max: 16 });
    const requests = new Requests(limiter);
    await requests.begin(16);

    for (let i = 0; i < 5; i++) limiter.slowDown();
    expect(limiter.limit).toBe(8);

    for (let i = 0; i < 15; i++) await requests.end(i, new Error('slow down'));
    limiter.slowDown();
    expect(limiter.limit).toBe(8);

    await requests.end(15, new Error('slow down'));
    limiter.slowDown();
    expect(limiter.limit).toBe(4);
  });

  it('starts no more until fewer are in flight than the new limit', async () => {
    const limiter = new AdaptiveLimiter({ max: 4 });
    const requests = new Requests(limiter);
    await requests.begin(6);
    limiter.slowDown();

    await requests.end(0, new Error('slow down'));
    await requests.end(1, new Error('slow down'));
    expect(requests.started).toBe(4);

    await requests.end(2, new Error('slow down'));
    expect(requests.started).toBe(5);
  });

  it('allows one more per round of successes, up to the maximum', async () => {
    const limiter = new AdaptiveLimiter({ max: 6, start: 4 });
    const succeed = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await limiter.run(async () => undefined);
    };

    await succeed(3);
    expect(limiter.limit).toBe(4);
    await succeed(2);
    expect(limiter.limit).toBe(5);
    await succeed(20);
    expect(limiter.limit).toBe(6);
  });

  it('never goes below the minimum, and recovers', async () => {
    const limiter = new AdaptiveLimiter({ max: 8, min: 2 });
    for (let i = 0; i < 5; i++) limiter.slowDown();
    expect(limiter.limit).toBe(2);

    for (let i = 0; i < 50; i++) await limiter.run(async () => undefined);

    expect(limiter.limit).toBe(8);
  });

  it('grows on success only', async () => {
    const limiter = new AdaptiveLimiter({ max: 8, start: 1 });
    for (let i = 0; i < 5; i++) await limiter.run(() => Promise.reject(new Error('broken'))).catch(() => undefined);

    expect(limiter.limit).toBe(1);
  });

  it('rejects who waits with the reason of the signal', async () => {
    const limiter = new AdaptiveLimiter({ max: 1 });
    const requests = new Requests(limiter);
    await requests.begin(1);
    const controller = new AbortController();
    const waiting = limiter.run(async () => 'never', controller.signal);

    controller.abort(new Error('interrupted'));

    await expect(waiting).rejects.toThrow('interrupted');
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
