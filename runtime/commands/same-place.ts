import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { endpointOf, folderOf, realPath } from './nesting';

/** Of AWS itself, whose buckets have one name each whatever endpoint they are reached by. */
const AWS = /^https?:\/\/([a-z0-9.-]+\.)?amazonaws\.com(\.cn)?$/;

/** Whether two URLs of repositories name one place: a copy there would be none. What is no URL names none; who opens it says so. */
export async function isSamePlace(one: string, other: string): Promise<boolean> {
  if (!URL.canParse(one) || !URL.canParse(other)) return false;
  const [first, second] = [new URL(one), new URL(other)];
  if (first.protocol !== second.protocol) return false;
  if (first.protocol !== 'file:') return isSamePrefix(first, second);
  return first.host === '' && second.host === '' && isSameFolder(first, second);
}

function isSamePrefix(one: URL, other: URL): boolean {
  const isSameServer = serverOf(one) === serverOf(other);
  return isSameServer && one.hostname === other.hostname && folderOf(one) === folderOf(other);
}

function serverOf(url: URL): string {
  const endpoint = endpointOf(url);
  return AWS.test(endpoint) ? '' : endpoint;
}

async function isSameFolder(one: URL, other: URL): Promise<boolean> {
  const [first, second] = [await realPath(fileURLToPath(one)), await realPath(fileURLToPath(other))];
  if (first === second) return true;
  const [a, b] = [await inodeOf(first), await inodeOf(second)];
  // Mounted in two places.
  return a !== undefined && a === b;
}

/** Undefined where nothing is. */
async function inodeOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
