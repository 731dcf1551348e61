import { constants } from 'node:fs';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RepositoryMissingError, StorageError, UsageError } from '../errors';
import { forEachConcurrently } from '../streams/concurrency';
import { combineDigests, sha256 } from '../streams/digest';
import { forEachPart } from '../streams/read-ahead';
import { ChecksumLog } from './file/checksum-log';
import { DirtyFolders } from './file/dirty-folders';
import { FileCalls } from './file/file-calls';
import { errnoCode, explaining, fileError, isMissing } from './file/file-errors';
import { HIDDEN_FOLDERS, listFiles } from './file/file-listing';
import { publish } from './file/file-publisher';
import { LinkGuard } from './file/link-guard';
import { type TemporaryFile, TemporaryFiles, unlinkIfThere } from './file/temporary-files';
import { endsEarly, notAFile, objectMissing, tooLarge } from './object-errors';
import { type ByteSource, type PutResult, type RequestCounts, type Storage, type StoredObject } from './storage';
import { checkKey } from './storage-keys';

const DEFAULT_GET_LIMIT = 64 * 1024 * 1024;
/** Objects up to here are hashed again when asked for: that is as fast as looking the checksum up. */
const UNLOGGED_SIZE = 256 * 1024;
const PAGE = 1000;
const DELETES_AT_ONCE = 16;
// To open a FIFO waits for a writer for ever, unless it is told not to.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface FileStorageOptions {
  /** Makes the folder when it is absent. @default false */
  readonly create?: boolean;
  /** Ends what is under way, with nothing half done. */
  readonly signal?: AbortSignal;
  /** @default - the calls of the operating system */
  readonly calls?: FileCalls;
}

interface CommittedObject {
  readonly key: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * A repository in a folder: on a disk, a volume, or NFS. Objects are files under their keys, so that they can be looked at and copied with
 * anything. Besides them there are only `.tmp` (files being written) and `.checksums` (a shortcut that may be deleted).
 */
export class FileStorage implements Storage {
  static async open(folder: string, options: FileStorageOptions = {}): Promise<FileStorage> {
    const url = pathToFileURL(folder).href;
    const firstMade = await explaining(`open repository '${url}'`, () =>
      ensureFolder(folder, url, options.create ?? false),
    );
    const storage = new FileStorage(await realpath(folder), url, options);
    await explaining(`open repository '${url}'`, () => storage.checkOwnFolders());
    if (firstMade !== undefined) storage.dirtyFolders.add(dirname(await realpath(firstMade)));
    return storage;
  }

  readonly requests: RequestCounts = { put: 0, get: 0, head: 0, list: 0, delete: 0, multipart: 0 };
  private readonly calls: FileCalls;
  private readonly signal: AbortSignal | undefined;
  private readonly temporary: TemporaryFiles;
  private readonly checksums: ChecksumLog;
  private readonly dirtyFolders: DirtyFolders;
  private readonly links: LinkGuard;

  private constructor(
    private readonly root: string,
    readonly url: string,
    options: FileStorageOptions,
  ) {
    this.calls = options.calls ?? new FileCalls();
    this.signal = options.signal;
    this.temporary = new TemporaryFiles(join(root, '.tmp'), this.calls);
    this.checksums = new ChecksumLog(join(root, '.checksums'), this.calls);
    this.dirtyFolders = new DirtyFolders(root, this.calls);
    this.links = new LinkGuard(root, url, this.calls);
  }

