import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { forEachConcurrently } from '../../streams/concurrency';
import { Semaphore } from '../../streams/semaphore';
import { type FileCalls } from './file-calls';
import { errnoCode, isMissing } from './file-errors';

const AT_ONCE = 8;

/** Folders whose entries may not be on the disk yet: a file that was synchronised is still lost with the power when its name wasn't. */
export class DirtyFolders {
  private folders = new Set<string>();
  /** One at a time: a second one that found nothing left to do would resolve before the first is done. */
  private readonly turn = new Semaphore(1);

  constructor(
    private readonly root: string,
    private readonly calls: FileCalls,
  ) {}

  add(folder: string): void {
    this.folders.add(folder);
  }

  async sync(): Promise<void> {
    const release = await this.turn.acquire(1);
    const folders = this.folders;
    this.folders = new Set();
    try {
      await forEachConcurrently(this.withAncestors(folders), AT_ONCE, (folder) => this.syncFolder(folder));
    } catch (error) {
      for (const folder of folders) this.folders.add(folder);
      throw error;
    } finally {
      release();
    }
  }

  /** Also those that existed before: whoever made them may not have synchronised them yet. */
  private withAncestors(folders: ReadonlySet<string>): Set<string> {
    const all = new Set<string>();
    for (const dirty of folders) {
      for (let folder = dirty; !all.has(folder); folder = dirname(folder)) {
        all.add(folder);
        if (!folder.startsWith(`${this.root}/`)) break;
      }
    }
    return all;
  }

  private async syncFolder(folder: string): Promise<void> {
    try {
      const fd = await this.calls.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await this.calls.fsync(fd);
      } finally {
        await this.calls.close(fd);
      }
    } catch (error) {
      // Removed again, as it was empty; or a network file system whose folders are synchronous and refuse fsync.
      if (!isMissing(error) && !['EINVAL', 'ENOTSUP'].includes(errnoCode(error) ?? '')) throw error;
    }
  }
}
