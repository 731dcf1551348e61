import { gzipSync } from 'node:zlib';
import { IntegrityError, StorageError, UsageError } from '../../../runtime/errors';
import { list } from '../../../runtime/commands/list';
import { type CommandContext } from '../../../runtime/commands/context';
import { prune, type PruneOptions } from '../../../runtime/repository/prune';
import { verifyPoints } from '../../../runtime/repository/verify';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { sourceOf } from '../../helpers/buffer-source';
import { CountingStorage } from '../../helpers/counting-storage';
import { FaultyStorage } from '../../helpers/faulty-storage';
import {
  backUp,
  DAY,
  FakeClock,
  FakeTempo,
  GRACE,
  HOUR,
  openRepository,
  readWholePoint,
  verifyAll,
} from '../../helpers/repository-blocks';

const CONFIG = { config: { 'tempo.yaml': 'a: 1' } };

/** One point, older than anything that a backup would adopt for its age. */
async function newWorld() {
  const clock = new FakeClock();
  const memory = new MemoryStorage({ clock: clock.now });
  const storage = new CountingStorage(memory);
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(3, clock);
  for (let n = 0; n < 4; n++) tempo.addBlock(n % 2 ? 'team-a' : 'team-b');
  const wal = tempo.addWal();
  const first = (await backUp(repository, tempo, { ...CONFIG, deleteAfter: '1h' })).manifest;
  const whole = await readWholePoint(repository, first.id);
  clock.pass(3 * DAY);
  const keys = (prefix = '') => [...memory.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const [block] = tempo.blocks.values();
  const folder = `blocks/${block?.tenant ?? ''}/${block?.id ?? ''}`;
  const pruneNow = (options: Partial<PruneOptions> = {}) =>
    prune(repository, { grace: GRACE, maxShare: 1, ...options });
  const page = `wal/${wal.id}+team-a+vParquet4/0000000002`;
  return { clock, memory, storage, repository, tempo, first, whole, keys, folder, page, pruneNow };
}

type World = Awaited<ReturnType<typeof newWorld>>;

function flipBit(memory: MemoryStorage, key: string): void {
  const bytes = memory.objects.get(key)?.bytes;
  bytes?.writeUInt8(bytes.readUInt8(7) ^ 1, 7);
}

/** Damages the key, verifies, backs up, and tells which keys the backup added but for its manifest. */
async function mended(world: World, damage: () => void) {
  const { clock, repository, tempo, keys } = world;
  damage();
  expect((await verifyAll(repository)).problems).not.toEqual([]);
  clock.pass(HOUR);
  const before = new Set(keys());
  const { manifest } = await backUp(repository, tempo, CONFIG);
  const added = keys().filter((key) => !before.has(key) && !key.startsWith('points/'));
  return { manifest, added };
}

const indexOfTenant = ({ first }: World, tenant: string): string =>
  first.tenants.find((summary) => summary.tenant === tenant)?.index.key ?? '';

describe('what verify found', () => {
  const cases: [string, (world: World) => void, (world: World) => (string | RegExp)[]][] = [
    [
      'a flipped bit',
      ({ memory, folder }) => flipBit(memory, `${folder}/data.parquet`),
      () => [/^indexes\//, /bloom-0$/, /data.parquet$/, /index$/, /^rewritten\/team-b\/.*meta.json$/],
    ],
    [
      'a missing file',
      ({ memory, folder }) => void memory.objects.delete(`${folder}/bloom-0`),
      () => [/^indexes\//, /bloom-0$/, /data.parquet$/, /index$/, /^rewritten\/team-b\/.*meta.json$/],
    ],
    [
      'a missing index',
      (world) => void world.memory.objects.delete(indexOfTenant(world, 'team-a')),
      () => [/^indexes\//],
    ],
    ['a missing WAL page', ({ memory, page }) => void memory.objects.delete(page), () => [/^rewritten\/wal\//]],
  ];

  it.each(cases)('is stored again by the next backup, and nothing else: %s', async (_, damage, expected) => {
    const world = await newWorld();
    const { repository, whole } = world;
    const { manifest, added } = await mended(world, () => damage(world));
    expect(added).toEqual(expected(world).map((pattern) => expect.stringMatching(pattern) as string));
    expect(manifest.suspect).toEqual([]);
    expect(await readWholePoint(repository, manifest.id)).toEqual(whole);
    const { problems, recoveryPoints } = await verifyPoints(repository, { points: [manifest.id], level: 'full' });
    expect(problems).toEqual([]);
    expect(recoveryPoints).toMatchObject([{ ok: true, complete: true }]);
  });

  it('is told once, however often it is found', async () => {
    const { memory, repository, folder, keys } = await newWorld();
    flipBit(memory, `${folder}/index`);
    await verifyAll(repository);
    await verifyAll(repository);
    expect(keys('points/').filter((key) => key.endsWith('.damaged.json'))).toHaveLength(1);
  });

  it('costs a backup no request where there is none', async () => {
    const { storage, repository, tempo } = await newWorld();
    storage.reset();
    await backUp(repository, tempo, CONFIG);
    expect(storage.keys.list).toEqual(['points/']);
    expect(storage.counts).toMatchObject({ get: 1, put: 1, head: 0, read: 0, delete: 0 });
  });

  it('is returned also where nothing can be written', async () => {
    const { clock, memory, folder, first } = await newWorld();
    flipBit(memory, `${folder}/data.parquet`);
    const readOnly = new FaultyStorage(memory, [
      { at: ({ call }) => call === 'put', does: { error: new StorageError('put: access denied') } },
    ]);
    const { problems, warnings } = await verifyAll(await openRepository(readOnly, clock));
    expect(problems).toMatchObject([{ recoveryPoint: first.id, key: `${folder}/data.parquet` }]);
    expect(warnings).toEqual([expect.stringMatching(/access denied/), expect.stringMatching(/access denied/)]);
  });
});

describe('a hostile notice', () => {
  const own = (repository: { identity: { id: string } }, content: object) =>
    JSON.stringify({ format: 1, repository: repository.identity.id, keys: [], ...content });

  it.each([
    ['of a newer format', (world: World) => own(world.repository, { format: 2 })],
    [
      'with keys that no point names',
      (world: World) => own(world.repository, { keys: ['repository.json', 'blocks/'] }),
    ],
    ['with something else than keys', (world: World) => own(world.repository, { keys: [{ a: 1 }] })],
    ['of another repository', (world: World) => own(world.repository, { repository: crypto.randomUUID() })],
    ['that is no JSON', () => '{'],
  ])('%s only warns, and stops neither backup nor verify nor prune', async (_, text) => {
    const world = await newWorld();
    const { memory, repository, tempo, pruneNow, keys } = world;
    await memory.put('points/2026-11-23T09-00-00Z-aaaa.damaged.json', sourceOf(text(world)));
    const before = keys();
    const { manifest, stats } = await backUp(repository, tempo, CONFIG);
    expect(stats.warnings).toEqual([expect.stringContaining('.damaged.json')]);
    expect(keys()).toEqual([...before, `points/${manifest.id}.json`].sort());
    expect((await verifyAll(repository)).problems).toEqual([]);
    expect((await pruneNow()).warnings).toEqual([expect.stringContaining('.damaged.json')]);
  });
});

describe('prune', () => {
  it('removes notices that concern no kept point, and no others', async () => {
    const world = await newWorld();
    const { clock, memory, repository, folder, pruneNow, keys } = world;
    const notices = () => keys('points/').filter((key) => key.endsWith('.damaged.json'));
    const { manifest } = await mended(world, () => flipBit(memory, `${folder}/data.parquet`));
    clock.pass(3 * GRACE);
    await pruneNow();
    expect(notices()).toHaveLength(1);
    await verifyAll(repository);
    for (let run = 0; run < 3; run++, clock.pass(GRACE)) await pruneNow();
    expect(keys('points/')).toEqual([`points/${manifest.id}.json`]);
    await readWholePoint(repository, manifest.id);
  });

  it('deletes nothing while the index of a kept point is lost, whose blocks a backup uses again', async () => {
    const world = await newWorld();
    const { clock, memory, repository, keys, pruneNow } = world;
    memory.objects.delete(indexOfTenant(world, 'team-a'));
    const before = keys();
    for (let run = 0; run < 4; run++, clock.pass(GRACE)) {
      await expect(pruneNow({ allow: new Set(['mass-deletion']) })).rejects.toThrow(/nothing is deleted/);
    }
    expect(keys()).toEqual(before);
    const { manifest, added } = await mended(world, () => undefined);
    expect(added).toHaveLength(1);
    expect(await readWholePoint(repository, manifest.id)).toEqual(world.whole);
  });

  it('may delete what it condemned, so that a backup uses none of it though an index is lost', async () => {
    const world = await newWorld();
    const { memory, repository, keys } = world;
    const ofTenant = keys('blocks/team-a/').map((key) => [key, 1]);
    const record = { format: 1, points: [], objects: ofTenant };
    await memory.put('condemned/2026-01-01T00-00-00Z-aaaa.json.gz', sourceOf(gzipSync(JSON.stringify(record))));
    const { manifest, added } = await mended(world, () => void memory.objects.delete(indexOfTenant(world, 'team-a')));
    expect(added.filter((key) => key.startsWith('rewritten/team-a/'))).toHaveLength(ofTenant.length);
    for (const [key] of ofTenant) memory.objects.delete(String(key));
    expect(await readWholePoint(repository, manifest.id)).toEqual(world.whole);
  });

  it('that can be read in part only is as good as condemning everything', async () => {
    const world = await newWorld();
    const { memory, keys } = world;
    await memory.put('condemned/2026-01-01T00-00-00Z-aaaa.json.gz', sourceOf('damaged'));
    const { added } = await mended(world, () => void memory.objects.delete(indexOfTenant(world, 'team-a')));
    expect(added.filter((key) => key.startsWith('rewritten/team-a/'))).toHaveLength(keys('blocks/team-a/').length);
  });
});

describe('with a manifest that is damaged', () => {
  async function threePoints() {
    const world = await newWorld();
    const { clock, repository, tempo } = world;
    const ids = [world.first.id];
    for (let n = 0; n < 2; n++, clock.pass(HOUR)) ids.push((await backUp(repository, tempo)).manifest.id);
    return { ...world, ids };
  }

  const spoil = (memory: MemoryStorage, id = '') => memory.objects.get(`points/${id}.json`)?.bytes.fill(0x41, 3);

  it('list tells of the others and ends with 12', async () => {
    const { memory, repository, ids } = await threePoints();
    spoil(memory, ids[1]);
    const warnings: string[] = [];
    const log = { warn: (message: string) => warnings.push(message) };
    const { result, exitCode } = await list({ repository, log } as unknown as CommandContext);
    expect(result.recoveryPoints.map(({ id }) => id)).toEqual([ids[2], ids[0]]);
    expect(exitCode).toBe(12);
    expect(warnings).toEqual([expect.stringContaining(ids[1] ?? '')]);
  });

  it("'latest' is never another one in silence", async () => {
    const { memory, repository, ids } = await threePoints();
    spoil(memory, ids[2]);
    const failed = repository.resolve('latest');
    await expect(failed).rejects.toBeInstanceOf(IntegrityError);
    await expect(failed).rejects.toThrow(
      `the newest that can be read is '${ids[1] ?? ''}': give that instead of 'latest'`,
    );
  });

  it('a time means the newest before it that can be read, with a warning', async () => {
    const { clock, memory, repository, ids, first } = await threePoints();
    spoil(memory, ids[2]);
    const warnings: string[] = [];
    const found = await repository.resolve(clock.now().toISOString(), (message) => warnings.push(message));
    expect(found.id).toBe(ids[1]);
    expect(warnings).toEqual([expect.stringContaining(`'${ids[1] ?? ''}' is taken`)]);
    await expect(repository.resolve(first.cutAt)).resolves.toMatchObject({ id: first.id });
    await expect(repository.resolve('2020-01-01')).rejects.toBeInstanceOf(UsageError);
  });
});
