// Where the bench works, and what it asks of folders.
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';

/** A new folder in BENCH_DIR, in memory where that has room for `bytes`, else in the system's temporary folder. */
export function makeScratch(bytes) {
  const parent = process.env.BENCH_DIR ?? (freeBytes(MEMORY) > bytes ? MEMORY : tmpdir());
  if (freeBytes(parent) < bytes) {
    throw new Error(
      `use '${parent}': it has less than ${Math.ceil(bytes / 1e9)} GB free; set BENCH_DIR to a folder that has`,
    );
  }
  return mkdtempSync(join(parent, 'tempo-backup-bench-'));
}

function freeBytes(folder) {
  if (!existsSync(folder)) return 0;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function empty(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** Paths of all files below a folder; none where there is no folder. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export function bytesBelow(folder) {
  return filesBelow(folder).reduce((total, path) => total + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Throws unless `folder` holds as many files and bytes as the tree's blocks: a fast restore of less is no restore. */
export function expectWhole(folder, tree) {
  const found = { files: filesBelow(folder).length, bytes: bytesBelow(folder) };
  if (found.files !== tree.files || found.bytes !== tree.bytes) {
    throw new Error(
      `restored ${found.files} files, ${found.bytes} bytes in '${folder}', expected ${tree.files}, ${tree.bytes}`,
    );
  }
}
