import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Dirent, existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { InterruptedError, RepositoryMissingError, StorageError, UsageError } from '../../../runtime/errors';
import { FileCalls } from '../../../runtime/storage/file/file-calls';
import { FileStorage, type FileStorageOptions } from '../../../runtime/storage/file-storage';
import { type StoredObject } from '../../../runtime/storage/storage';
import { digestOf } from '../../../runtime/streams/digest';
import { breakingSource, bytesOf, sourceOf } from '../../helpers/buffer-source';
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
  ['file storage on a fast disk', () => new FileCalls(Infinity)],
  ['file storage on a slow disk', () => new FileCalls(-1)],
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

/** The operating system's calls, with one that fails. */
class FailingCalls extends FileCalls {
  constructor(private readonly fails: { readonly [call in keyof FileCalls]?: string }) {
    super();
  }

  override open(path: string, flags: number, mode?: number): Promise<number> {
    return this.fails.open ? Promise.reject(errno(this.fails.open, 'open')) : super.open(path, flags, mode);
  }

  override async write(fd: number, bytes: Buffer, offset: number): Promise<void> {
    await super.write(fd, this.fails.write ? bytes.subarray(0, bytes.length / 2) : bytes, offset);
    if (this.fails.write) throw errno(this.fails.write, 'write');
  }

  override fsync(fd: number): Promise<void> {
    return this.fails.fsync ? Promise.reject(errno(this.fails.fsync, 'fsync')) : super.fsync(fd);
  }

  override link(existing: string, path: string): Promise<void> {
    return this.fails.link ? Promise.reject(errno(this.fails.link, 'link')) : super.link(existing, path);
  }

  override mkdir(path: string): Promise<void> {
    return this.fails.mkdir ? Promise.reject(errno(this.fails.mkdir, 'mkdir')) : super.mkdir(path);
  }

  override readdir(path: string): Promise<Dirent[]> {
    return this.fails.readdir ? Promise.reject(errno(this.fails.readdir, 'scandir')) : super.readdir(path);
  }
}

function errno(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}

describe('FileStorage when a call fails', () => {
  it.each([
    ['write', 'ENOSPC', /the disk is full; free space or grow the volume/],
    ['write', 'EDQUOT', /the disk quota is used up; free space/],
    ['fsync', 'EIO', /input\/output error; check the disk/],
    ['open', 'EROFS', /the file system is read-only; mount it writable/],
    ['open', 'EACCES', /no permission; let .* read and write the whole folder/],
    ['open', 'EMFILE', /too many files are open; raise the limit/],
    ['link', 'ENOSPC', /the disk is full/],
    ['link', 'EPERM', /has no hard links, .*; use one that has them .* or an 's3:\/\/' repository/],
    ['link', 'ENOTSUP', /has no hard links/],
    ['link', 'EACCES', /no permission/],
    ['link', 'EUCLEAN', /answers EUCLEAN; check the disk/],
    ['mkdir', 'EROFS', /read-only/],
  ] as const)('says what to do about %s failing with %s, and leaves nothing', async (call, code, message) => {
    await (await open()).put('other', sourceOf('kept'));
    const storage = await open({ calls: new FailingCalls({ [call]: code }) });

    const putting = storage.put('blocks/a', sourceOf(bytesOf(20 * MIB, 'a')));

    await expect(putting).rejects.toThrow(message);
    await expect(putting).rejects.toThrow(`store object 'blocks/a' in '${storage.url}'`);
    await expect(putting).rejects.toMatchObject({
      name: 'StorageError',
      exitCode: ExitCode.FAILED,
      evidence: { code },
    });
    expect(await readdir(join(folder, '.tmp'))).toEqual([]);
    expect(await keysOf(await open())).toEqual(['other']);
  });

  it('stores the object once there is space again', async () => {
    const fails: { write?: string } = { write: 'ENOSPC' };
    const storage = await open({ calls: new FailingCalls(fails) });
    await expect(storage.put('a', sourceOf('content'))).rejects.toThrow(StorageError);
    delete fails.write;

    expect(await storage.put('a', sourceOf('content'))).toMatchObject({ created: true });
  });

  it('reports a disk that is full for real', async () => {
    class FullDisk extends FileCalls {
      override open(path: string, flags: number, mode?: number): Promise<number> {
        return super.open(path.includes('/.tmp/') ? '/dev/full' : path, path.includes('/.tmp/') ? 1 : flags, mode);
      }
    }
    const storage = await open({ calls: new FullDisk() });

    await expect(storage.put('a', sourceOf('content'))).rejects.toThrow('the disk is full');
  });

  it.each([
    ['readdir', (s: FileStorage) => keysOf(s), /^list '' in 'file:.*': .* no permission/],
    ['open', (s: FileStorage) => s.get('a'), /^read object 'a' in 'file:.*': .* no permission/],
  ] as const)('explains a failing %s', async (call, act, message) => {
    const storage = await open({ calls: new FailingCalls({ [call]: 'EACCES' }) });

    await expect(act(storage)).rejects.toThrow(message);
  });

  it('keeps its own clock where it cannot write', async () => {
    const storage = await open({ calls: new FailingCalls({ open: 'EROFS' }) });

    expect(Math.abs((await storage.now()).getTime() - Date.now())).toBeLessThan(2000);
  });

  it('knows its object when the answer to the link was lost', async () => {
    class LostAnswer extends FileCalls {
      override async link(existing: string, path: string): Promise<void> {
        await super.link(existing, path);
        throw errno('EEXIST', 'link');
      }
    }
    const storage = await open({ calls: new LostAnswer() });

    expect(await storage.put('a/b', sourceOf('mine'))).toMatchObject({ created: true });
  });

  it('makes the folder again when a prune removed it as empty', async () => {
    class RacingCalls extends FileCalls {
      private races = 3;
      override async mkdir(path: string): Promise<void> {
        await super.mkdir(path);
        if (path.endsWith('blocks') && this.races-- > 0) await this.rmdir(path);
      }
    }
    const storage = await open({ calls: new RacingCalls() });

    expect(await storage.put('blocks/a', sourceOf('there'))).toMatchObject({ created: true });
  });
});

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
      if (offset > 0) seen = await keysOf(storage);
      await whole.read(offset, into);
    };

    await storage.put('slow', { size: whole.size, read });

    expect(seen).toEqual([]);
    expect(await keysOf(storage)).toEqual(['slow']);
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

    expect(await keysOf(await open())).toEqual([]);
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
    expect(await keysOf(storage)).toEqual(['blocks/large']);
    expect(await keysOf(storage, '.tmp/')).toEqual([]);
    expect(await keysOf(storage, '.checksums/')).toEqual([]);
    await expect(keysOf(storage, '../')).rejects.toThrow(StorageError);
  });

  it('follows no links', async () => {
    const storage = await open();
    await storage.put('blocks/a', sourceOf('inside'));
    await mkdir(join(parent, 'outside'));
    await writeFile(join(parent, 'outside', 'secret'), 'outside');
    await symlink(join(parent, 'outside', 'secret'), join(folder, 'blocks', 'link'));
    await symlink(join(parent, 'outside'), join(folder, 'outside'));

    expect(await keysOf(storage)).toEqual(['blocks/a']);
    expect(await keysOf(storage, 'outside/')).toEqual([]);
    expect(await storage.head('blocks/link')).toBeUndefined();
    await expect(storage.get('blocks/link')).rejects.toThrow('it is a symbolic link, and links are never followed');
    await expect(storage.read('blocks/link', 0, Buffer.alloc(1))).rejects.toThrow(StorageError);
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

    await expect(keysOf(storage)).rejects.toThrow(RepositoryMissingError);
    await expect(keysOf(storage, 'points/')).rejects.toThrow(RepositoryMissingError);
    await expect(storage.put('b', sourceOf('b'))).rejects.toThrow('check that the volume is still mounted');
    expect(existsSync(folder)).toBe(false);
  });
});

