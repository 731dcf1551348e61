import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { LockedError } from '../../errors';
import { errorCode, isMissing } from '../source/source-disk';

const LOCK = 'lock';
const REFRESH_EVERY_MS = 5_000;
const STALE_AFTER_MS = 60_000;
/** Between creating a lock and writing it lies less than a millisecond, so whoever left it empty is dead. */
const EMPTY_STALE_AFTER_MS = 5_000;
const ATTEMPTS = 5;

const lockContent = z.object({ host: z.string(), pid: z.number().int().positive(), started: z.string() });
type LockContent = z.infer<typeof lockContent>;

/** Locks that this very process holds: one with its process ID that isn't among them is of an earlier life, as in a restarted container. */
const held = new Set<string>();

/** Keeps two restores from working in one target: each would remove what the other one stages. */
export class TargetLock {
  /** Takes the lock in that folder, which exists. Throws `LockedError` when another restore holds it. */
  static take(folder: string, started: Date): TargetLock {
    const path = join(folder, LOCK);
    const text = JSON.stringify({ host: hostname(), pid: process.pid, started: started.toISOString() });
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const created = create(path, text);
      if (created !== undefined) return new TargetLock(path, { text, inode: created });
      const holder = liveHolder(path);
      if (holder) throw locked(path, holder);
      const taken = takeOver(path, text);
      if (taken !== undefined) return new TargetLock(path, { text, inode: taken });
    }
    throw locked(path, 'others that take it over at this moment');
  }

  private readonly timer: NodeJS.Timeout;
  private lost: unknown;

  private constructor(
    readonly path: string,
    private readonly content: { readonly text: string; readonly inode: number },
  ) {
    held.add(path);
    this.timer = setInterval(() => this.refresh(), REFRESH_EVERY_MS).unref();
  }

  /** Throws `LockedError` when another restore took the lock over, as happens to a process that was stopped for a minute. */
  check(): void {
    this.refresh();
    if (this.lost !== undefined) {
      throw new LockedError(
        `restore: its lock '${this.path}' was taken over meanwhile; wait until the other restore has ended and run this one again`,
        {},
        { cause: this.lost },
      );
    }
  }

  release(): void {
    clearInterval(this.timer);
    held.delete(this.path);
    if (this.isOurs()) rmSync(this.path, { force: true });
  }

  private refresh(): void {
    try {
      if (!this.isOurs()) throw new Error('the lock is of another restore');
      const now = new Date();
      utimesSync(this.path, now, now);
    } catch (error) {
      this.lost ??= error;
    }
  }

  private isOurs(): boolean {
    const { text, inode } = this.content;
    if (statSync(this.path, { throwIfNoEntry: false })?.ino !== inode) return false;
    // The inode's number may be in use again, for the file of another restore.
    try {
      return readFileSync(this.path, 'utf8') === text;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
}

function locked(path: string, holder: LockContent | string): LockedError {
  const who =
    typeof holder === 'string'
      ? holder
      : `process ${holder.pid} on host '${holder.host}', which started ${holder.started}`;
  const evidence = typeof holder === 'string' ? {} : { host: holder.host, pid: holder.pid };
  return new LockedError(
    `restore: another restore works in this target: ${who}; wait until it has ended, or end it: ` +
      `'${path}' is given up by itself ${STALE_AFTER_MS / 1000} s after its last sign of life`,
    evidence,
  );
}

/** The new file's inode; undefined when one exists. */
function create(path: string, text: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined;
    throw error;
  }
  try {
    writeSync(file, text);
    return fstatSync(file).ino;
  } finally {
    closeSync(file);
  }
}

/** Undefined when there is no lock, or a stale one. */
function liveHolder(path: string): LockContent | string | undefined {
  const state = statSync(path, { throwIfNoEntry: false });
  if (!state || isStale(state)) return undefined;
  const holder = readHolder(path);
  if (typeof holder !== 'object' || holder.host !== hostname()) return holder;
  const alive = holder.pid === process.pid ? held.has(path) : isAlive(holder.pid);
  return alive ? holder : undefined;
}

function isStale({ size, mtimeMs }: Stats): boolean {
  return Date.now() - mtimeMs > (size === 0 ? EMPTY_STALE_AFTER_MS : STALE_AFTER_MS);
}

function readHolder(path: string): LockContent | string | undefined {
  try {
    return lockContent.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (error instanceof SyntaxError || error instanceof z.ZodError) return 'one that has only just begun';
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/**
 * Replaces a stale lock. Only who holds the right to do so may rename it away, and looks at it once more before: else the slower one of two
 * would rename the fresh lock of the faster one. Returns the new lock's inode; undefined when another one was faster.
 */
function takeOver(path: string, text: string): number | undefined {
  const right = `${path}.takeover`;
  if (create(right, text) === undefined) {
    // Held for less than a millisecond, so its holder is dead.
    if (!liveHolder(right)) rmSync(right, { force: true });
    return undefined;
  }
  try {
    if (liveHolder(path)) return undefined;
    moveAway(path);
    return create(path, text);
  } finally {
    rmSync(right, { force: true });
  }
}

function moveAway(path: string): void {
  const stale = `${path}.stale`;
  try {
    renameSync(path, stale);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  rmSync(stale, { force: true });
}
