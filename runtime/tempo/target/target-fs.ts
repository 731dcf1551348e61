import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { RunnerError, UsageError } from '../../errors';
import type { Owner } from '../gates/gate-input';
import { errorCode } from '../source/source-disk';

/** Every change that a restore makes to a disk, one system call each, so that tests can stop it between any two. */
export interface TargetFs {
  /** With mode 0700. Throws EEXIST. */
  makeFolder(path: string): void;
  /** A new file, opened for writing; what exists, a link included, is never opened. */
  create(path: string, mode: number): number;
  write(file: number, offset: number, bytes: Buffer): Promise<void>;
  sync(file: number): Promise<void>;
  close(file: number): void;
  syncFolder(path: string): Promise<void>;
  own(fileOrFolder: number | string, owner: Owner): void;
  changeMode(path: string, mode: number): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  removeFolder(path: string): void;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
// A copy into the page cache of this size takes less time than a thread's hand-over.
const WRITTEN_AT_ONCE = 64 * 1024;

const fsyncFile = promisify(fsync);
const writeFile = promisify(write);

/** Small calls are synchronous: they take 5 to 15 µs so and 30 to 60 µs by promise, and there may be 100,000 of them. */
export const diskFs: TargetFs = {
  makeFolder: (path) => {
    mkdirSync(path, { mode: 0o700 });
  },
  create: (path, mode) => {
    const file = openSync(path, NEW_FILE, mode);
    // A strict umask takes away what Tempo's own files have.
    if ((mode & ~process.umask()) !== mode) fchmodSync(file, mode);
    return file;
  },
  write: async (file, offset, bytes) => {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.length - written;
      if (rest <= WRITTEN_AT_ONCE) written += writeSync(file, bytes, written, rest, offset + written);
      else written += (await writeFile(file, bytes, written, rest, offset + written)).bytesWritten;
    }
  },
  sync: fsyncFile,
  close: closeSync,
  syncFolder: async (path) => {
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  own: (target, { uid, gid }) => {
    if (typeof target === 'number') fchownSync(target, uid, gid);
    else lchownSync(target, uid, gid);
  },
  changeMode: chmodSync,
  rename: renameSync,
  unlink: unlinkSync,
  removeFolder: rmdirSync,
};

/** Removes a folder that the restore made itself, link by link: what a link points to is left alone. */
export function removeTree(fs: TargetFs, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeTree(fs, path);
    else fs.unlink(path);
  }
  fs.removeFolder(folder);
}

/** Makes the folders below `base` on the way to `path` that are missing, and gives them to the owner. */
export function makeFolders(
  fs: TargetFs,
  path: { readonly base: string; readonly below: string },
  owner: Owner | undefined,
): void {
  let folder = path.base;
  for (const segment of path.below.split('/').filter((part) => part !== '')) {
    folder = join(folder, segment);
    try {
      fs.makeFolder(folder);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue;
      throw error;
    }
    if (owner) fs.own(folder, owner);
  }
}

/** All folders from `path` up to `base`, both included; the deepest first. */
export function foldersUpTo(base: string, path: string): string[] {
  return path === base || path === dirname(path) ? [path] : [path, ...foldersUpTo(base, dirname(path))];
}

/** Says what a failed system call means for a restore into `path`. */
export function explainWriteError(error: unknown, path: string): unknown {
  const code = error instanceof RunnerError ? undefined : errorCode(error);
  if (code === undefined) return error;
  const kept = 'what is staged so far is kept, and nothing was installed half';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const cause = code === 'ENOSPC' ? 'no space left on the file system' : 'the disk quota is used up';
    return new RunnerError(
      `restore into '${path}': ${cause}; make room and run the same command again: ${kept}`,
      ExitCode.FAILED,
      { code },
      { cause: error },
    );
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    const cause =
      code === 'EROFS'
        ? 'the file system is read-only'
        : `permission denied for user ${process.geteuid?.() ?? '?'} at '${(error as NodeJS.ErrnoException).path ?? path}'`;
    return new UsageError(
      `restore into '${path}': ${cause}; mount it writable, or run as the user that Tempo runs as`,
      { code },
      { cause: error },
    );
  }
  return new RunnerError(
    `restore into '${path}': ${(error as Error).message}; run the same command again: ${kept}`,
    ExitCode.FAILED,
    { code },
    { cause: error },
  );
}
