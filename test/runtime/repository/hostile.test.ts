import { gzipSync } from 'node:zlib';
import { type IndexedBlock, type Manifest } from '../../../lib/contract/manifest';
import { IntegrityError, UsageError } from '../../../runtime/errors';
import { MemoryStorage } from '../../../runtime/storage/memory-storage';
import { digestOf } from '../../../runtime/streams/digest';
import { sourceOf } from '../../helpers/buffer-source';
import { backUp, FakeClock, FakeTempo, openRepository } from '../../helpers/repository-blocks';

const MIB = 1024 * 1024;
const HASH = 'a'.repeat(64);

async function newWorld() {
  const clock = new FakeClock();
  const storage = new MemoryStorage({ clock: clock.now });
  const repository = await openRepository(storage, clock);
  const tempo = new FakeTempo(9, clock);
  tempo.addBlock();
  tempo.addWal();
  const { manifest } = await backUp(repository, tempo, { config: { 'tempo.yaml': 'a: 1' } });
  const key = `points/${manifest.id}.json`;
  const replace = async (name: string, bytes: Buffer | string) => {
    storage.objects.delete(name);
    await storage.put(name, sourceOf(bytes));
  };
  return { storage, repository, manifest, key, replace };
}

type Json = { [name: string]: Json };

/** A manifest in which one value is another one. */
function changed(manifest: Manifest, path: string, value: unknown): string {
  const copy = JSON.parse(JSON.stringify(manifest)) as Json;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = copy;
  for (const name of names) at = at[name] ?? {};
  (at as Record<string, unknown>)[last] = value;
  return JSON.stringify(copy);
}

