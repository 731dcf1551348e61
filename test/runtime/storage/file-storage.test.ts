import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InterruptedError, RepositoryMissingError, StorageError, UsageError } from '../../../runtime/errors';
import { FileCalls } from '../../../runtime/storage/file/file-calls';
import { Pace } from '../../../runtime/storage/file/pace';
import { FileStorage, type FileStorageOptions } from '../../../runtime/storage/file-storage';
import { breakingSource, bytesOf, sourceOf } from '../../helpers/buffer-source';
import { keysIn } from '../../helpers/listed';
import { storageSuite } from '../../helpers/storage-suite';

const MIB = 1024 * 1024;
const DAY_S = 24 * 60 * 60;

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'file-storage-'));
  folder = join(parent, 'repository');
});
afterEach(() => rm(parent, { recursive: true }));

function open(options: FileStorageOptions = {}): Promise<FileStorage> {
  return FileStorage.open(folder, { create: true, ...options });
}

for (const [name, calls] of [
  [
    'file storage on a fast disk',
    () => new FileCalls(new Pace({ allowed: Infinity }), new Pace({ allowed: Infinity })),
  ],
  ['file storage on a slow disk', () => new FileCalls(new Pace({ allowed: -1 }), new Pace({ allowed: -1 }))],
] as const) {
  storageSuite(name, async () => {
    const suiteFolder = await mkdtemp(join(tmpdir(), 'file-storage-suite-'));
    const storage = await FileStorage.open(suiteFolder, { calls: calls() });
    return {
      storage,
      cleanUp: async () => {
        expect(await readdir(join(suiteFolder, '.tmp'))).toEqual([]);
        await rm(suiteFolder, { recursive: true });
      },
    };
  });
}

describe('FileStorage.open', () => {
  it('throws when the folder is missing, and makes it when told to', async () => {
    await expect(FileStorage.open(folder)).rejects.toThrow(RepositoryMissingError);
    expect(existsSync(folder)).toBe(false);

    await FileStorage.open(join(folder, 'deep', 'er'), { create: true });

    expect(existsSync(join(folder, 'deep', 'er'))).toBe(true);
  });

  it('throws when the folder is a file', async () => {
    await writeFile(folder, '');

    await expect(FileStorage.open(folder)).rejects.toThrow(UsageError);
    await expect(open()).rejects.toThrow(StorageError);
  });

  it('removes what killed runs left a day ago, and nothing else', async () => {
    const temporary = join(folder, '.tmp');
    await mkdir(temporary, { recursive: true });
    const [stale, young, foreign] = ['7-00112233445566aa-0', '7-00112233445566aa-1', 'foreign'];
    for (const name of [stale, young, foreign]) await writeFile(join(temporary, name), 'half');
    const twoDaysAgo = Date.now() / 1000 - 2 * DAY_S;
    for (const name of [stale, foreign]) await utimes(join(temporary, name), twoDaysAgo, twoDaysAgo);

    await (await open()).put('a', sourceOf('a'));

    expect((await readdir(temporary)).sort()).toEqual([young, foreign].sort());
  });
});

