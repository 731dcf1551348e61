import type { ObjectReference } from '../../../lib/contract/manifest';
import {
  CONFIG_PREFIX,
  INDEXES_PREFIX,
  POINTS_PREFIX,
  REPOSITORY_KEY,
  VERIFICATIONS_PREFIX,
} from '../../../lib/contract/repository-layout';
import type { Storage, StoredObject } from '../../storage/storage';

/** A page of a listing: what lies further ahead is found sooner by another one. */
const PAGE = 1000;

/**
 * Which of the objects are in an archive class, by listing the places between the first and the last of them: a request for each thousand
 * objects there, or for each that is wanted, whichever is less. None where storage has no archives.
 */
export async function findArchived(
  storage: Storage,
  references: readonly ObjectReference[],
  signal?: AbortSignal,
): Promise<StoredObject[]> {
  if (!storage.archive) return [];
  const groups = new Map<string, string[]>();
  for (const { key } of references) {
    const place = placeOf(key);
    const group = groups.get(place);
    if (group) group.push(key);
    else groups.set(place, [key]);
  }
  const found: StoredObject[] = [];
  for (const [place, keys] of groups) {
    for await (const object of listed(storage, place, keys.sort(compareKeys))) {
      signal?.throwIfAborted();
      if (object.archiveClass !== undefined) found.push(object);
    }
  }
  return found;
}

/**
 * The repository's own documents in archive classes: without them nobody knows what else is needed. Configuration is one, as a restore on a
 * new machine asks it for the retention that data will meet.
 */
export async function findArchivedDocuments(storage: Storage, signal?: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  const identity = await storage.head(REPOSITORY_KEY);
  if (identity?.archiveClass !== undefined) found.push(identity);
  for (const prefix of [POINTS_PREFIX, VERIFICATIONS_PREFIX, INDEXES_PREFIX, CONFIG_PREFIX]) {
    for await (const object of storage.list(prefix)) {
      signal?.throwIfAborted();
      if (object.archiveClass !== undefined) found.push(object);
    }
  }
  return found;
}

/** The objects of the keys, which are sorted, as a listing shows them; absent ones are left out. */
async function* listed(storage: Storage, prefix: string, keys: readonly string[]): AsyncIterable<StoredObject> {
  let next = 0;
  for (let wanted = keys[next]; wanted !== undefined; wanted = keys[next]) {
    let idle = 0;
    // Hardly anything lies between a key and its beginning.
    for await (const object of storage.list(prefix, wanted.slice(0, -1))) {
      while (wanted !== undefined && compareKeys(wanted, object.key) < 0) wanted = keys[++next];
      if (object.key === wanted) {
        yield object;
        wanted = keys[++next];
        idle = 0;
      } else idle++;
      if (wanted === undefined || idle >= PAGE) break;
    }
    // The listing came to its end: the others aren't there.
    if (idle < PAGE) return;
  }
}

/** As listings are sorted. */
function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** `blocks/team-a/`: nothing that is wanted lies in two places. */
function placeOf(key: string): string {
  const [first = '', second = '', ...rest] = key.split('/');
  return rest.length > 0 ? `${first}/${second}/` : `${first}/`;
}
