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

const PREFIXES = [BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX, CONFIG_PREFIX, INDEXES_PREFIX];

export interface Census {
  /** Bytes of all objects that points may name. */
  readonly bytes: number;
  /** The objects that no point names, of those that a backup stores. */
  readonly unreferenced: readonly StoredObject[];
}

/** Lists all that backups store and picks what isn't named. Keys that no backup makes are somebody else's and stay. */
export async function takeCensus(storage: Storage, named: ReadonlySet<string>, signal?: AbortSignal): Promise<Census> {
  let bytes = 0;
  const unreferenced: StoredObject[] = [];
  await forEachConcurrently(
    PREFIXES,
    PREFIXES.length,
    async (prefix) => {
      for await (const object of storage.list(prefix)) {
        signal?.throwIfAborted();
        if (!isStoredByBackups(object.key)) continue;
        bytes += object.size;
        if (!named.has(object.key)) unreferenced.push(object);
      }
    },
    signal,
  );
  return { bytes, unreferenced };
}

export function isStoredByBackups(key: string): boolean {
  const [first, ...rest] = key.split('/');
  const [second = '', third = '', fourth = '', ...more] = rest;
  if (more.length > 0) return false;
  switch (`${first ?? ''}/`) {
    case BLOCKS_PREFIX:
      return isTenant(second) && isBlockId(third) && isBlockFile(fourth);
    case WAL_PREFIX:
      return rest.length === 2 && isWalFolder(second) && isPage(third);
    case CONFIG_PREFIX:
      return rest.length === 1 && /^[0-9a-f]{64}(-[0-9]+)?\.[A-Za-z0-9._-]+$/.test(second);
    case INDEXES_PREFIX:
      return rest.length === 1 && /^[0-9a-f]{64}(-[0-9]+)?\.json\.gz$/.test(second);
    default:
      return first === REWRITTEN_PREFIX.slice(0, -1) && isRewritten(key);
  }
}

function isRewritten(key: string): boolean {
  const [, second = '', third = '', salt = '', file = '', ...more] = key.split('/');
  if (more.length > 0 || !/^[0-9a-f]{16}$/.test(salt)) return false;
  const isBlock = isTenant(second) && isBlockId(third) && isBlockFile(file);
  return isBlock || (`${second}/` === WAL_PREFIX && isWalFolder(third) && isPage(file));
}

function isWalFolder(name: string): boolean {
  const [id = '', tenant = '', encoding = '', ...more] = name.split('+');
  return isBlockId(id) && isTenant(tenant) && encoding !== '' && more.length === 0;
}

function isPage(name: string): boolean {
  return /^[0-9]{10}$/.test(name);
}
