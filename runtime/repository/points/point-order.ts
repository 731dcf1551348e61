import { timeOfId } from '../../../lib/contract/repository-layout';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** What a listing tells of a recovery point. */
export interface PointEntry {
  readonly id: string;
  /** When the manifest was stored, by the storage's clock. */
  readonly modifiedAt: Date;
  /** Of the manifest, in bytes. */
  readonly size: number;
}

/** A note of `verify` on damage, as a listing tells of it. */
export interface NoticeEntry {
  readonly key: string;
  readonly modifiedAt: Date;
}

/**
 * When the point was made, for ordering: the time in its ID, but never later than the storage saw it. So a runner whose clock is ahead
 * (or a forged ID) can't pass for newest for years, and a repository that was copied, with all its files new, keeps its order.
 */
export function madeAt(point: PointEntry): number {
  return Math.min(timeOfId(point.id).getTime(), point.modifiedAt.getTime());
}

/** Newest first. Backup builds on the first, and prune keeps it, so both must mean the same one. */
export function newestFirst(a: PointEntry, b: PointEntry): number {
  return madeAt(b) - madeAt(a) || (a.id < b.id ? 1 : -1);
}

/** The time for a new point's ID: now, but after `newest` also where this runner's clock is behind that of the last one. */
export function timeAfter(newest: PointEntry | undefined, now: Date): Date {
  if (!newest) return now;
  const last = Math.min(timeOfId(newest.id).getTime(), newest.modifiedAt.getTime() + MINUTE);
  return new Date(Math.max(now.getTime(), Math.floor(last / SECOND) * SECOND + SECOND));
}