/** What is asked of the disk, in order. */
class RecordingCalls extends FileCalls {
  readonly log: string[] = [];
  reads = 0;
  private readonly paths = new Map<number, string>();

  override async open(path: string, flags: number, mode?: number): Promise<number> {
    const fd = await super.open(path, flags, mode);
    this.paths.set(fd, path.replace(/\/\.tmp\/.*/, '/.tmp/…'));
    return fd;
  }

  override async link(existing: string, path: string): Promise<void> {
    await super.link(existing, path);
    this.log.push(`link ${path}`);
  }

  override async fsync(fd: number): Promise<void> {
    await super.fsync(fd);
    this.log.push(`fsync ${this.paths.get(fd)}`);
  }

  override read(fd: number, into: Buffer, offset: number): Promise<number> {
    this.reads++;
    return super.read(fd, into, offset);
  }
}

describe('FileStorage and power loss', () => {
  it('has the bytes on the disk before they get their name', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });

    await storage.put('a', sourceOf('a'));

    expect(calls.log).toEqual([`fsync ${folder}/.tmp/…`, `link ${folder}/a`]);
  });

  it('has the names on the disk after sync, those of new folders and of the repository itself included', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await storage.put('blocks/t/id/meta.json', sourceOf('a'));
    calls.log.length = 0;

    await storage.sync();

    const expected = [parent, folder, `${folder}/blocks`, `${folder}/blocks/t`, `${folder}/blocks/t/id`];
    expect(calls.log.sort()).toEqual(expected.map((path) => `fsync ${path}`));
    calls.log.length = 0;
    await storage.sync();
    expect(calls.log).toEqual([]);
  });

  it.each([
    ['was there already', (s: FileStorage) => s.put('old/a', sourceOf('other'))],
    ['was looked up', (s: FileStorage) => s.head('old/a')],
  ])('covers an object that %s, as its writer may have died before it synchronised', async (_, act) => {
    await (await open()).put('old/a', sourceOf('a'));
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await act(storage);
    calls.log.length = 0;

    await storage.sync();

    expect(calls.log.sort()).toEqual([folder, `${folder}/old`].map((path) => `fsync ${path}`));
  });

  it('tries again what could not be synchronised', async () => {
    const fails: { fsync?: string } = {};
    const calls = new FailingCalls(fails);
    const storage = await open({ calls });
    await storage.put('a/b', sourceOf('a'));
    fails.fsync = 'EIO';
    await expect(storage.sync()).rejects.toThrow('check the disk');
    await expect(storage.sync()).rejects.toThrow('check the disk');

    delete fails.fsync;

    await expect(storage.sync()).resolves.toBeUndefined();
  });

  it('leaves only whole objects when it is killed in the middle of puts, and goes on from there', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(__dirname, '../../helpers/put-until-killed.ts'), folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');

    const storage = await open();
    const objects = await objectsOf(storage);
    expect(objects.length).toBeGreaterThan(10);
    for (const { key, size } of objects) {
      const whole = bytesOf(Number(key.split('-').at(-1)), key);
      expect({ key, size, sha256: (await storage.head(key))?.sha256 }).toEqual({
        key,
        size: whole.length,
        sha256: digestOf(whole),
      });
      expect((await storage.get(key)).equals(whole)).toBe(true);
    }
    const [first] = objects;
    expect(await storage.put(first?.key ?? '', sourceOf('again'))).toMatchObject({ created: false });
  }, 15_000);
});

