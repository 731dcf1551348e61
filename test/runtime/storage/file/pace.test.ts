import { Pace } from '../../../../runtime/storage/file/pace';

describe('Pace', () => {
  let time = 0;
  let took = 0;
  let calls: string[];
  const now = (): number => calls.push('now');
  const throughPool = async (): Promise<number> => calls.push('pool');

  beforeEach(() => {
    [time, took, calls] = [0, 0, []];
    // Each call takes what `took` says: the clock is asked before and after it.
    jest.spyOn(performance, 'now').mockImplementation(() => (time += took / 2));
  });
  afterEach(() => jest.restoreAllMocks());

  it('calls at once while calls are quick', async () => {
    took = 0.1;
    const pace = new Pace();
    for (let i = 0; i < 1000; i++) await pace.call(now, throughPool);

    expect(calls).toEqual(Array(1000).fill('now'));
  });

  it('goes through the pool once most calls are slow, and not for a few pauses', async () => {
    const pace = new Pace();
    for (let i = 0; i < 10; i++) {
      took = i === 5 ? 8 : 0.1;
      await pace.call(now, throughPool);
    }
    expect(pace.isSlow).toBe(false);

    took = 2;
    for (let i = 0; i < 20; i++) await pace.call(now, throughPool);

    expect(pace.isSlow).toBe(true);
    expect(calls.slice(0, 12)).toEqual(Array(12).fill('now'));
    expect(calls.slice(-5)).toEqual(Array(5).fill('pool'));
  });

  it('finds out sooner where slowness is assumed', async () => {
    took = 2;
    const pace = new Pace({ assumed: 0.19 });
    for (let i = 0; i < 3; i++) await pace.call(now, throughPool);

    expect(calls).toEqual(['now', 'pool', 'pool']);
  });

  it('lets the event loop turn during a long row of calls', async () => {
    took = 1;
    let turned = false;
    setImmediate(() => (turned = true));
    const pace = new Pace({ allowed: Infinity });
    for (let i = 0; i < 5; i++) await pace.call(now, throughPool);
    expect(turned).toBe(false);

    for (let i = 0; i < 20; i++) await pace.call(now, throughPool);

    expect(turned).toBe(true);
  });

  it('passes errors on', async () => {
    const fail = (): never => {
      throw new Error('no such file');
    };

    await expect(new Pace().call(fail, throughPool)).rejects.toThrow('no such file');
  });
});
