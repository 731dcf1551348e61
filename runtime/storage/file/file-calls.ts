import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { isMissing } from './file-errors';
import { Pace } from './pace';

const SMALL_WRITE = 64 * 1024;

const later = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  fsync: promisify(fs.fsync),
  fstat: promisify(fs.fstat) as unknown as (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>,
  read: promisify(fs.read),
  write: promisify(fs.write),
};

/**
 * The calls to the file system. Those that only touch names and a few bytes are made at the pace of the file system; data always goes through
 * the pool, where it overlaps with hashing.
 */
export class FileCalls {
  constructor(
    private readonly names = new Pace(),
    // A disk is expected: a few calls that wait for it are enough.
    private readonly flushes = new Pace({ assumed: 0.1 }),
  ) {}

  open(path: string, flags: number, mode = 0o666): Promise<number> {
    return this.names.call(
      () => fs.openSync(path, flags, mode),
      () => later.open(path, flags, mode),
    );
  }

  close(fd: number): Promise<void> {
    return this.names.call(
      () => fs.closeSync(fd),
      () => later.close(fd),
    );
  }

  fstat(fd: number): Promise<fs.BigIntStats> {
    return this.names.call(
      () => fs.fstatSync(fd, { bigint: true }),
      () => later.fstat(fd, { bigint: true }),
    );
  }

  /** Undefined where there is nothing. */
  async lstat(path: string): Promise<fs.BigIntStats | undefined> {
    try {
      return await this.names.call(
        () => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }),
        () => fs.promises.lstat(path, { bigint: true }),
      );
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  readdir(path: string): Promise<fs.Dirent[]> {
    return this.names.call(
      () => fs.readdirSync(path, { withFileTypes: true }),
      () => fs.promises.readdir(path, { withFileTypes: true }),
    );
  }

  link(existing: string, path: string): Promise<void> {
    return this.names.call(
      () => fs.linkSync(existing, path),
      () => fs.promises.link(existing, path),
    );
  }

  unlink(path: string): Promise<void> {
    return this.names.call(
      () => fs.unlinkSync(path),
      () => fs.promises.unlink(path),
    );
  }

  rmdir(path: string): Promise<void> {
    return this.names.call(
      () => fs.rmdirSync(path),
      () => fs.promises.rmdir(path),
    );
  }

  async mkdir(path: string): Promise<void> {
    await this.names.call(
      () => fs.mkdirSync(path, { recursive: true }),
      () => fs.promises.mkdir(path, { recursive: true }),
    );
  }

  /** All of the bytes. A full disk may take some of them and refuse the rest only at the next call. */
  async write(fd: number, bytes: Buffer, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const left = bytes.length - done;
      done +=
        left <= SMALL_WRITE
          ? await this.names.call(
              () => fs.writeSync(fd, bytes, done, left, offset + done),
              async () => (await later.write(fd, bytes, done, left, offset + done)).bytesWritten,
            )
          : (await later.write(fd, bytes, done, left, offset + done)).bytesWritten;
    }
  }

  /** Fills the buffer as far as the file goes; resolves to the number of bytes read. */
  async read(fd: number, into: Buffer, offset: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await later.read(fd, into, done, into.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  fsync(fd: number): Promise<void> {
    return this.flushes.call(
      () => fs.fsyncSync(fd),
      () => later.fsync(fd),
    );
  }
}
