import type { ObjectReference } from '../../lib/contract/manifest';
import type { ReplicaHealth } from '../../lib/contract/replica-health';
import { RefusedError } from '../errors';
import type { Storage } from '../storage/storage';
import { madeAt, type PointEntry } from './points/point-order';
import type { Repository } from './repository';
import { findMissing } from './verification/existence';
import { ContentsReader, type PointContents, type Unit } from './verification/point-contents';

const KEYS_KEPT = 20;

export interface ReplicaOptions {
  /** Milliseconds that a point may wait until it is whole there. */
  readonly maxWaiting: number;
  readonly signal?: AbortSignal;
  /** Is told of points that can't be read here, so that nobody knows what they need there. */
  readonly warn: (message: string) => void;
}

/** Compares a replica, that the server makes by itself or `replicate` does, with the repository. It is listed, and nothing of it read but its name. */
export async function replicaHealth(
  here: Repository,
  there: Repository,
  options: ReplicaOptions,
): Promise<ReplicaHealth> {
  const { storage } = there;
  refuseStranger(here, there);
  // In this order: what is made or replicated meanwhile is in the second list at most, and so isn't missed.
  const { points } = await here.listPoints();
  const known = new Map((await there.listPoints()).points.map(({ id, size }) => [id, size]));
  const reader = new ContentsReader(here);
  const ids = points.map(({ id }) => id);
  const contents = await reader.read(ids, options.signal);
  const byId = new Map(contents.map((point) => [point.id, point]));
  const missing = await missingFiles(storage, [...reader.units.values(), ...indexUnits(contents)], options.signal);
  const states = points.map((point) => stateOf(point, { known, missing, contents: byId.get(point.id) }));
  for (const { point, unreadable } of states)
    if (unreadable !== undefined) options.warn(`recovery point '${point.id}' can't be compared: ${unreadable}`);
  return {
    url: storage.url,
    maxWaitingSeconds: seconds(options.maxWaiting),
    missing: totalOf(missing),
    ...lagOf(states, here.now()),
  };
}

/** By unit. */
type MissingFiles = ReadonlyMap<string, readonly Pick<ObjectReference, 'key' | 'size'>[]>;

interface PointState {
  readonly point: PointEntry;
  /** Why nobody knows what it needs there. */
  readonly unreadable: string | undefined;
  readonly hasManifest: boolean;
  /** Objects that it lacks there. */
  readonly lacks: number;
}

function refuseStranger(here: Repository, there: Repository): void {
  if (there.identity.id === here.identity.id) return;
  throw new RefusedError(
    `compare replica '${there.storage.url}': another repository is there ('${there.identity.id}'); give the URL of a copy of this one`,
    undefined,
    { expected: here.identity.id, found: there.identity.id },
  );
}

/** Each index as a unit of its own. */
function indexUnits(contents: readonly PointContents[]): Unit[] {
  const indexes = new Map(contents.flatMap((point) => point.indexes.map((index) => [index.key, index])));
  return [...indexes.values()].map((index) => ({
    id: index.key,
    files: [index],
    bytes: index.size,
    block: undefined,
    page: undefined,
  }));
}

async function missingFiles(storage: Storage, units: readonly Unit[], signal?: AbortSignal): Promise<MissingFiles> {
  const missing = new Map<string, Pick<ObjectReference, 'key' | 'size'>[]>();
  await findMissing(storage, units, {
    signal,
    listsAll: true,
    onMissing: (unit, file) => missing.set(unit, [...(missing.get(unit) ?? []), file]),
  });
  return missing;
}

function stateOf(
  point: PointEntry,
  {
    known,
    missing,
    contents,
  }: {
    readonly known: ReadonlyMap<string, number>;
    readonly missing: MissingFiles;
    readonly contents: PointContents | undefined;
  },
): PointState {
  const units = contents ? [...contents.units.flat(), ...contents.indexes.map(({ key }) => key)] : [];
  return {
    point,
    unreadable: contents?.problems[0]?.reason,
    hasManifest: known.get(point.id) === point.size,
    lacks: units.reduce((sum, unit) => sum + (missing.get(unit)?.length ?? 0), 0),
  };
}

/** `states`: newest first. */
function lagOf(
  states: readonly PointState[],
  now: Date,
): Pick<ReplicaHealth, 'newestHere' | 'newestThere' | 'behindSeconds' | 'waitingSeconds' | 'points'> {
  const isWhole = ({ hasManifest, lacks, unreadable }: PointState): boolean =>
    hasManifest && lacks === 0 && unreadable === undefined;
  const [here] = states;
  const there = states.find(isWhole);
  const open = states.filter((state) => !isWhole(state) && state.unreadable === undefined);
  const oldest = open.at(-1);
  return {
    newestHere: here?.point.id ?? null,
    newestThere: there?.point.id ?? null,
    behindSeconds: here && there ? seconds(madeAt(here.point) - madeAt(there.point)) : null,
    // What waits at all has waited for a second.
    waitingSeconds: oldest ? Math.max(1, seconds(now.getTime() - madeAt(oldest.point))) : 0,
    points: {
      whole: states.filter(isWhole).length,
      missing: open.filter(({ hasManifest }) => !hasManifest).map(({ point }) => point.id),
      incomplete: open
        .filter(({ hasManifest }) => hasManifest)
        .map(({ point, lacks }) => ({ id: point.id, objects: lacks })),
    },
  };
}

function totalOf(missing: MissingFiles): ReplicaHealth['missing'] {
  // Two points may expect different things of one key, which is missing once.
  const files = new Map([...missing.values()].flat().map(({ key, size }) => [key, size]));
  const keys = [...files.keys()].sort();
  const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
  return { objects: keys.length, bytes, keys: keys.slice(0, KEYS_KEPT) };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
