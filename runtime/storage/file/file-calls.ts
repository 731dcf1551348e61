import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isMissing } from './file-errors';

const SMALL_WRITE = 64 * 1024;
const SLOW_MS = 0.25;
const SLICE_MS = 10;
/** One pause of the machine isn't a slow disk: no single call counts for more. */
const MOST_COUNTED_MS = 2;
const WEIGHT = 0.05;

const later = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  fsync: promisify(fs.fsync),
  fstat: promisify(fs.fstat) as unknown as (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>,
  read: promisify(fs.read),
  write: promisify(fs.write),
};

/**
 * The calls to the file system. Those that only touch names and a few bytes are made synchronously while the file system answers at once:
 * a call through Node's thread pool takes 100 µs where the call itself takes 5, and there are six for each of 80,000 small files. On a file
 * system that takes its time (a network, a throttled disk) all go through the pool, where they overlap. Data and fsync always do.
 */
export class FileCalls {
  private averageMs = 0;
  private sliceBegan = performance.now();

  /** `slowMs`: the mean time of a call from which on they go through the pool. */
  constructor(private readonly slowMs = SLOW_MS) {}

  get isSlow(): boolean {
    return this.averageMs > this.slowMs;
  }

  open(path: string, flags: number, mode = 0o666): Promise<number> {
    return this.call(
      () => fs.openSync(path, flags, mode),
      () => later.open(path, flags, mode),
    );
  }

  close(fd: number): Promise<void> {
    return this.call(
      () => fs.closeSync(fd),
      () => later.close(fd),
    );
  }

  fstat(fd: number): Promise<fs.BigIntStats> {
    return this.call(
      () => fs.fstatSync(fd, { bigint: true }),
      () => later.fstat(fd, { bigint: true }),
    );
  }

  /** Undefined where there is nothing. */
  async lstat(path: string): Promise<fs.BigIntStats | undefined> {
    try {
      return await this.call(
        () => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }),
        () => fs.promises.lstat(path, { bigint: true }),
      );
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  readdir(path: string): Promise<fs.Dirent[]> {
    return this.call(
      () => fs.readdirSync(path, { withFileTypes: true }),
      () => fs.promises.readdir(path, { withFileTypes: true }),
    );
  }

  link(existing: string, path: string): Promise<void> {
    return this.call(
      () => fs.linkSync(existing, path),
      () => fs.promises.link(existing, path),
    );
  }

  unlink(path: string): Promise<void> {
    return this.call(
      () => fs.unlinkSync(path),
      () => fs.promises.unlink(path),
    );
  }

  rmdir(path: string): Promise<void> {
    return this.call(
      () => fs.rmdirSync(path),
      () => fs.promises.rmdir(path),
    );
  }

  async mkdir(path: string): Promise<void> {
    await this.call(
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
          ? await this.call(
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
    return later.fsync(fd);
  }

  private async call<T>(now: () => T, throughPool: () => Promise<T>): Promise<T> {
    if (this.isSlow) return throughPool();
    const began = performance.now();
    // Long rows of synchronous calls would keep signals and transfers waiting.
    if (began - this.sliceBegan > SLICE_MS) {
      await nextTurn();
      this.sliceBegan = performance.now();
      return this.call(now, throughPool);
    }
    try {
      return now();
    } finally {
      const took = Math.min(MOST_COUNTED_MS, performance.now() - began);
      this.averageMs += (took - this.averageMs) * WEIGHT;
    }
  }
}
