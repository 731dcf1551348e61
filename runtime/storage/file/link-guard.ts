import { StorageError } from '../../errors';
import { type FileCalls } from './file-calls';

/** Enough for the folders in use at any time; a large repository mustn't fill the memory with names. */
const REMEMBERED = 50_000;

/** Refuses symbolic links on the way from the root of a repository to an object: they may lead out of it, or to another's data. */
export class LinkGuard {
  private readonly checked = new Set<string>();

  constructor(
    private readonly root: string,
    private readonly url: string,
    private readonly calls: FileCalls,
  ) {}

  /** Throws `StorageError` when a folder above the key is a link. Each folder that exists is looked at once. */
  async check(key: string): Promise<void> {
    const parent = key.slice(0, Math.max(0, key.lastIndexOf('/')));
    if (parent === '' || this.checked.has(parent)) return;
    await this.check(parent);
    const state = await this.calls.lstat(`${this.root}/${parent}`);
    if (state?.isSymbolicLink()) throw this.linkError(parent);
    if (!state) return;
    if (this.checked.size >= REMEMBERED) this.checked.clear();
    this.checked.add(parent);
  }

  linkError(key: string): StorageError {
    const path = `${this.root}/${key}`;
    return new StorageError(
      `use '${path}' in '${this.url}': it is a symbolic link, and links are never followed; put the data itself in its place, or mount (or bind-mount) it there`,
      { path },
    );
  }
}
