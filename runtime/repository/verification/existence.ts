import type { ObjectReference } from '../../../lib/contract/manifest';
import { BLOCKS_PREFIX, WAL_PREFIX } from '../../../lib/contract/repository-layout';
import type { Storage, StoredObject } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';
import type { PointProblem, Unit } from './point-contents';

const LISTS_AT_ONCE = 4;
const HEADS_AT_ONCE = 16;
/** A listing that lags is behind by little; one that lacks more is believed. */
const MOST_ASKED_FOR = 1000;

export interface ExistenceOptions {
  readonly signal?: AbortSignal;
  /**
   * Whether configuration and indexes are listed, too, as suits many of them, and what a listing lacks is missing.
   * @default false: they are looked up one by one
   */
  readonly listsAll?: boolean;
  /** Is told of each file that is absent, or has another size. */
  readonly onMissing?: (unit: string, file: Pick<ObjectReference, 'key' | 'size'>) => void;
  /** Is told of what must be thawed before it can be read. */
  readonly onArchived?: (object: StoredObject) => void;
}

/**
 * Looks whether every object is there with its size, without reading any: tenants' blocks and the WAL by listing, the few others one by one,
 * and so what a listing lacks, as not every server shows at once what was stored.
 *
 * @returns what is wrong, by ID of the unit
 */
export async function findMissing(
  storage: Storage,
  units: Iterable<Unit>,
  options: ExistenceOptions = {},
): Promise<Map<string, PointProblem>> {
  const { signal } = options;
  const search = new Search(options);
  for (const unit of units) for (const file of unit.files) search.expect(unit.id, file);
  const list = async ([prefix, group]: [string, Group]): Promise<void> => {
    for await (const object of storage.list(prefix)) {
      signal?.throwIfAborted();
      search.found(group, object);
    }
  };
  await forEachConcurrently(search.listed, LISTS_AT_ONCE, list, signal);
  const ask = async ([key, group]: readonly [string, Group]): Promise<void> => {
    const object = await storage.head(key);
    if (object) search.found(group, object);
  };
  await forEachConcurrently(search.unseen(), HEADS_AT_ONCE, ask, signal);
  return search.problems();
}

interface Expectation {
  readonly unit: string;
  readonly size: number;
  found?: number;
}

/** What wasn't found yet, by key; two points may expect different things of one key. */
type Group = Map<string, Expectation[]>;

class Search {
  readonly listed = new Map<string, Group>();
  readonly single: Group = new Map();

  constructor(private readonly options: ExistenceOptions) {}

  expect(unit: string, { key, size }: ObjectReference): void {
    const group = this.groupOf(key);
    const others = group.get(key);
    if (others) others.push({ unit, size });
    else group.set(key, [{ unit, size }]);
  }

  found(group: Group, object: StoredObject): void {
    const { key, size } = object;
    const unmet = group.get(key)?.filter((expected) => expected.size !== size);
    if (!unmet) return;
    if (object.archiveClass !== undefined) this.options.onArchived?.(object);
    for (const expected of unmet) expected.found = size;
    if (unmet.length === 0) group.delete(key);
    else group.set(key, unmet);
  }

  /** What must be asked for by its key. */
  unseen(): (readonly [string, Group])[] {
    const keysOf = (group: Group) => Array.from(group.keys(), (key) => [key, group] as const);
    const unlisted = this.options.listsAll ? [] : [...this.listed.values()].flatMap(keysOf);
    const lagging = unlisted.filter(([key, group]) => group.get(key)?.every(({ found }) => found === undefined));
    return [...keysOf(this.single), ...(lagging.length > MOST_ASKED_FOR ? [] : lagging)];
  }

  problems(): Map<string, PointProblem> {
    const problems = new Map<string, PointProblem>();
    for (const group of [this.single, ...this.listed.values()]) {
      for (const [key, unmet] of group) {
        for (const { unit, size, found } of unmet) {
          this.options.onMissing?.(unit, { key, size });
          problems.set(unit, {
            key,
            reason: found === undefined ? 'it is missing' : `it has ${found} bytes instead of ${size}`,
          });
        }
      }
    }
    return problems;
  }

  private groupOf(key: string): Group {
    const prefix = listedPrefix(key, this.options.listsAll ?? false);
    if (prefix === undefined) return this.single;
    const group = this.listed.get(prefix) ?? new Map<string, Expectation[]>();
    this.listed.set(prefix, group);
    return group;
  }
}

function listedPrefix(key: string, listsAll: boolean): string | undefined {
  if (key.startsWith(WAL_PREFIX)) return WAL_PREFIX;
  if (key.startsWith(BLOCKS_PREFIX)) return key.slice(0, key.indexOf('/', BLOCKS_PREFIX.length) + 1);
  return listsAll ? key.slice(0, key.indexOf('/') + 1) : undefined;
}