describe('a hostile manifest', () => {
  it.each<[string, unknown]>([
    ['id', '2026-11-23T08-00-00Z-other'],
    ['id', '../../repository'],
    ['baseline', '../x'],
    ['tenants.0.tenant', '..'],
    ['tenants.0.tenant', 'a/b'],
    ['tenants.0.tenant', ''],
    ['tenants.0.index.key', '../repository.json'],
    ['tenants.0.index.key', '/etc/passwd'],
    ['tenants.0.index.key', `indexes/${HASH}.json.gz`],
    ['tenants.0.index.size', 5 * 1024 ** 4],
    ['tenants.0.index.size', -1],
    ['tenants.0.index.size', 2 ** 60],
    ['wal.0.id', '../../../../etc'],
    ['wal.0.tenant', '../x'],
    ['wal.0.encoding', 'v/../../x'],
    ['wal.0.pages.0.key', 'wal/../repository.json'],
    ['wal.0.pages.0.key', 'repository.json'],
    ['wal.0.pages.0.name', '../0000001'],
    ['wal.0.pages.1.name', '0000000001'],
    ['wal.0.pages.0.size', 6 * 1024 ** 4],
    ['config.0.key', 'config/../repository.json'],
    ['config.0.key', 'blocks/x'],
    ['config.0.size', 100 * MIB],
    ['cutAt', 'yesterday'],
    ['format', 0],
  ])('is refused when %s is %j', async (path, value) => {
    const { repository, manifest, key, replace } = await newWorld();
    await replace(key, changed(manifest, path, value));
    const read = repository.manifest(manifest.id);
    await expect(read).rejects.toBeInstanceOf(IntegrityError);
    await expect(read).rejects.toThrow(new RegExp(`'${key.replaceAll('.', '\\.')}' is damaged: `));
  });

  it('is refused when it names a tenant twice', async () => {
    const { repository, manifest, key, replace } = await newWorld();
    await replace(key, JSON.stringify({ ...manifest, tenants: [...manifest.tenants, ...manifest.tenants] }));
    await expect(repository.manifest(manifest.id)).rejects.toThrow(/names tenant 'team-a' twice/);
  });

  it('is refused when it names an object of the cluster twice', async () => {
    const { repository, manifest, key, replace } = await newWorld();
    const object = { apiVersion: 'v1', kind: 'Secret', namespace: 'monitoring', name: 'tempo-s3' };
    const config = manifest.config.map((file) => ({ ...file, object }));
    await replace(key, JSON.stringify({ ...manifest, config }));
    await expect(repository.manifest(manifest.id)).resolves.toMatchObject({ config: [{ object }] });
    await replace(key, JSON.stringify({ ...manifest, config: [...config, ...config] }));
    await expect(repository.manifest(manifest.id)).rejects.toThrow("names object 'Secret/monitoring/tempo-s3' twice");
  });

  it('is refused under the name of another point', async () => {
    const { repository, manifest, replace } = await newWorld();
    await replace('points/2026-11-24T08-00-00Z-copy.json', JSON.stringify(manifest));
    await expect(repository.manifest('2026-11-24T08-00-00Z-copy')).rejects.toThrow(/its id is/);
  });

  it('is refused when it is of another repository, of a newer format, cut off or empty', async () => {
    const { repository, manifest, key, replace } = await newWorld();
    await replace(key, changed(manifest, 'repository', '00000000-0000-4000-8000-000000000000'));
    await expect(repository.manifest(manifest.id)).rejects.toThrow(/belongs to another repository/);
    await replace(key, '{"format":7}');
    await expect(repository.manifest(manifest.id)).rejects.toBeInstanceOf(UsageError);
    await expect(repository.manifest(manifest.id)).rejects.toThrow(/has format 7, this release reads up to 1/);
    for (const text of ['', JSON.stringify(manifest).slice(0, -9)]) {
      await replace(key, text);
      await expect(repository.manifest(manifest.id)).rejects.toThrow(/it isn't JSON/);
    }
  });

  it('is never looked for outside of the points', async () => {
    const { repository } = await newWorld();
    await expect(repository.manifest('../repository')).rejects.toBeInstanceOf(UsageError);
  });
});

describe('a hostile index', () => {
  const readWith = (text: string, blocks = 1) => readPacked(gzipSync(text), blocks);

  async function readPacked(bytes: Buffer, blocks = 1) {
    const { storage, repository, manifest } = await newWorld();
    const sha256 = digestOf(bytes);
    const key = `indexes/${sha256}.json.gz`;
    await storage.put(key, sourceOf(bytes));
    const [summary] = manifest.tenants;
    if (!summary) throw new Error('no tenant');
    return repository.index({ ...summary, blocks, index: { key, size: bytes.length, sha256 } });
  }

  const ID = '11111111-1111-4111-8111-111111111111';
  const files: IndexedBlock['files'] = [
    ['data.parquet', 1, HASH],
    ['meta.json', 1, HASH],
  ];
  const times = { start: '2026-11-23T08:00:00Z', end: '2026-11-23T08:00:00Z' };
  const good: IndexedBlock = {
    id: ID,
    seen: '1',
    format: 'vParquet4',
    ...times,
    objects: 1,
    level: 0,
    replicationFactor: 1,
    files,
  };
  const indexOf = (...blocks: unknown[]) => JSON.stringify({ format: 1, tenant: 'team-a', blocks });

  it('is read when it is as it should be', async () => {
    await expect(readWith(indexOf(good))).resolves.toMatchObject({ blocks: [good] });
    await expect(
      readWith(indexOf({ ...good, prefix: `rewritten/team-a/${ID}/0123456789abcdef` })),
    ).resolves.toBeDefined();
  });

  it.each<[string, string]>([
    ['names a block that is none', indexOf({ ...good, id: '../../../etc' })],
    ['lies outside of the layout', indexOf({ ...good, prefix: '../x' })],
    ['lies where another tenant does', indexOf({ ...good, prefix: `rewritten/team-b/${ID}/0123456789abcdef` })],
    [
      'lies where another block does',
      indexOf({ ...good, prefix: `rewritten/team-a/${ID.replaceAll('1', '2')}/0123456789abcdef` }),
    ],
    ['has a file that is none', indexOf({ ...good, files: [['../../x', 1, HASH], ...files] })],
    ['has a file twice', indexOf({ ...good, files: [['data.parquet', 1, HASH], ...files] })],
    ['lacks data.parquet', indexOf({ ...good, files: [['meta.json', 1, HASH]] })],
    ['has a file of an absurd size', indexOf({ ...good, files: [['bloom-0', 2 ** 52, HASH], ...files] })],
    [
      'has a meta.json of an absurd size',
      indexOf({
        ...good,
        files: [
          ['data.parquet', 1, HASH],
          ['meta.json', 2 * MIB, HASH],
        ],
      }),
    ],
    ['has a digest that is none', indexOf({ ...good, files: [['bloom-0', 1, 'x'], ...files] })],
    ['is of another tenant', JSON.stringify({ format: 1, tenant: 'team-b', blocks: [good] })],
    ['has fewer blocks than the manifest says', indexOf()],
    ["isn't JSON", '{'],
  ])('is refused when it %s', async (_, text) => {
    await expect(readWith(text)).rejects.toBeInstanceOf(IntegrityError);
  });

  it('is refused when it names a block twice', async () => {
    await expect(readWith(indexOf(good, good), 2)).rejects.toThrow(/names block '11111111-.*' twice/);
  });

  it('is refused when it is a bomb', async () => {
    // One file after the other is one file to gunzip, so the bomb is cheap to make.
    const mebibyte = gzipSync(Buffer.alloc(MIB, ' '));
    const bomb = Buffer.concat(new Array<Buffer>(129).fill(mebibyte));
    await expect(readPacked(bomb)).rejects.toThrow(/unfolds to more than/);
  }, 30_000);

  it.each([
    [
      'a bit is flipped',
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, 20), Buffer.from([(bytes[20] ?? 0) ^ 4]), bytes.subarray(21)]),
    ],
    ['it is cut off', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['it is empty', () => Buffer.alloc(0)],
    ['it is longer', (bytes: Buffer) => Buffer.concat([bytes, bytes])],
  ])('is refused before it is unpacked when %s', async (_, damage) => {
    const { storage, repository, manifest, replace } = await newWorld();
    const [summary] = manifest.tenants;
    const object = storage.objects.get(summary?.index.key ?? '');
    if (!summary || !object) throw new Error('no index');
    await replace(summary.index.key, damage(object.bytes));
    await expect(repository.index(summary)).rejects.toBeInstanceOf(IntegrityError);
  });
});
