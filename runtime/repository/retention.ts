import { parseDuration } from '../../lib/contract/values/duration';
import type { Manifest } from '../../lib/contract/manifest';
import type { PointEntry } from './points/point-order';

export interface RetainedPoint extends PointEntry {
  readonly manifest: Pick<Manifest, 'baseline' | 'deleteAfter' | 'pin' | 'pinFor' | 'suspect'>;
  /** Every byte that it names was found good. */
  readonly verified: boolean;
}

export interface RetentionOptions {
  /** The storage's clock. */
  readonly now: Date;
  /** How long a backup may run, in milliseconds. */
  readonly grace: number;
}

/**
 * Why each point stays; a point without a reason expires.
 *
 * Age is the time since the storage saw the manifest, so that no date inside a manifest can make a point, or another, expire. Points
 * give way only to a newer one that is sound and was read back, byte by byte: nothing proven is dropped for something unproven, and where
 * nothing was ever verified nothing expires.
 *
 * @param points - newest first
 */
export function reasonsToKeep(
  points: readonly RetainedPoint[],
  options: RetentionOptions,
): Map<string, readonly string[]> {
  const groups = [ownReasons(points, options), proofReasons(points), reasonsOfRunningBackups(points, options)];
  return new Map(points.map(({ id }) => [id, groups.flatMap((group) => group.get(id) ?? [])]));
}

type Reasons = Map<string, string[]>;

function ownReasons(points: readonly RetainedPoint[], { now }: RetentionOptions): Reasons {
  return new Map(
    points.map((point) => {
      const age = now.getTime() - point.modifiedAt.getTime();
      return [point.id, [...reasonOfPin(point, age), ...reasonOfAge(point.manifest.deleteAfter, age)]];
    }),
  );
}

function reasonOfPin({ manifest: { pin, pinFor } }: RetainedPoint, age: number): string[] {
  if (pin === null) return [];
  const limit = pinFor === undefined ? undefined : durationOf(pinFor);
  // Whose end nobody can read has none.
  if (limit === undefined) return [`pinned: ${pin}`];
  return age < limit ? [`pinned for ${pinFor}: ${pin}`] : [];
}

/** Why something of this age, in milliseconds, is kept; nothing when it isn't. */
export function reasonOfAge(deleteAfter: string | null, age: number): string[] {
  if (deleteAfter === null) return ["has no 'deleteAfter'"];
  const limit = durationOf(deleteAfter);
  if (limit === undefined) return [`its 'deleteAfter' of '${deleteAfter}' is no duration`];
  return age < limit ? [`younger than its 'deleteAfter' of ${deleteAfter}`] : [];
}

function proofReasons(points: readonly RetainedPoint[]): Reasons {
  const reasons: Reasons = new Map();
  const newestVerified = points.find(({ verified }) => verified);
  const proven = points.findIndex(({ verified, manifest }) => verified && manifest.suspect.length === 0);
  const unproven = proven < 0 ? points : points.slice(0, proven + 1);
  for (const [position, { id }] of unproven.entries())
    reasons.set(id, [position === 0 ? 'newest' : 'no newer point is sound and verified']);
  if (newestVerified) reasons.set(newestVerified.id, [...(reasons.get(newestVerified.id) ?? []), 'newest verified']);
  return reasons;
}

/**
 * A backup may run for as long as the grace, and it builds on the point that was newest when it began: so what was newest at any time
 * within the grace stays, and what such a point is compared with.
 */
function reasonsOfRunningBackups(points: readonly RetainedPoint[], { now, grace }: RetentionOptions): Reasons {
  const settled = points.findIndex(({ modifiedAt }) => now.getTime() - modifiedAt.getTime() >= grace);
  const recent = settled < 0 ? points : points.slice(0, settled + 1);
  const reasons: Reasons = new Map(recent.map(({ id }) => [id, ['a running backup may build on it']]));
  for (const { id, manifest } of recent) {
    if (manifest.baseline !== null)
      reasons.set(manifest.baseline, [...(reasons.get(manifest.baseline) ?? []), `'${id}' is compared with it`]);
  }
  return reasons;
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch {
    // A duration that nobody can read must not make a point expire.
    return undefined;
  }
}
