import { ExitCode } from '../../../lib/contract/exit-codes';
import { type BucketWorkplace, TEMPO_PREFIX } from '../../helpers/bucket-workplace';
import type { S3DoubleOptions } from '../../helpers/s3-double';
import { Random } from '../../helpers/random';
import { RewindScene } from '../../helpers/rewind-scene';

jest.setTimeout(60_000);

let scene: RewindScene;
let workplace: BucketWorkplace;
const pass = (minutes = 1): void => scene.pass(minutes);
const moment = (): string => scene.moment();
const clear = (tenant: string, id: string): void => scene.clear(tenant, id);
const visible = (): Map<string, Buffer> => scene.visible();
const rewind = (...args: [string, ...string[]]): ReturnType<BucketWorkplace['run']> => scene.rewind(...args);

async function start(options: S3DoubleOptions = {}): Promise<void> {
  scene = await RewindScene.start(options);
  ({ workplace } = scene);
}
afterEach(() => workplace.stop());

describe('a rewind', () => {
  beforeEach(() => start());

  it('brings back what was deleted and compacted since, hides what came since, and deletes no version', async () => {
    const [deleted, compacted, kept] = [
      workplace.flush('team-a'),
      workplace.flush('team-a'),
      workplace.flush('team-b'),
    ];
    pass();
    const to = moment();
    const before = visible();
    pass();
    const output = workplace.flush('team-a', { level: 1, traceIds: compacted.traceIds });
    workplace.compact('team-a', compacted.id);
    clear('team-a', deleted.id);
    pass(60);
    const versions = [...workplace.double.history.versions.values()].flat();
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({
      to,
      dryRun: false,
      comeBack: expect.arrayContaining([
        expect.objectContaining({ tenant: 'team-a', id: deleted.id, objects: 3 }),
        expect.objectContaining({ id: compacted.id }),
      ]),
      vanish: [{ tenant: 'team-a', id: output.id }],
      unchanged: 1,
      lost: [],
      gates: [],
    });
    expect(visible()).toEqual(before);
    expect(visible().has(`team-b/${kept.id}/meta.json`)).toBe(true);
    expect([...workplace.double.history.versions.values()].flat()).toEqual(expect.arrayContaining(versions));
    expect(workplace.double.log.filter(({ operation }) => operation === 'DeleteObjects')).toEqual([]);
    const reads = workplace.double.log.filter(
      ({ key, operation }) => operation === 'GetObject' && !key.endsWith('meta.json'),
    );
    expect(reads).toEqual([]);
  });

  it('needs no repository', async () => {
    const { id } = workplace.flush('team-a');
    pass();
    const to = moment();
    pass(60);
    clear('team-a', id);
    pass(60);
    await workplace.configure({ repository: 'file:///nonexistent/repository' });
    expect((await rewind(to)).exitCode).toBe(ExitCode.DONE);
    expect(workplace.keys()).toContain(`team-a/${id}/meta.json`);
  });

  it('copies a meta.json last, and takes the mark of compaction away before', async () => {
    const { id } = workplace.flush('team-a');
    pass();
    const to = moment();
    pass();
    workplace.compact('team-a', id);
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/data.parquet`);
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/index`);
    pass(60);
    await rewind(to);
    const writes = workplace.double.log.filter(({ operation }) => ['CopyObject', 'DeleteObject'].includes(operation));
    expect(writes.map(({ key, operation }) => `${operation} ${key.split('/').at(-1) ?? ''}`)).toEqual([
      'CopyObject data.parquet',
      'CopyObject index',
      'DeleteObject meta.compacted.json',
      'CopyObject meta.json',
    ]);
  });

  it('brings the mark of compaction back when that was there', async () => {
    const { id } = workplace.flush('team-a');
    workplace.flush('team-a', { level: 1 });
    pass();
    workplace.compact('team-a', id);
    pass();
    const to = moment();
    pass();
    workplace.double.drop(`${TEMPO_PREFIX}/team-a/${id}/meta.compacted.json`);
    workplace.put(`team-a/${id}/meta.json`, Buffer.from('{}'));
    pass(60);
    expect((await rewind(to)).result).toMatchObject({ vanish: [{ id }] });
    expect(workplace.keys()).toContain(`team-a/${id}/meta.compacted.json`);
    expect(workplace.keys()).not.toContain(`team-a/${id}/meta.json`);
  });

  it('says what it would do, and does nothing', async () => {
    const { id } = workplace.flush('team-a');
    pass();
    const to = moment();
    pass();
    clear('team-a', id);
    const later = workplace.flush('team-a');
    pass(60);
    const before = workplace.keys();
    const { exitCode, result } = await rewind(to, '--dry-run');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({
      dryRun: true,
      comeBack: [{ id }],
      vanish: [{ id: later.id }],
      objects: { copied: 0, hidden: 0 },
    });
    expect(workplace.keys()).toEqual(before);
  });

  it('goes forward again', async () => {
    workplace.flush('team-a');
    pass();
    const early = moment();
    pass();
    workplace.flush('team-a');
    pass();
    const late = moment();
    const state = visible();
    pass(60);
    await rewind(early);
    expect(visible()).not.toEqual(state);
    pass(60);
    expect((await rewind(late)).exitCode).toBe(ExitCode.DONE);
    expect(visible()).toEqual(state);
  });

  it('finds nothing left to do when it is run again', async () => {
    const { id } = workplace.flush('team-a');
    pass();
    const to = moment();
    pass();
    clear('team-a', id);
    workplace.flush('team-b');
    pass(60);
    await rewind(to, '--allow', 'empty');
    expect((await rewind(to)).result).toMatchObject({ comeBack: [], vanish: [], unchanged: 1 });
  });

  it('is for a tenant alone when that is said', async () => {
    const [one, other] = [workplace.flush('team-a'), workplace.flush('team-b')];
    pass();
    const to = moment();
    pass();
    clear('team-a', one.id);
    clear('team-b', other.id);
    pass(60);
    expect((await rewind(to, '--tenant', 'team-b')).result).toMatchObject({ comeBack: [{ tenant: 'team-b' }] });
    expect(workplace.keys().some((key) => key.startsWith('team-a/'))).toBe(false);
    expect((await rewind(to, '--tenant', 'team-x')).exitCode).toBe(ExitCode.CONFIGURATION);
  });

  it('reads a listing of versions in pages, and finds the one of 10,000 of an object that was current then', async () => {
    const { id } = workplace.flush('team-a');
    const key = `${TEMPO_PREFIX}/team-a/${id}/meta.json`;
    const wanted = workplace.double.objects.get(key)?.bytes;
    pass();
    const to = moment();
    pass();
    const [first] = workplace.double.history.versions.get(key) ?? [];
    // Versions and delete markers by turns, the newest a marker.
    const later = Array.from({ length: 9999 }, (_, index) => ({
      ...{ key, id: `later-${index}`, modifiedAt: new Date(scene.time + index) },
      bytes: index % 2 === 0 ? undefined : Buffer.from(`other ${index}`),
    }));
    workplace.double.history.versions.set(key, [...(first ? [first] : []), ...later]);
    workplace.double.objects.delete(key);
    pass(60);
    expect((await rewind(to)).result).toMatchObject({ comeBack: [{ id }], objects: { copied: 1 } });
    expect(workplace.double.objects.get(key)?.bytes).toEqual(wanted);
    expect(workplace.double.count('ListObjectVersions')).toBe(11);
    expect(workplace.double.history.versions.get(key)).toHaveLength(10_001);
  });

  it('refuses while a Tempo seems to be running', async () => {
    const { id } = workplace.flush('team-a');
    pass();
    const to = moment();
    pass();
    clear('team-a', id);
    workplace.put('team-a/index.json.gz', Buffer.from('x'));
    pass(5);
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('tempo-running');
    const dry = await rewind(to, '--dry-run');
    expect(dry.result).toMatchObject({ gates: [{ name: 'tempo-running', allowed: false }] });
    expect(dry.stderr).toContain('1 block to come back');
    // The result says it.
    expect(dry.stderr).not.toContain('tempo-running');
    const allowed = await rewind(to, '--allow', 'tempo-running');
    expect(allowed.exitCode).toBe(ExitCode.DONE);
    expect(allowed.stderr).toContain("rewinding with '--allow tempo-running'");
    expect(allowed.stderr).not.toContain('or pass');
  });

  it('refuses when nothing shows that versions were kept then', async () => {
    const to = moment();
    pass();
    workplace.flush('team-a');
    pass();
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.message).toContain('the oldest version is of');
    expect(result.error?.lift).toBeUndefined();
  });

  it('refuses a moment before the end of a suspension, which kept nothing', async () => {
    workplace.flush('team-a');
    pass();
    const to = moment();
    pass();
    const key = `${TEMPO_PREFIX}/work.json`;
    const version = { key, id: 'null', bytes: Buffer.from('x'), modifiedAt: new Date(scene.time) };
    workplace.double.history.versions.set(key, [version]);
    pass();
    const after = moment();
    pass(60);
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.message).toContain('versioning was suspended until after');
    expect((await rewind(after)).exitCode).toBe(ExitCode.DONE);
  });

  it('refuses when nothing at all was live then', async () => {
    workplace.put('team-a/index.json.gz', Buffer.from('x'));
    pass();
    const to = moment();
    pass(60);
    workplace.flush('team-a');
    pass();
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('empty');
  });

  it('names blocks whose versions are gone, and goes on without them only when that is allowed', async () => {
    const [lost, found] = [workplace.flush('team-a'), workplace.flush('team-a')];
    pass();
    const to = moment();
    pass();
    for (const { id } of [lost, found]) clear('team-a', id);
    const { versions } = workplace.double.history;
    for (const [key, each] of versions)
      if (key.includes(lost.id))
        versions.set(
          key,
          each.filter(({ bytes }) => !bytes),
        );
    pass(60);
    const { exitCode, result } = await rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('lost-versions');
    const allowed = await rewind(to, '--allow', 'lost-versions');
    expect(allowed.exitCode).toBe(ExitCode.INTEGRITY);
    expect(allowed.result).toMatchObject({
      comeBack: [{ id: found.id }],
      lost: [{ tenant: 'team-a', block: lost.id }],
    });
  });

  it('refuses to bring back what Tempo would delete again', async () => {
    const { id } = workplace.flush('team-a', { start: new Date('2020-01-01'), end: new Date('2020-01-02') });
    pass();
    const to = moment();
    pass();
    clear('team-a', id);
    pass(60);
    expect((await rewind(to)).result.error?.lift).toBe('retention');
    expect((await rewind(to, '--allow', 'retention')).exitCode).toBe(ExitCode.DONE);
  });

  it.each([[['rewind']], [['rewind', '--to', '2999-01-01T00:00:00Z']]])('refuses %j', async ([, ...args]) => {
    workplace.flush('team-a');
    expect((await workplace.run('rewind', ...args)).exitCode).toBe(ExitCode.CONFIGURATION);
  });

  it('ends what an interrupted one began, wherever that ended', async () => {
    const [deleted, compacted] = [workplace.flush('team-a'), workplace.flush('team-a')];
    pass();
    const to = moment();
    const before = visible();
    pass();
    clear('team-a', deleted.id);
    workplace.compact('team-a', compacted.id);
    workplace.flush('team-a', { level: 1 });
    pass(60);
    const start = structuredClone([...workplace.double.objects.keys()]);
    const objects = new Map(workplace.double.objects);
    const versions = new Map(workplace.double.history.versions);
    for (let skip = 0; ; skip++) {
      workplace.double.fail({
        on: '*',
        skip,
        times: 999,
        fault: { kind: 'refuse', status: 400, code: 'InvalidRequest' },
      });
      const { exitCode } = await rewind(to);
      workplace.double.heal();
      if (exitCode === ExitCode.DONE) {
        expect(skip).toBeGreaterThan(8);
        break;
      }
      expect((await rewind(to)).exitCode).toBe(ExitCode.DONE);
      expect(visible()).toEqual(before);
      workplace.double.objects.clear();
      for (const [key, object] of objects) workplace.double.objects.set(key, object);
      workplace.double.history.versions.clear();
      for (const [key, each] of versions) workplace.double.history.versions.set(key, each);
    }
    expect(start.length).toBeGreaterThan(0);
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'brings back what Tempo saw at any moment of history %i',
    async (seed) => {
      const random = new Random(seed);
      const live: { tenant: string; id: string }[] = [];
      const compacted: { tenant: string; id: string }[] = [];
      const moments: { to: string; state: Map<string, Buffer> }[] = [];
      workplace.flush('team-a');
      for (let step = 0; step < 40; step++) {
        const tenant = random.pick(['team-a', 'team-b']);
        const kind = random.below(100);
        const block = live.length > 0 && random.chance(0.9) ? random.pick(live) : undefined;
        const old = compacted.length > 0 ? random.pick(compacted) : undefined;
        if (kind < 40) live.push({ tenant, id: workplace.flush(tenant).id });
        else if (kind < 60 && block) {
          workplace.compact(block.tenant, block.id);
          compacted.push(...live.splice(live.indexOf(block), 1));
        } else if (kind < 75 && old) {
          clear(old.tenant, old.id);
          compacted.splice(compacted.indexOf(old), 1);
        } else if (kind < 85 && block) workplace.flush(block.tenant, { id: block.id, version: `v${step}` });
        else if (block) {
          clear(block.tenant, block.id);
          live.splice(live.indexOf(block), 1);
        }
        pass();
        if (random.chance(0.3)) moments.push({ to: moment(), state: visible() });
        pass();
      }
      pass(60);
      for (const { to, state } of random.sample(moments, 3)) {
        const { exitCode } = await rewind(to, '--allow', 'empty');
        expect(exitCode).toBe(ExitCode.DONE);
        expect([...visible()].sort()).toEqual([...state].sort());
        pass(60);
      }
    },
  );
});

describe('a rewind of a bucket', () => {
  it.each(['Off', 'Suspended'] as const)('whose versioning is %s is refused', async (versioning) => {
    await start({ versioning });
    workplace.flush('team-a');
    const { exitCode, result } = await rewind(moment());
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.message).toMatch(/versioning is(n't on| suspended)/);
  });
});
