import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from './file-errors';
import { type FileCalls } from './file-calls';

const DAY_MS = 24 * 60 * 60 * 1000;
const NAME = /^\d+-[0-9a-f]{16}-\d+$/;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;

export class TemporaryFile {
  private open = true;

  constructor(
    private readonly calls: FileCalls,
    readonly path: string,
    readonly fd: number,
  ) {}

  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.calls.close(this.fd);
  }

  async remove(): Promise<void> {
    await this.close();
    await this.calls.unlink(this.path);
  }

  /** After a failure that is reported already; a file that can't be removed now is swept away by a later run. */
  async discard(): Promise<void> {
    await Promise.allSettled([this.close()]);
    await Promise.allSettled([this.calls.unlink(this.path)]);
  }
}

/** Files that are being written. They lie on the repository's own file system, as a link can't leave it. */
export class TemporaryFiles {
  private readonly run = `${process.pid}-${randomBytes(8).toString('hex')}`;
  private count = 0;
  private prepared: Promise<void> | undefined;

  constructor(
    private readonly folder: string,
    private readonly calls: FileCalls,
  ) {}

  async create(): Promise<TemporaryFile> {
    await (this.prepared ??= this.prepare());
    const path = join(this.folder, `${this.run}-${this.count++}`);
    return new TemporaryFile(this.calls, path, await this.calls.open(path, CREATE));
  }

  private async prepare(): Promise<void> {
    await this.calls.mkdir(this.folder);
    for (const entry of await this.calls.readdir(this.folder)) {
      if (NAME.test(entry.name)) await this.removeStale(join(this.folder, entry.name));
    }
  }

  /** What a killed run left. A run that is alive writes to its files all the time. */
  private async removeStale(path: string): Promise<void> {
    const state = await this.calls.lstat(path);
    if (!state || Number(state.mtimeMs) > Date.now() - DAY_MS) return;
    await unlinkIfThere(this.calls, path);
  }
}

export async function unlinkIfThere(calls: FileCalls, path: string): Promise<void> {
  try {
    await calls.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
