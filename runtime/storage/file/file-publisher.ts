import { dirname } from 'node:path';
import { type FileCalls } from './file-calls';
import { errnoCode } from './file-errors';

/** How often a folder may vanish between being made and being used: only a prune that removes empty folders does that. */
const ATTEMPTS = 10;

/**
 * Gives a complete file its final name, unless the name is taken: link(2) is the one call that does so on every file system, also on NFS,
 * and nothing is ever readable under the name but the whole file. True when this call created it.
 */
export async function publish(calls: FileCalls, temporary: string, path: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const code = await linkCode(calls, temporary, path);
    if (code === undefined) return true;
    // The server may have made the link, and its answer may have been lost.
    if (code === 'EEXIST') return isSameFile(calls, temporary, path);
    if (attempt === ATTEMPTS)
      throw new Error(`link '${temporary}' to '${path}': its folder keeps vanishing; stop what removes it`);
    await calls.mkdir(dirname(path));
  }
}

async function linkCode(calls: FileCalls, temporary: string, path: string): Promise<'EEXIST' | 'ENOENT' | undefined> {
  try {
    await calls.link(temporary, path);
    return undefined;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'EEXIST' || code === 'ENOENT') return code;
    throw error;
  }
}

async function isSameFile(calls: FileCalls, temporary: string, path: string): Promise<boolean> {
  const [ours, theirs] = [await calls.lstat(temporary), await calls.lstat(path)];
  return ours !== undefined && ours.ino === theirs?.ino && ours.dev === theirs.dev;
}