describe('FileStorage and checksums', () => {
  const bytes = bytesOf(9 * MIB, 'checksums');

  async function readsForHead(): Promise<{ sha256: string | undefined; reads: number }> {
    const calls = new RecordingCalls();
    const sha256 = (await (await open({ calls })).head('a'))?.sha256;
    return { sha256, reads: calls.reads };
  }

  beforeEach(async () => {
    const storage = await open();
    await storage.put('a', sourceOf(bytes));
    await storage.close();
  });

  async function logOf(): Promise<string> {
    const names = await readdir(join(folder, '.checksums'));
    expect(names).toHaveLength(1);
    return join(folder, '.checksums', names[0] ?? '');
  }

  it('tells the digest without reading', async () => {
    expect(await readsForHead()).toEqual({ sha256: digestOf(bytes), reads: 0 });
  });

  it('tells the digest of what another process stored after the logs were read', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await storage.head('a');
    await (await open()).put('b', sourceOf(bytes));

    expect((await storage.head('b'))?.sha256).toBe(digestOf(bytes));
    expect(calls.reads).toBe(0);
  });

  it('reads a file that was changed, even when its size is the same', async () => {
    const changed = Buffer.from(bytes).fill(0, 100, 200);
    await writeFile(join(folder, 'a'), changed);

    expect(await readsForHead()).toEqual({ sha256: digestOf(changed), reads: 2 });
  });

  it('reads a file that took the place of another with all its times', async () => {
    const changed = Buffer.from(bytes).fill(0, 100, 200);
    const { atime, mtime } = await stat(join(folder, 'a'));
    await writeFile(join(folder, 'copy'), changed);
    await utimes(join(folder, 'copy'), atime, mtime);
    await rename(join(folder, 'copy'), join(folder, 'a'));

    expect((await readsForHead()).sha256).toBe(digestOf(changed));
  });

  it.each([
    ['is gone', async () => rm(join(folder, '.checksums'), { recursive: true })],
    ['is torn', async () => truncate(await logOf(), 50)],
    ['holds garbage', async () => writeFile(await logOf(), `\0\0\0\n{"key":"a"}\nnull\n[1]\n`)],
  ])('reads the object when its log %s', async (_, damage) => {
    await damage();

    expect(await readsForHead()).toEqual({ sha256: digestOf(bytes), reads: 2 });
  });

  it('loads only logs of the time when the object was written', async () => {
    const log = await logOf();
    const early = join(folder, '.checksums', '1000000000000-7-00112233.jsonl');
    await rename(log, early);
    const longAgo = 1_000_000_100;
    await utimes(early, longAgo, longAgo);

    expect((await readsForHead()).reads).toBe(2);
  });

  it('logs nothing for small objects, which are as quick to read', async () => {
    const storage = await open();
    const before = await readFile(await logOf(), 'utf8');
    await storage.put('small', sourceOf('small'));

    expect(await readFile(await logOf(), 'utf8')).toBe(before);
    expect((await storage.head('small'))?.sha256).toBe(digestOf(Buffer.from('small')));
  });
});

describe('FileCalls', () => {
  it('goes through the pool once the disk is slow, and not for one pause', async () => {
    let time = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => time);
    const calls = new FileCalls();
    clock.mockReturnValueOnce(0).mockReturnValueOnce(1000);
    await calls.lstat('/');
    expect(calls.isSlow).toBe(false);

    clock.mockImplementation(() => (time += 1));
    for (let i = 0; i < 20; i++) await calls.lstat('/');

    expect(calls.isSlow).toBe(true);
    clock.mockRestore();
  });
});

async function objectsOf(storage: FileStorage, prefix = ''): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of storage.list(prefix)) objects.push(object);
  return objects;
}

async function keysOf(storage: FileStorage, prefix = ''): Promise<string[]> {
  return (await objectsOf(storage, prefix)).map((object) => object.key);
}
