import type { Manifest } from '../../../lib/contract/manifest';
import { pointKey } from '../../../lib/contract/repository-layout';
import { formatDuration } from '../../../lib/contract/values/duration';
import type { ObjectLock, ObjectLocks, StoredObject } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';
import type { Repository } from '../repository';
import type { CondemnedRecord } from './condemned';
import { keysNamedBy } from './references';

const REQUESTS_AT_ONCE = 32;
/** The part of the period for which a lock must last; below that it is made longer. */
const ENOUGH = 0.9;

/** What was to be deleted, and what of it has to stay for now. */
export interface Deletions {
  readonly deletedPoints: readonly string[];
  readonly deletedObjects: readonly StoredObject[];
  readonly settledRecords: readonly CondemnedRecord[];
  readonly settledNotices: readonly string[];
}

/** What stays as it is locked. */
export interface LockedRest {
  readonly points: readonly { readonly id: string; readonly until: LockEnd }[];
  readonly objects: readonly StoredObject[];
  /** How many points and objects are under a legal hold. */
  readonly held: number;
  /** When the last of the other locks ends; undefined when there is none. */
  readonly until: Date | undefined;
}

/** When a lock ends; undefined: when somebody lifts a legal hold. */
export type LockEnd = Date | undefined;

/** A point whose contents stay locked for as long as it is. */
export interface LockedPoint {
  readonly modifiedAt: Date;
  readonly manifest: Manifest;
}

/** An object whose lock ends before that of a point that names it. */
export interface ShortLock {
  readonly key: string;
  readonly longer: ObjectLock;
}

export function keysIn({ deletedPoints, deletedObjects, settledRecords, settledNotices }: Deletions): string[] {
  const objects = [...deletedObjects, ...settledRecords].map(({ key }) => key);
  return [...deletedPoints.map(pointKey), ...objects, ...settledNotices];
}

/** Where the storage doesn't lock as the plan says; `planned` in milliseconds. */
export function lockDoubts(url: string, locks: ObjectLocks | undefined, planned: number | undefined): string[] {
  if (planned === undefined || (locks && (locks.period ?? planned) >= planned)) return [];
  const found = locks ? `locks new objects for ${formatDuration(locks.period ?? 0)} only` : 'locks nothing';
  return [
    `'plan.storage.lockPeriod' is ${formatDuration(planned)}, but '${url}' ${found}; set the bucket's object lock and its default retention, or take it out of the plan`,
  ];
}

/** When the locks end of those keys that are locked now. */
export async function locksOf(
  locks: ObjectLocks | undefined,
  keys: readonly string[],
  { now, signal }: { readonly now: Date; readonly signal?: AbortSignal },
): Promise<ReadonlyMap<string, LockEnd>> {
  const found = new Map<string, LockEnd>();
  if (!locks) return found;
  const ask = async (key: string): Promise<void> => {
    const [lock, isHeld] = await Promise.all([locks.lockOf(key), locks.isHeld(key)]);
    if (isHeld) found.set(key, undefined);
    else if (lock && lock.until > now) found.set(key, lock.until);
  };
  await forEachConcurrently(keys, REQUESTS_AT_ONCE, ask, signal);
  return found;
}

/** Leaves out what is locked: a delete marker would only hide it. A note that names something locked stays with it, for a later run. */
export function withoutLocked<T extends Deletions>(
  deletions: T,
  locked: ReadonlyMap<string, LockEnd>,
): T & { readonly locked: LockedRest } {
  const { deletedPoints, deletedObjects, settledRecords, settledNotices } = deletions;
  const isFree = (key: string): boolean => !locked.has(key);
  const objects = deletedObjects.filter(({ key }) => locked.has(key));
  const points = deletedPoints
    .filter((id) => !isFree(pointKey(id)))
    .map((id) => ({ id, until: locked.get(pointKey(id)) }));
  const ends = [...points.map(({ until }) => until), ...objects.map(({ key }) => locked.get(key))];
  return {
    ...deletions,
    deletedPoints: deletedPoints.filter((id) => isFree(pointKey(id))),
    deletedObjects: deletedObjects.filter(({ key }) => isFree(key)),
    settledRecords: settledRecords.filter(
      (record) =>
        isFree(record.key) &&
        record.points.every((id) => isFree(pointKey(id))) &&
        record.objects.every(([key]) => isFree(key)),
    ),
    settledNotices: settledNotices.filter(isFree),
    locked: { points, objects, held: ends.filter((end) => end === undefined).length, until: latestOf(ends) },
  };
}

/** What of a repository's locks ends too early, found while its objects are listed. */
export class LockWatch {
  /**
   * @param points - those that are kept, newest first
   * @param period - for which each point is locked, in milliseconds
   */
  static async over(
    repository: Repository,
    points: readonly LockedPoint[],
    { period, now, signal }: { readonly period: number; readonly now: Date; readonly signal?: AbortSignal },
  ): Promise<LockWatch> {
    const newest = new Map<string, number>();
    const known = new Set<string>();
    for (const { modifiedAt, manifest } of points) {
      if (modifiedAt.getTime() + period <= now.getTime()) continue;
      // What a newer point shares with it is known already.
      const tenants = manifest.tenants.filter((summary) => !known.has(JSON.stringify(summary)));
      for (const key of await keysNamedBy(repository, [{ ...manifest, tenants }], signal))
        if (!newest.has(key)) newest.set(key, modifiedAt.getTime());
      for (const summary of tenants) known.add(JSON.stringify(summary));
    }
    return new LockWatch(newest, period);
  }

  private readonly suspects: { readonly key: string; readonly since: number }[] = [];

  private constructor(
    /** When the newest point was made that names the key. */
    private readonly newest: ReadonlyMap<string, number>,
    private readonly period: number,
  ) {}

  /** Of an object that is about as old as its newest point, the lock that it was stored with lasts. */
  readonly look = ({ key, modifiedAt }: StoredObject): void => {
    const since = this.newest.get(key);
    if (since !== undefined && modifiedAt.getTime() < since - (1 - ENOUGH) * this.period)
      this.suspects.push({ key, since });
  };

  async shortLocks(locks: ObjectLocks, signal?: AbortSignal): Promise<readonly ShortLock[]> {
    const short: ShortLock[] = [];
    await forEachConcurrently(
      this.suspects,
      REQUESTS_AT_ONCE,
      async ({ key, since }) => {
        const lock = await locks.lockOf(key);
        if (lock && lock.until.getTime() >= since + ENOUGH * this.period) return;
        short.push({ key, longer: { mode: lock?.mode ?? locks.mode, until: new Date(since + this.period) } });
      },
      signal,
    );
    return short;
  }
}

export async function extendLocks(
  locks: ObjectLocks,
  short: readonly ShortLock[],
  signal?: AbortSignal,
): Promise<void> {
  const extend = ({ key, longer }: ShortLock): Promise<void> => locks.lockUntil(key, longer);
  await forEachConcurrently(short, REQUESTS_AT_ONCE, extend, signal);
}

function latestOf(ends: readonly LockEnd[]): Date | undefined {
  return ends.reduce((latest, end) => (!end || (latest && latest > end) ? latest : end), undefined);
}
