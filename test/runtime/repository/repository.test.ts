import { REPOSITORY_KEY } from '../../../lib/contract/repository-layout';
import { IntegrityError, RepositoryMissingError, UsageError } from '../../../runtime/errors';
import { Repository } from '../../../runtime/repository/repository';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { sourceOf } from '../../helpers/buffer-source';
import { backUp, FakeClock, FakeTempo, HOUR, openRepository } from '../../helpers/repository-blocks';

describe('Repository.open', () => {
  it('creates repository.json once and reads it from then on', async () => {
    const storage = new MemoryStorage();
    const first = await Repository.open(storage, { create: true });
    const second = await Repository.open(storage, { create: false });
    expect(second.identity).toEqual(first.identity);
  });

  it('gives both winners and losers of a race the same identity', async () => {
    const storage = new MemoryStorage();
    const opened = await Promise.all([1, 2, 3].map(() => Repository.open(storage, { create: true })));
    expect(new Set(opened.map(({ identity }) => identity.id)).size).toBe(1);
  });

  it('throws when there is none and it may not be created, and leaves nothing', async () => {
    const storage = new MemoryStorage();
    await expect(Repository.open(storage, { create: false })).rejects.toThrow(RepositoryMissingError);
    expect(storage.objects.size).toBe(0);
  });

  it('throws when repository.json is missing though points exist, even when it may create', async () => {
    const clock = new FakeClock();
    const storage = new MemoryStorage({ clock: clock.now });
    await backUp(await openRepository(storage, clock), new FakeTempo(1, clock));
    storage.objects.delete(REPOSITORY_KEY);
    await expect(Repository.open(storage, { create: true })).rejects.toMatchObject({ exitCode: 12 });
    expect(storage.objects.has(REPOSITORY_KEY)).toBe(false);
  });

  it('throws when a newer release made it, and names the format', async () => {
    const storage = new MemoryStorage();
    await storage.put(REPOSITORY_KEY, sourceOf('{"format":2,"layout":"unknown"}'));
    await expect(Repository.open(storage, { create: true })).rejects.toThrow(/format 2, this release reads up to 1/);
    await expect(Repository.open(storage, { create: true })).rejects.toBeInstanceOf(UsageError);
  });

  it.each(['', '{"format":1', '{"format":1,"id":"../x","createdAt":"2026-11-23T08:00:00Z"}'])(
    'throws when it is damaged: %j',
    async (text) => {
      const storage = new MemoryStorage();
      await storage.put(REPOSITORY_KEY, sourceOf(text));
      await expect(Repository.open(storage, { create: true })).rejects.toBeInstanceOf(IntegrityError);
    },
  );
});

describe('Repository.resolve', () => {
  async function threePoints() {
    const clock = new FakeClock();
    const repository = await openRepository(new MemoryStorage({ clock: clock.now }), clock);
    const tempo = new FakeTempo(1, clock);
    tempo.addBlock();
    const ids: string[] = [];
    for (let hour = 0; hour < 3; hour++) {
      ids.push((await backUp(repository, tempo)).manifest.id);
      clock.pass(HOUR);
    }
    return { repository, ids };
  }

  it('finds the newest, an ID, and the beginning of one', async () => {
    const { repository, ids } = await threePoints();
    expect((await repository.resolve('latest')).id).toBe(ids[2]);
    expect((await repository.resolve(ids[0] ?? '')).id).toBe(ids[0]);
    expect((await repository.resolve('2026-11-23T09')).id).toBe(ids[1]);
  });

  it('finds the newest that was cut at the time or before', async () => {
    const { repository, ids } = await threePoints();
    expect((await repository.resolve('2026-11-23T09:00:00Z')).id).toBe(ids[1]);
    expect((await repository.resolve('2026-11-23T08:59:59Z')).id).toBe(ids[0]);
    await expect(repository.resolve('2026-11-23T07:59Z')).rejects.toThrow(
      /none is from 2026-11-23T07:59:00.000Z or before/,
    );
  });

  it('throws when nothing or several begin so, and on a time that does not exist', async () => {
    const { repository } = await threePoints();
    await expect(repository.resolve('2026-11-23T')).rejects.toThrow(/3 IDs begin so/);
    await expect(repository.resolve('2025')).rejects.toThrow(/there is none; write 'latest'/);
    await expect(repository.resolve('2026-02-30')).rejects.toThrow(/doesn't exist in the calendar/);
  });

  it('throws when the repository is empty', async () => {
    const repository = await openRepository(new MemoryStorage(), new FakeClock());
    await expect(repository.resolve('latest')).rejects.toThrow(/has none yet/);
    expect(await repository.newest()).toBeUndefined();
  });
});

describe('Repository.listPoints', () => {
  it('tells foreign names from points', async () => {
    const clock = new FakeClock();
    const storage = new MemoryStorage({ clock: clock.now });
    const repository = await openRepository(storage, clock);
    const { manifest } = await backUp(repository, new FakeTempo(1, clock));
    await storage.put('points/notes.txt', sourceOf('mine'));
    const { points, foreign } = await repository.listPoints();
    expect(points.map(({ id }) => id)).toEqual([manifest.id]);
    expect(foreign).toEqual(['points/notes.txt']);
  });

  it("isn't led astray by a point from a clock that was years ahead", async () => {
    const clock = new FakeClock();
    const storage = new MemoryStorage({ clock: clock.now });
    const ahead = new FakeClock(Date.parse('2031-01-01T00:00:00Z'));
    const tempo = new FakeTempo(1, clock);
    tempo.addBlock();
    const early = (await backUp(await openRepository(storage, ahead), tempo)).manifest.id;
    clock.pass(HOUR);
    const late = (await backUp(await openRepository(storage, clock), tempo)).manifest.id;
    expect(early.startsWith('2031')).toBe(true);
    expect((await (await openRepository(storage, clock)).resolve('latest')).id).toBe(late);
  });

  it('keeps the order of a repository whose files were copied and are all new', async () => {
    const clock = new FakeClock();
    const original = new MemoryStorage({ clock: clock.now });
    const repository = await openRepository(original, clock);
    const tempo = new FakeTempo(1, clock);
    const ids: string[] = [];
    for (let hour = 0; hour < 3; hour++) {
      ids.unshift((await backUp(repository, tempo)).manifest.id);
      clock.pass(HOUR);
    }
    const copy = new MemoryStorage({ clock: clock.now });
    for (const [key, { bytes }] of original.objects) await copy.put(key, sourceOf(bytes));
    const { points } = await (await openRepository(copy, clock)).listPoints();
    expect(points.map(({ id }) => id)).toEqual(ids);
  });

  it('orders points of one second, and of a runner whose clock is behind, as they were made', async () => {
    const clock = new FakeClock();
    const storage = new MemoryStorage({ clock: clock.now });
    const behind = new FakeClock(Date.parse('2026-11-23T07:30:00Z'));
    const tempo = new FakeTempo(1, clock);
    const ids: string[] = [];
    for (const runner of [clock, clock, behind, clock]) {
      ids.unshift((await backUp(await openRepository(storage, runner), tempo)).manifest.id);
      clock.pass(10);
    }
    const { points } = await (await openRepository(storage, clock)).listPoints();
    expect(points.map(({ id }) => id)).toEqual(ids);
  });
});
