import {
  BLOCKS_PREFIX,
  CONFIG_PREFIX,
  INDEXES_PREFIX,
  isBlockFile,
  isBlockId,
  isTenant,
  REWRITTEN_PREFIX,
  WAL_PREFIX,
} from '../../../lib/contract/repository-layout';
import type { Storage, StoredObject } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';

const LISTS_AT_ONCE = 5;

type Segments = readonly string[];

/** What follows each prefix in the keys that backups make. */
const SHAPES: Readonly<Record<string, (segments: Segments) => boolean>> = {
  [BLOCKS_PREFIX]: isFileOfBlock,
  [REWRITTEN_PREFIX]: isRewritten,
  [WAL_PREFIX]: isPageOfWal,
  [CONFIG_PREFIX]: isNamed(/^[0-9a-f]{64}(-[0-9]+)?\.[A-Za-z0-9._-]+$/),
  [INDEXES_PREFIX]: isNamed(/^[0-9a-f]{64}(-[0-9]+)?\.json\.gz$/),
};

export interface Census {
  /** Bytes of all objects that points may name. */
  readonly bytes: number;
  /** The objects that no point names, of those that a backup stores. */
  readonly unreferenced: readonly StoredObject[];
}

export interface CensusOptions {
  /** Is shown each object that a point names. */
  readonly onNamed?: (object: StoredObject) => void;
  readonly signal?: AbortSignal;
}

/** Lists all that backups store and picks what isn't named. Keys that no backup makes are somebody else's and stay. */
export async function takeCensus(
  storage: Storage,
  named: ReadonlySet<string>,
  { onNamed, signal }: CensusOptions = {},
): Promise<Census> {
  let bytes = 0;
  const unreferenced: StoredObject[] = [];
  await forEachConcurrently(
    Object.keys(SHAPES),
    LISTS_AT_ONCE,
    async (prefix) => {
      for await (const object of storage.list(prefix)) {
        signal?.throwIfAborted();
        if (!isStoredByBackups(object.key)) continue;
        bytes += object.size;
        if (named.has(object.key)) onNamed?.(object);
        else unreferenced.push(object);
      }
    },
    signal,
  );
  return { bytes, unreferenced };
}

function isStoredByBackups(key: string): boolean {
  const prefix = key.slice(0, key.indexOf('/') + 1);
  return SHAPES[prefix]?.(key.slice(prefix.length).split('/')) ?? false;
}

function isFileOfBlock([tenant = '', id = '', file = '', ...more]: Segments): boolean {
  return more.length === 0 && isTenant(tenant) && isBlockId(id) && isBlockFile(file);
}

function isPageOfWal([folder = '', page = '', ...more]: Segments): boolean {
  const [id = '', tenant = '', encoding = '', ...rest] = folder.split('+');
  const isFolder = isBlockId(id) && isTenant(tenant) && encoding !== '' && rest.length === 0;
  return more.length === 0 && isFolder && /^[0-9]{10}$/.test(page);
}

/** As the original, with a segment more before the name of the file. */
function isRewritten(segments: Segments): boolean {
  const [first = '', second = '', salt = '', ...file] = segments;
  if (!/^[0-9a-f]{16}$/.test(salt)) return false;
  return isFileOfBlock([first, second, ...file]) || (`${first}/` === WAL_PREFIX && isPageOfWal([second, ...file]));
}

function isNamed(pattern: RegExp): (segments: Segments) => boolean {
  return ([name = '', ...more]) => more.length === 0 && pattern.test(name);
}