describe('FileStorage', () => {
  it('shows no object while it is written', async () => {
    const storage = await open();
    let seen: string[] | undefined;
    const whole = sourceOf(bytesOf(9 * MIB, 'slow'));
    const read = async (offset: number, into: Buffer): Promise<void> => {
      if (offset > 0) seen = await keysIn(storage);
      await whole.read(offset, into);
    };

    await storage.put('slow', { size: whole.size, read });

    expect(seen).toEqual([]);
    expect(await keysIn(storage)).toEqual(['slow']);
  });

  it('throws the reason when it is interrupted, and leaves nothing', async () => {
    const controller = new AbortController();
    const storage = await open({ signal: controller.signal });
    const whole = sourceOf(bytesOf(20 * MIB, 'interrupted'));
    const read = async (offset: number, into: Buffer): Promise<void> => {
      if (offset > 0) controller.abort(new InterruptedError());
      await whole.read(offset, into);
    };

    await expect(storage.put('a', { size: whole.size, read })).rejects.toThrow(InterruptedError);
    await expect(storage.put('b', sourceOf('b'))).rejects.toThrow(InterruptedError);

    expect(await keysIn(await open())).toEqual([]);
    expect(await readdir(join(folder, '.tmp'))).toEqual([]);
  });

  it('leaves no temporary file when the source fails', async () => {
    const storage = await open();

    await expect(storage.put('a', breakingSource(bytesOf(9 * MIB, 'a'), 8 * MIB, new Error('gone')))).rejects.toThrow(
      'gone',
    );

    expect(await readdir(join(folder, '.tmp'))).toEqual([]);
  });

  it.each(['.tmp/a', '.checksums/a', '.tmp', 'lost+found/a'])('refuses the reserved key %s', async (key) => {
    await expect((await open()).put(key, sourceOf('a'))).rejects.toThrow('the name is reserved');
  });

  it('lists neither its own folders nor what is no file', async () => {
    const storage = await open();
    await storage.put('blocks/large', sourceOf(bytesOf(MIB, 'large')));
    await mkdir(join(folder, 'lost+found'));
    await writeFile(join(folder, 'lost+found', 'x'), '');

    expect((await readdir(folder)).sort()).toEqual(['.checksums', '.tmp', 'blocks', 'lost+found']);
    expect(await keysIn(storage)).toEqual(['blocks/large']);
    expect(await keysIn(storage, '.tmp/')).toEqual([]);
    expect(await keysIn(storage, '.checksums/')).toEqual([]);
    await expect(keysIn(storage, '../')).rejects.toThrow(StorageError);
  });

  it('follows no links', async () => {
    const storage = await open();
    await storage.put('blocks/a', sourceOf('inside'));
    await mkdir(join(parent, 'outside'));
    await writeFile(join(parent, 'outside', 'secret'), 'outside');
    await symlink(join(parent, 'outside'), join(folder, 'outside'));

    expect(await keysIn(storage)).toEqual(['blocks/a']);
    await expect(keysIn(storage, 'outside/')).rejects.toThrow(`'${join(folder, 'outside')}'`);

    await symlink(join(parent, 'outside', 'secret'), join(folder, 'blocks', 'link'));
    await expect(keysIn(storage, 'blocks/')).rejects.toThrow(`'${join(folder, 'blocks', 'link')}'`);
    expect(await storage.head('blocks/link')).toBeUndefined();
    await expect(storage.get('blocks/link')).rejects.toThrow('it is a symbolic link, and links are never followed');
    await expect(storage.read('blocks/link', 0, Buffer.alloc(1))).rejects.toThrow(StorageError);
  });

  it.each(['points', 'blocks/tenant'])('neither reads nor writes below %s when that is a link', async (link) => {
    const outside = join(parent, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'a'), 'outside');
    await mkdir(join(folder, 'blocks'), { recursive: true });
    await symlink(outside, join(folder, link));
    const storage = await open();
    const refusal = expect.objectContaining({
      name: 'StorageError',
      message: expect.stringContaining(`'${join(folder, link)}' in '${storage.url}': it is a symbolic link`),
    });

    await expect(storage.put(`${link}/b/c`, sourceOf('b'))).rejects.toEqual(refusal);
    await expect(storage.get(`${link}/a`)).rejects.toEqual(refusal);
    await expect(storage.read(`${link}/a`, 0, Buffer.alloc(1))).rejects.toEqual(refusal);
    await expect(storage.head(`${link}/a`)).rejects.toEqual(refusal);
    await expect(storage.delete([`${link}/a`])).rejects.toEqual(refusal);
    await expect(keysIn(storage, `${link}/`)).rejects.toEqual(refusal);
    await expect(keysIn(storage, link.slice(0, -1))).rejects.toEqual(refusal);
    expect(await readdir(outside)).toEqual(['a']);
  });

  it.each(['.tmp', '.checksums'])('is not opened when its %s is a link', async (name) => {
    await mkdir(folder);
    await symlink(parent, join(folder, name));

    await expect(open()).rejects.toThrow('it is a symbolic link');
  });

  it('lets the repository itself be a link', async () => {
    await mkdir(join(parent, 'real'));
    await symlink(join(parent, 'real'), folder);
    const storage = await open();

    await storage.put('points/a', sourceOf('a'));

    expect(await keysIn(storage, 'points/')).toEqual(['points/a']);
  });

  it('looks once at each folder for links', async () => {
    const looks: string[] = [];
    class Looking extends FileCalls {
      override lstat(path: string): ReturnType<FileCalls['lstat']> {
        looks.push(path);
        return super.lstat(path);
      }
    }
    await (await open()).put('blocks/t/a', sourceOf('a'));
    const storage = await open({ calls: new Looking() });

    for (let i = 0; i < 3; i++) await storage.get('blocks/t/a');

    expect(looks.filter((path) => path.startsWith(join(folder, 'blocks')))).toEqual([
      join(folder, 'blocks'),
      join(folder, 'blocks', 't'),
    ]);
  });

  it('reports a FIFO in the place of an object, and waits for nobody', async () => {
    const storage = await open();
    await mkdir(join(folder, 'points'));
    execFileSync('mkfifo', [join(folder, 'points', 'a')]);
    const damage = expect.objectContaining({
      name: 'IntegrityError',
      message: expect.stringContaining(`'points/a' in '${storage.url}': it is no regular file`),
    });

    await expect(storage.get('points/a')).rejects.toEqual(damage);
    await expect(storage.read('points/a', 0, Buffer.alloc(1))).rejects.toEqual(damage);
    await expect(storage.head('points/a')).rejects.toEqual(damage);
    await expect(storage.put('points/a', sourceOf('a'))).rejects.toEqual(damage);
  });

  it('removes folders that a delete left empty, and never the repository', async () => {
    const storage = await open();
    for (const key of ['blocks/t/a/data', 'blocks/t/a/meta', 'blocks/t/b/data']) await storage.put(key, sourceOf(key));

    await storage.delete(['blocks/t/a/data', 'blocks/t/a/meta']);
    expect(await readdir(join(folder, 'blocks', 't'))).toEqual(['b']);

    await storage.delete(['blocks/t/b/data']);
    expect(await readdir(folder)).toEqual(['.tmp']);
  });

  it('does not take a vanished folder for an empty repository', async () => {
    const storage = await open();
    await storage.put('a', sourceOf('a'));
    await rename(folder, join(parent, 'elsewhere'));

    await expect(keysIn(storage)).rejects.toThrow(RepositoryMissingError);
    await expect(keysIn(storage, 'points/')).rejects.toThrow(RepositoryMissingError);
    await expect(storage.put('b', sourceOf('b'))).rejects.toThrow('check that the volume is still mounted');
    expect(existsSync(folder)).toBe(false);
  });
});
