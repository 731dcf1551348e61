import { IntegrityError, ObjectMissingError, StorageError } from '../../runtime/errors';
import { type Storage } from '../../runtime/storage/storage';
import { forEachConcurrently } from '../../runtime/streams/concurrency';
import { digestOf } from '../../runtime/streams/digest';
import { breakingSource, bytesOf, shortSource, sourceOf } from './buffer-source';
import { keysIn, objectsIn } from './listed';

const MIB = 1024 * 1024;

export interface StorageUnderTest {
  readonly storage: Storage;
  readonly cleanUp: () => Promise<void>;
}

export interface StorageSuiteOptions {
  /** How many objects are listed where listings must have several pages. @default 1100 */
  readonly manyObjects?: number;
  /** How far its clock may be from this machine's. @default 2000 */
  readonly clockToleranceMs?: number;
  /** How long one test may take. @default 10000 */
  readonly timeoutMs?: number;
}

/** What every storage promises. The factory gives an empty one for each group of tests. */
export function storageSuite(
  name: string,
  factory: () => Promise<StorageUnderTest>,
  options: StorageSuiteOptions = {},
): void {
  const { manyObjects = 1100, clockToleranceMs = 2000, timeoutMs = 10_000 } = options;

  describe(`${name} keeps the storage's promises`, () => {
    let storage: Storage;
    let cleanUp: () => Promise<void>;
    jest.setTimeout(timeoutMs);

    beforeAll(async () => {
      ({ storage, cleanUp } = await factory());
    });
    afterAll(async () => {
      await storage.close();
      await cleanUp();
    });

    describe('put', () => {
      it.each([
        ['no bytes', 0],
        ['one byte', 1],
        ['exactly one part', 8 * MIB],
        ['one part and a byte', 8 * MIB + 1],
        ['three parts', 20 * MIB],
      ])('stores %s and tells their digest', async (title, size) => {
        const bytes = bytesOf(size, title);
        const key = `put/${size}`;

        expect(await storage.put(key, sourceOf(bytes))).toEqual({ created: true, size, sha256: digestOf(bytes) });

        expect((await storage.get(key)).equals(bytes)).toBe(true);
        expect(await storage.head(key)).toEqual({
          key,
          size,
          modifiedAt: expect.any(Date) as Date,
          sha256: digestOf(bytes),
        });
      });

      it('never replaces an object, and tells the digest of what it was given', async () => {
        await storage.put('put/taken', sourceOf('first'));

        const second = await storage.put('put/taken', sourceOf('the second'));

        expect(second).toEqual({ created: false, size: 10, sha256: digestOf(Buffer.from('the second')) });
        expect((await storage.get('put/taken')).toString()).toBe('first');
      });

      it('never replaces an object of several parts', async () => {
        const [first, second] = [bytesOf(9 * MIB, 'first'), bytesOf(10 * MIB, 'second')];
        await storage.put('put/taken-parts', sourceOf(first));

        const result = await storage.put('put/taken-parts', sourceOf(second));

        expect(result).toEqual({ created: false, size: second.length, sha256: digestOf(second) });
        expect((await storage.head('put/taken-parts'))?.sha256).toBe(digestOf(first));
      });

      it('lets exactly one of eight writers create an object', async () => {
        const contents = Array.from({ length: 8 }, (_, i) => Buffer.from(`written by ${i}`));

        const results = await Promise.all(contents.map((bytes) => storage.put('put/raced', sourceOf(bytes))));

        expect(results.filter((result) => result.created)).toHaveLength(1);
        const winner = results.findIndex((result) => result.created);
        expect((await storage.get('put/raced')).toString()).toBe(`written by ${winner}`);
      });

      it('stores under every character that a tenant may have', async () => {
        const key = "put/AZaz09!-_.*'()/data.parquet";
        await storage.put(key, sourceOf('odd'));

        expect((await storage.get(key)).toString()).toBe('odd');
        expect(await keysIn(storage, "put/AZaz09!-_.*'()/")).toEqual([key]);
        await storage.delete([key]);
        expect(await storage.head(key)).toBeUndefined();
      });

      it.each([
        ['a part', 3 * MIB, 0],
        ['the last of several parts', 20 * MIB, 16 * MIB],
      ])('leaves nothing when its source fails in %s', async (_, size, after) => {
        const error = new Error('the source broke');
        const key = `broken/${size}`;

        await expect(storage.put(key, breakingSource(bytesOf(size, 'broken'), after, error))).rejects.toBe(error);

        expect(await storage.head(key)).toBeUndefined();
        expect(await keysIn(storage, 'broken/')).toEqual([]);
      });

      it.each([100, 9 * MIB])('leaves nothing when a source of %d bytes lacks the last one', async (size) => {
        await expect(storage.put(`short/${size}`, shortSource(bytesOf(size - 1, 'short')))).rejects.toThrow(
          'source ends at',
        );

        expect(await keysIn(storage, 'short/')).toEqual([]);
      });

      it.each(['', '/absolute', 'a//b', 'a/', './a', 'a/../../b', '..', 'a\0b'])('refuses the key %j', async (key) => {
        await expect(storage.put(key, sourceOf('hostile'))).rejects.toThrow(StorageError);
        await expect(storage.get(key)).rejects.toThrow(StorageError);
        await expect(storage.head(key)).rejects.toThrow(StorageError);
        await expect(storage.delete([key])).rejects.toThrow(StorageError);
      });
    });

    describe('get and read', () => {
      const bytes = bytesOf(100_000, 'ranges');
      beforeAll(() => storage.put('read/object', sourceOf(bytes)));

      it.each([
        ['the beginning', 0, 10],
        ['the middle', 50_000, 1000],
        ['the end', 99_990, 10],
        ['all', 0, 100_000],
      ])('reads %s', async (_, offset, length) => {
        const into = Buffer.alloc(length, 0xee);

        await storage.read('read/object', offset, into);

        expect(into.equals(bytes.subarray(offset, offset + length))).toBe(true);
      });

      it.each([
        [99_991, 10],
        [100_000, 1],
        [200_000, 1],
      ])('throws when it is asked for bytes past the end (%d + %d)', async (offset, length) => {
        await expect(storage.read('read/object', offset, Buffer.alloc(length))).rejects.toThrow(IntegrityError);
      });

      it('throws when the object is missing', async () => {
        await expect(storage.get('read/missing')).rejects.toThrow(ObjectMissingError);
        await expect(storage.read('read/missing', 0, Buffer.alloc(1))).rejects.toThrow(ObjectMissingError);
        await expect(storage.get('read')).rejects.toThrow(ObjectMissingError);
        await expect(storage.get('read/object/below')).rejects.toThrow(ObjectMissingError);
      });

      it('gets an object of the limit, and throws when it is larger', async () => {
        expect((await storage.get('read/object', 100_000)).equals(bytes)).toBe(true);
        await expect(storage.get('read/object', 99_999)).rejects.toThrow(IntegrityError);
      });

      it('knows nothing of objects that are missing', async () => {
        expect(await storage.head('read/missing')).toBeUndefined();
        expect(await storage.head('read')).toBeUndefined();
        expect(await storage.head('read/object/below')).toBeUndefined();
      });
    });

    describe('list', () => {
      // In the order of their bytes: '!' < '-' < '.' < '/' < '0' < 'A' < 'a'.
      const names = ['a!', 'a-b/x', 'a.b', 'a/b', 'a/b-/c', 'a/b.c', 'a0', 'aB', 'ab'];
      const stored = names.map((name) => `list/${name}`);
      beforeAll(async () => {
        for (const key of [...stored].reverse()) await storage.put(key, sourceOf(key));
      });

      it('gives keys in the order of their bytes', async () => {
        expect(await keysIn(storage, 'list/')).toEqual(stored);
      });

      it.each(['list/a', 'list/a/', 'list/a/b', 'list/a.', 'list/a-b/', 'list/a!', 'list/nothing', 'list/a!/'])(
        'gives what begins with %j, be it a folder or not',
        async (prefix) => {
          expect(await keysIn(storage, prefix)).toEqual(stored.filter((key) => key.startsWith(prefix)));
        },
      );

      it.each([...stored, 'list/a/', 'list/a', 'list/b', 'list', 'm', 'list/a-'])(
        'begins after %j',
        async (startAfter) => {
          const expected = stored.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0);

          expect(await keysIn(storage, 'list/', startAfter)).toEqual(expected);
        },
      );

      it('tells size and time', async () => {
        const [first] = await objectsIn(storage, 'list/a!');

        expect(first).toMatchObject({ key: 'list/a!', size: 7 });
        expect(Math.abs((first?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000 + clockToleranceMs);
      });

      it(`gives ${manyObjects} objects, all and in order`, async () => {
        const many = Array.from({ length: manyObjects }, (_, i) => `many/${String(i).padStart(6, '0')}`);
        await forEachConcurrently(many, 32, async (key) => void (await storage.put(key, sourceOf(key))));
        const before = storage.requests.list;

        expect(await keysIn(storage, 'many/')).toEqual(many);

        expect(storage.requests.list - before).toBe(Math.ceil(manyObjects / 1000));
        expect(await keysIn(storage, 'many/', many.at(-2))).toEqual(many.slice(-1));
      });
    });

    describe('delete', () => {
      it('removes what is named and nothing else, and absent keys are no error', async () => {
        for (const key of ['delete/a', 'delete/ab', 'delete/folder/c']) await storage.put(key, sourceOf(key));

        await storage.delete(['delete/a', 'delete/absent', 'delete/absent/too', 'delete/folder/c']);

        expect(await keysIn(storage, 'delete/')).toEqual(['delete/ab']);
        await expect(storage.get('delete/a')).rejects.toThrow(ObjectMissingError);
      });

      it('lets a deleted key be created again', async () => {
        await storage.put('delete/again/x', sourceOf('old'));
        await storage.delete(['delete/again/x']);

        expect(await storage.put('delete/again/x', sourceOf('new'))).toMatchObject({ created: true });

        expect((await storage.head('delete/again/x'))?.sha256).toBe(digestOf(Buffer.from('new')));
      });

      it('does nothing when no key is named', async () => {
        await expect(storage.delete([])).resolves.toBeUndefined();
      });
    });

    it('tells a time by the clock that dates the objects', async () => {
      const before = await storage.now();
      await storage.put('clock/object', sourceOf('now'));
      const modifiedAt = (await storage.head('clock/object'))?.modifiedAt.getTime() ?? 0;

      expect(Math.abs(before.getTime() - Date.now())).toBeLessThan(clockToleranceMs);
      expect(Math.abs(modifiedAt - before.getTime())).toBeLessThan(clockToleranceMs);
    });

    it('synchronises what was put', async () => {
      await storage.put('sync/a/b/c', sourceOf('kept'));

      await expect(storage.sync()).resolves.toBeUndefined();
      await expect(storage.sync()).resolves.toBeUndefined();
    });

    it('counts its requests', async () => {
      const before = { ...storage.requests };

      await storage.put('counted/a', sourceOf('a'));
      await storage.get('counted/a');
      await storage.read('counted/a', 0, Buffer.alloc(1));
      await storage.head('counted/a');
      await keysIn(storage, 'counted/');
      await keysIn(storage, 'counted-nothing/');
      await storage.delete(['counted/a']);

      const made = Object.fromEntries(
        Object.entries(storage.requests).map(([kind, n]) => [kind, n - before[kind as 'put']]),
      );
      expect(made).toEqual({ put: 1, get: 2, head: 1, list: 2, delete: 1, multipart: 0 });
    });
  });
}
