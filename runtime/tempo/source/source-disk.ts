import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { SourceDamagedError } from './source-block';

/** What a file looks like from outside; equal states mean equal bytes, see `SourceDisk.isSettled`. */
export interface FileState {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  /** `<inode>-<size>-<mtime in ns>` */
  readonly seen: string;
  readonly modifiedMs: number;
}

// The kernel stamps files with a clock that moves every 1 to 10 ms: two writes within one tick leave the same mtime.
const CLOCK_TICK_MS = 20;
// To open a FIFO waits for a writer for ever, unless it is told not to.
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * All that is ever done to the disk of a Tempo: looking and reading, never following a link, never writing.
 *
 * Metadata is read synchronously: an lstat takes about 5 µs so and 30 µs by promise, and there may be tens of thousands.
 */
export class SourceDisk {
  private bytes = 0;

  get bytesRead(): number {
    return this.bytes;
  }

  list(folder: string): Dirent[] {
    return readdirSync(folder, { withFileTypes: true });
  }

  /** `FileState.seen` alone, which is what a scan of tens of thousands of blocks needs. */
  seen(path: string): string | undefined {
    const stats = this.stats(path);
    return stats && `${stats.ino}-${stats.size}-${stats.mtimeNs}`;
  }

  /** Undefined when there is nothing, or when a folder on the way is none. */
  state(path: string): FileState | undefined {
    const stats = this.stats(path);
    if (!stats) return undefined;
    const kind = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'link'
          : 'other';
    return {
      kind,
      size: Number(stats.size),
      seen: `${stats.ino}-${stats.size}-${stats.mtimeNs}`,
      modifiedMs: Number(stats.mtimeMs),
    };
  }

  /** False while another write could still leave the same state: what was just modified isn't compared, but looked at again. */
  isSettled(state: FileState): boolean {
    return Math.abs(this.ageOf(state)) > CLOCK_TICK_MS;
  }

  /** Milliseconds since it was written. */
  ageOf(state: FileState): number {
    return Date.now() - state.modifiedMs;
  }

  protected stats(path: string): BigIntStats | undefined {
    try {
      return lstatSync(path, { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** A small file at once; undefined when it is larger than `limit`. */
  readSmall(path: string, limit: number): Buffer | undefined {
    const fd = openSync(path, READ_ONLY);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw notAFile(path);
      const { size } = stats;
      if (size > limit) return undefined;
      const bytes = Buffer.alloc(size);
      const length = size === 0 ? 0 : readSync(fd, bytes, 0, size, 0);
      this.bytes += length;
      return bytes.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  }

  async open(path: string): Promise<FileHandle> {
    const file = await open(path, READ_ONLY);
    try {
      if (!(await file.stat()).isFile()) throw notAFile(path);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many bytes were read into the buffer: fewer than it holds at the end of the file. */
  async read(file: FileHandle, position: number, into: Buffer): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.bytes += filled;
    return filled;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await wait(ms, undefined, { signal });
    } catch (error) {
      // The timer rejects with an error of its own; what counts is why it was interrupted.
      signal.throwIfAborted();
      throw error;
    }
  }
}

function notAFile(path: string): SourceDamagedError {
  return new SourceDamagedError(`'${path}' is no regular file`, { path });
}

export function errorCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** ESTALE: another client of a network file system removed it. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errorCode(error) ?? '');
}