  async put(key: string, source: ByteSource): Promise<PutResult> {
    const path = this.pathOf(key);
    this.requests.put++;
    this.signal?.throwIfAborted();
    const action = `store object '${key}' in '${this.url}'`;
    const file = await explaining(action, async () => {
      await this.links.check(key);
      return this.temporary.create();
    });
    try {
      // What the source throws is its own to explain.
      const digest = await this.fill(file, source, action);
      const created = await explaining(action, () =>
        this.commit(file, { key, path, size: source.size, sha256: digest }),
      );
      return { created, size: source.size, sha256: digest };
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  async get(key: string, limit = DEFAULT_GET_LIMIT): Promise<Buffer> {
    this.requests.get++;
    return this.withObject(key, async (fd) => {
      const size = Number((await this.calls.fstat(fd)).size);
      if (size > limit) throw tooLarge(key, this.url, { limit, size });
      const bytes = Buffer.allocUnsafe(size);
      const found = await this.calls.read(fd, bytes, 0);
      if (found < size) throw endsEarly(key, this.url, { offset: 0, wanted: size, size: found });
      return bytes;
    });
  }

  async read(key: string, offset: number, into: Buffer): Promise<void> {
    this.requests.get++;
    await this.withObject(key, (fd) => this.fillFrom(fd, { key, offset, into }));
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const path = this.pathOf(key);
    this.requests.head++;
    const state = await explaining(`look up object '${key}' in '${this.url}'`, async () => {
      await this.links.check(key);
      return this.calls.lstat(path);
    });
    if (!state || state.isDirectory() || state.isSymbolicLink()) return undefined;
    if (!state.isFile()) throw notAFile(key, this.url);
    // Whoever asks may rely on it instead of storing it, so the next `sync` has to cover its name, too.
    this.dirtyFolders.add(dirname(path));
    const size = Number(state.size);
    const logged = size > UNLOGGED_SIZE ? await this.checksums.find(key, state) : undefined;
    const digest = logged ?? (await this.digestOf(key, size));
    return { key, size, modifiedAt: new Date(Number(state.mtimeMs)), sha256: digest };
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<StoredObject> {
    let listed = 0;
    this.requests.list++;
    for await (const object of explainingEach(
      `list '${prefix}' in '${this.url}'`,
      listFiles({ root: this.root, url: this.url, calls: this.calls, links: this.links }, prefix, startAfter),
    )) {
      if (listed > 0 && listed % PAGE === 0) this.requests.list++;
      listed++;
      yield object;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.pathOf(key));
    this.requests.delete += Math.ceil(keys.length / PAGE);
    await explaining(`delete objects in '${this.url}'`, async () => {
      for (const key of keys) await this.links.check(key);
      await forEachConcurrently(paths, DELETES_AT_ONCE, (path) => unlinkIfThere(this.calls, path), this.signal);
      for (const folder of new Set(paths.map((path) => dirname(path)))) await this.removeEmptyFolders(folder);
    });
  }

  async sync(): Promise<void> {
    await explaining(`write '${this.url}' to the disk`, async () => {
      await this.checksums.sync();
      await this.dirtyFolders.sync();
    });
  }

  async now(): Promise<Date> {
    try {
      return await this.serverTime();
    } catch (error) {
      // Where nothing can be written, nothing is compared before it is deleted either.
      if (['EROFS', 'EACCES', 'EPERM'].includes(errnoCode(error) ?? '')) return new Date();
      throw fileError(`ask '${this.url}' for its time`, error);
    }
  }

  async close(): Promise<void> {
    await explaining(`close '${this.url}'`, () => this.checksums.close());
  }

  private async checkOwnFolders(): Promise<void> {
    for (const name of HIDDEN_FOLDERS) await this.links.check(`${name}/`);
  }

  private pathOf(key: string): string {
    checkKey(key, this.url);
    if (!HIDDEN_FOLDERS.has(key.split('/')[0] ?? '')) return `${this.root}/${key}`;
    throw new StorageError(
      `use key '${key}' in '${this.url}': the name is reserved; the document that names it is damaged or hostile`,
      { key },
    );
  }

  /** While a part is hashed here, the pool writes it and reads the next one. */
  private async fill(file: TemporaryFile, source: ByteSource, action: string): Promise<string> {
    const digests: Buffer[] = [];
    const work = async (bytes: Buffer, offset: number): Promise<void> => {
      const writing = this.calls.write(file.fd, bytes, offset);
      digests.push(sha256(bytes));
      await writing;
    };
    await forEachPart(source, (bytes, { offset }) => explaining(action, () => work(bytes, offset)), {
      signal: this.signal,
    });
    return combineDigests(digests);
  }

  /** The checksum goes first: once the object can be seen, nothing may fail that would call the whole a failure. */
  private async commit(file: TemporaryFile, object: CommittedObject): Promise<boolean> {
    await this.calls.fsync(file.fd);
    if (object.size > UNLOGGED_SIZE)
      await this.checksums.add(object.key, await this.calls.fstat(file.fd), object.sha256);
    await file.close();
    this.signal?.throwIfAborted();
    const created = await publish(this.calls, file.path, object.path);
    if (!created && !(await this.calls.lstat(object.path))?.isFile()) throw notAFile(object.key, this.url);
    // Also when somebody else created it: the caller will refer to it, and its writer may have been killed before it synchronised.
    this.dirtyFolders.add(dirname(object.path));
    await file.discard();
    return created;
  }

  private async withObject<T>(key: string, work: (fd: number) => Promise<T>): Promise<T> {
    const path = this.pathOf(key);
    try {
      await this.links.check(key);
      const fd = await this.calls.open(path, READ);
      try {
        const state = await this.calls.fstat(fd);
        if (state.isDirectory()) throw objectMissing(key, this.url);
        if (!state.isFile()) throw notAFile(key, this.url);
        return await work(fd);
      } finally {
        await this.calls.close(fd);
      }
    } catch (error) {
      if (isMissing(error)) throw objectMissing(key, this.url);
      throw fileError(`read object '${key}' in '${this.url}'`, error);
    }
  }

  private async fillFrom(fd: number, range: { key: string; offset: number; into: Buffer }): Promise<void> {
    const { key, offset, into } = range;
    const found = await this.calls.read(fd, into, offset);
    if (found < into.length)
      throw endsEarly(key, this.url, { offset, wanted: into.length, size: Number((await this.calls.fstat(fd)).size) });
  }

  private async digestOf(key: string, size: number): Promise<string> {
    const digests: Buffer[] = [];
    await this.withObject(key, (fd) =>
      forEachPart(
        { size, read: (offset, into) => this.fillFrom(fd, { key, offset, into }) },
        async (bytes) => void digests.push(sha256(bytes)),
        { signal: this.signal },
      ),
    );
    return combineDigests(digests);
  }

  /** Up to the first one that holds something: blocks come and go, and listings would visit their empty folders for ever. */
  private async removeEmptyFolders(deepest: string): Promise<void> {
    for (let folder = deepest; folder.startsWith(`${this.root}/`); folder = dirname(folder)) {
      this.dirtyFolders.add(folder);
      if (!(await removeIfEmpty(this.calls, folder))) return;
    }
  }

  /** The clock that gives the files their times: on NFS, the server's. */
  private async serverTime(): Promise<Date> {
    const file = await this.temporary.create();
    try {
      await this.calls.write(file.fd, Buffer.from('t'), 0);
      await this.calls.fsync(file.fd);
      return new Date(Number((await this.calls.fstat(file.fd)).mtimeMs));
    } finally {
      await file.discard();
    }
  }
}

/** Resolves to the first folder that had to be made. */
async function ensureFolder(folder: string, url: string, create: boolean): Promise<string | undefined> {
  if (create) return mkdir(folder, { recursive: true });
  const found = await stat(folder).catch(undefinedWhenMissing);
  if (found?.isDirectory()) return undefined;
  if (found) throw new UsageError(`open repository '${url}': it is a file; name a folder`);
  throw new RepositoryMissingError(
    `open repository '${url}': the folder doesn't exist; check that its volume is mounted, or set 'repository.create: true' for a new one`,
  );
}

async function removeIfEmpty(calls: FileCalls, folder: string): Promise<boolean> {
  try {
    await calls.rmdir(folder);
    return true;
  } catch (error) {
    if (isMissing(error) || ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errnoCode(error) ?? '')) return false;
    throw error;
  }
}

async function* explainingEach<T>(action: string, items: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* items;
  } catch (error) {
    throw fileError(action, error);
  }
}

function undefinedWhenMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
