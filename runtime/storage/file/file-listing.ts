import { type Dirent } from 'node:fs';
import { RepositoryMissingError } from '../../errors';
import { type StoredObject } from '../storage';
import { checkKey, compareKeys } from '../storage-keys';
import { type FileCalls } from './file-calls';
import { isMissing } from './file-errors';
import { type LinkGuard } from './link-guard';

/** At the top of a repository, these are no objects: files being written, checksums, and what ext4 puts on top of every volume. */
export const HIDDEN_FOLDERS: ReadonlySet<string> = new Set(['.tmp', '.checksums', 'lost+found']);

export interface ListedFolder {
  readonly root: string;
  readonly url: string;
  readonly calls: FileCalls;
  readonly links: LinkGuard;
}

interface Bounds {
  readonly prefix: string;
  readonly startAfter: string;
}

/** In key order, one folder at a time: only the names of the folders that lead to the current object are in memory. */
export async function* listFiles(
  listed: ListedFolder,
  prefix: string,
  startAfter: string,
): AsyncGenerator<StoredObject> {
  const top = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  if (top !== '') checkKey(top.slice(0, -1), listed.url);
  if (HIDDEN_FOLDERS.has(top.split('/')[0] ?? '')) return;
  await listed.links.check(top);
  if (!(await isFolder(listed, top))) return;
  const bounds = { prefix, startAfter };
  const stack = await keysIn(listed, top, bounds);
  for (let key = stack.pop(); key !== undefined; key = stack.pop()) {
    if (key.endsWith('/')) {
      // One by one: a folder of a million names is too much for the arguments of one call.
      for (const below of await keysIn(listed, key, bounds)) stack.push(below);
    } else {
      const object = await describeFile(listed, key);
      if (object) yield object;
    }
  }
}

async function isFolder(listed: ListedFolder, key: string): Promise<boolean> {
  if (key === '') return true;
  // Not its target's state: a link may lead out of the repository.
  const state = await listed.calls.lstat(`${listed.root}/${key.slice(0, -1)}`);
  if (!state) await checkRootExists(listed);
  return state?.isDirectory() ?? false;
}

/** A repository that vanished must not look like an empty one. */
async function checkRootExists(listed: ListedFolder): Promise<void> {
  if (await listed.calls.lstat(listed.root)) return;
  throw new RepositoryMissingError(`list '${listed.url}': the folder vanished; check that its volume is still mounted`);
}

/** The last one first. Folders end in '/', and so have their place among the keys: `a.b` comes before `a/c`. */
async function keysIn(listed: ListedFolder, folder: string, bounds: Bounds): Promise<string[]> {
  const entries = await readFolder(listed, folder);
  // What it leads to would be missing without a word.
  const link = entries.find((entry) => entry.isSymbolicLink() && isWantedLink(`${folder}${entry.name}`, bounds));
  if (link) throw listed.links.linkError(`${folder}${link.name}`);
  const keys = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .filter((entry) => folder !== '' || !HIDDEN_FOLDERS.has(entry.name))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`);
  return keys.filter((key) => isWanted(key, bounds)).sort((a, b) => compareKeys(b, a));
}

/** It may stand for an object, or for a folder of them. At the top, only what is asked for by name belongs to the repository. */
function isWantedLink(key: string, bounds: Bounds): boolean {
  if (!key.includes('/') && bounds.prefix === '') return false;
  return isWanted(key, bounds) || isWanted(`${key}/`, bounds);
}

function isWanted(key: string, { prefix, startAfter }: Bounds): boolean {
  const leadsThere = key.endsWith('/') && (prefix.startsWith(key) || startAfter.startsWith(key));
  if (leadsThere) return prefix.startsWith(key) || key.startsWith(prefix);
  return key.startsWith(prefix) && compareKeys(key, startAfter) > 0;
}

async function readFolder(listed: ListedFolder, folder: string): Promise<Dirent[]> {
  try {
    return await listed.calls.readdir(`${listed.root}/${folder}`);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // A prune may have removed it meanwhile.
    await checkRootExists(listed);
    return [];
  }
}

async function describeFile(listed: ListedFolder, key: string): Promise<StoredObject | undefined> {
  const state = await listed.calls.lstat(`${listed.root}/${key}`);
  return state?.isFile() ? { key, size: Number(state.size), modifiedAt: new Date(Number(state.mtimeMs)) } : undefined;
}
