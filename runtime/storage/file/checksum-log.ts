import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileCalls } from './file-calls';
import { isMissing } from './file-errors';

const NAME = /^(\d+)-\d+-[0-9a-f]{8}\.jsonl$/;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
/** How far the times of an object and of the log that has its line may be apart: slow disks, and clocks of other machines. */
const SLACK_MS = 60 * 60 * 1000;

/** The state of a file: it has the bytes that were hashed as long as this is the same. */
export type FileState = Pick<BigIntStats, 'size' | 'mtimeNs' | 'ino'>;

interface Line {
  readonly key: string;
  readonly state: string;
  readonly sha256: string;
}

interface Log {
  readonly path: string;
  readonly startedAt: number;
  endedAt: number;
  readTo: number;
}

/**
 * What the SHA-256 of stored objects was when they were written: a log file per process, so that no two ever write to the same. Only
 * a shortcut: a missing, torn or outdated line means that the object is read.
 */
export class ChecksumLog {
  private own: Promise<number> | undefined;
  private ownLength = 0;
  private readonly logs = new Map<string, Log>();
  private readonly lines = new Map<string, Omit<Line, 'key'>>();
  private listedAt = 0;

  constructor(
    private readonly folder: string,
    private readonly calls: FileCalls,
  ) {}

  async add(key: string, state: FileState, sha256: string): Promise<void> {
    const fd = await (this.own ??= this.create());
    const line = Buffer.from(`${JSON.stringify({ key, state: textOf(state), sha256 } satisfies Line)}\n`);
    const offset = this.ownLength;
    this.ownLength += line.length;
    await this.calls.write(fd, line, offset);
  }

  async find(key: string, state: FileState): Promise<string | undefined> {
    return this.look(key, state) ?? (await this.lookFurther(key, state));
  }

  async sync(): Promise<void> {
    if (this.own) await this.calls.fsync(await this.own);
  }

  async close(): Promise<void> {
    const own = this.own;
    this.own = undefined;
    if (own) await this.calls.close(await own);
  }

  private async create(): Promise<number> {
    await this.calls.mkdir(this.folder);
    this.ownLength = 0;
    const name = `${Date.now()}-${process.pid}-${randomBytes(4).toString('hex')}.jsonl`;
    return this.calls.open(join(this.folder, name), CREATE);
  }

  private look(key: string, state: FileState): string | undefined {
    const line = this.lines.get(key);
    return line?.state === textOf(state) ? line.sha256 : undefined;
  }

  /** Loads the logs that were written to when the object was: usually one, however long the repository lives. */
  private async lookFurther(key: string, state: FileState): Promise<string | undefined> {
    const writtenAt = Number(state.mtimeNs / 1_000_000n);
    if (writtenAt + SLACK_MS > this.listedAt) await this.listLogs();
    for (const log of this.logs.values()) {
      if (log.startedAt - SLACK_MS <= writtenAt && writtenAt <= log.endedAt + SLACK_MS) await this.load(log);
    }
    return this.look(key, state);
  }

  private async listLogs(): Promise<void> {
    this.listedAt = Date.now();
    for (const entry of await this.entries()) {
      const [, startedAt] = NAME.exec(entry.name) ?? [];
      const path = join(this.folder, entry.name);
      const state = startedAt === undefined || !entry.isFile() ? undefined : await this.calls.lstat(path);
      if (!state) continue;
      const log = this.logs.get(path) ?? { path, startedAt: Number(startedAt), endedAt: 0, readTo: 0 };
      log.endedAt = Number(state.mtimeMs);
      this.logs.set(path, log);
    }
  }

  private async entries(): ReturnType<FileCalls['readdir']> {
    try {
      return await this.calls.readdir(this.folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  private async load(log: Log): Promise<void> {
    const state = await this.calls.lstat(log.path);
    if (!state || Number(state.size) <= log.readTo) return;
    const text = (await readFile(log.path)).subarray(log.readTo);
    // A line that is being written is read the next time.
    const whole = text.subarray(0, text.lastIndexOf('\n') + 1);
    log.readTo += whole.length;
    for (const line of whole.toString('utf8').split('\n')) this.learn(line);
  }

  private learn(text: string): void {
    const line = parseLine(text);
    if (line) this.lines.set(line.key, { state: line.state, sha256: line.sha256 });
  }
}

function textOf(state: FileState): string {
  return `${state.size}-${state.mtimeNs}-${state.ino}`;
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Partial<Line> | null;
    const { key, state, sha256 } = line ?? {};
    if (typeof key !== 'string' || typeof state !== 'string' || !/^[0-9a-f]{64}(-\d+)?$/.test(String(sha256)))
      return undefined;
    return { key, state, sha256: String(sha256) };
  } catch {
    // Torn by a power loss: the object is read instead.
    return undefined;
  }
}
