import { findArchived, findArchivedDocuments } from '../../../../runtime/repository/archive/find-archived';
import { surveyArchive } from '../../../../runtime/repository/archive/archived-objects';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import type { Archive, StoredObject, Thaw } from '../../../../runtime/storage/storage';
import { sourceOf } from '../../../helpers/buffer-source';
import { CountingStorage } from '../../../helpers/counting-storage';

/** Where every key that ends with `.parquet` is archived. */
class ArchivingStorage extends CountingStorage {
  asked = 0;
  listed = 0;
  readonly archive: Archive = {
    stateOf: (): Promise<Thaw> => {
      this.asked++;
      return Promise.resolve({ state: 'archived' });
    },
    thaw: () => Promise.reject(new Error('nobody asked for a thaw')),
  };

  override async *list(prefix: string, startAfter?: string): AsyncIterable<StoredObject> {
    for await (const object of super.list(prefix, startAfter)) {
      this.listed++;
      yield object.key.endsWith('.parquet') ? { ...object, archiveClass: 'GLACIER' } : object;
    }
  }
}

async function filled(keys: readonly string[]): Promise<ArchivingStorage> {
  const storage = new ArchivingStorage(new MemoryStorage());
  for (const key of keys) await storage.put(key, sourceOf('x'));
  storage.reset();
  return storage;
}

const block = (n: number): string => `b${String(n).padStart(5, '0')}`;
const filesOf = (n: number, tenant = 'team-a'): string[] =>
  ['bloom-0', 'data.parquet', 'meta.json'].map((name) => `blocks/${tenant}/${block(n)}/${name}`);
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const references = (keys: readonly string[]) => keys.map((key) => ({ key, size: 1, sha256: '' }));

describe('finding what is archived', () => {
  it('takes one listing of each place, whatever their order', async () => {
    const keys = [...range(800).flatMap((n) => filesOf(n)), ...filesOf(1, 'team-b'), 'wal/one.parquet', 'wal/two'];
    const storage = await filled(keys);
    const found = await findArchived(storage, references(keys.toReversed()));
    expect(found.map(({ key }) => key).sort()).toEqual(keys.filter((key) => key.endsWith('.parquet')).sort());
    expect(storage.keys.list.sort()).toEqual(['blocks/team-a/', 'blocks/team-b/', 'wal/']);
    expect(storage.counts).toMatchObject({ head: 0, get: 0 });
  });

  it('leaps to blocks that lie far apart instead of listing what is between them', async () => {
    const storage = await filled(range(4000).flatMap((n) => filesOf(n)));
    const wanted = [3, 2000, 3999].flatMap((n) => filesOf(n));
    const found = await findArchived(storage, references(wanted));
    expect(found.map(({ key }) => key)).toEqual(wanted.filter((key) => key.endsWith('.parquet')));
    expect(storage.counts.list).toBe(3);
    expect(storage.listed).toBeLessThan(2100);
  });

  it('leaves out what is absent, which is for others to say, and comes to an end', async () => {
    const storage = await filled([...filesOf(1), ...filesOf(3)]);
    const found = await findArchived(storage, references([1, 2, 3, 4].flatMap((n) => filesOf(n))));
    expect(found.map(({ key }) => key)).toEqual(
      [...filesOf(1), ...filesOf(3)].filter((key) => key.endsWith('.parquet')),
    );
    expect(await findArchived(await filled([]), references(filesOf(1)))).toEqual([]);
  });

  it('does nothing at all on a storage without archives, and asks for the state of nothing where nothing is archived', async () => {
    const disk = new CountingStorage(new MemoryStorage());
    await disk.put('blocks/team-a/x/data.parquet', sourceOf('x'));
    disk.reset();
    expect(await findArchived(disk, references(['blocks/team-a/x/data.parquet']))).toEqual([]);
    expect(disk.calls).toBe(1);
    const storage = await filled(['blocks/team-a/x/meta.json']);
    expect(
      await surveyArchive(storage, await findArchived(storage, references(['blocks/team-a/x/meta.json']))),
    ).toEqual([]);
    expect(storage.asked).toBe(0);
  });

  it('finds the documents of the repository', async () => {
    const storage = await filled([
      'points/a.parquet',
      'indexes/x/b.parquet',
      'verifications/c.parquet',
      'config/e.parquet',
      'blocks/t/d.parquet',
    ]);
    const found = await findArchivedDocuments(storage);
    expect(found.map(({ key }) => key).sort()).toEqual([
      'config/e.parquet',
      'indexes/x/b.parquet',
      'points/a.parquet',
      'verifications/c.parquet',
    ]);
  });
});
