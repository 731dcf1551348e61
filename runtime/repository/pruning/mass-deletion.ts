import { RefusedError } from '../../errors';

/** Below this a share of points says nothing: of four, three may well expire at once. Their bytes always count. */
const SMALLEST_GUARDED = 10;

export interface Removal {
  /** Points in the repository. */
  readonly points: number;
  readonly condemnedPoints: readonly string[];
  /** Of what isn't condemned yet, from 0 to 1. */
  readonly share: { readonly points: number; readonly bytes: number };
  readonly maxShare: number;
}

/**
 * Stops a run that would condemn too much: a wrong clock, a plan with a slip, manifests that were lost. What was condemned before isn't
 * counted again, as it passed here then.
 */
export function checkShare({ points, condemnedPoints, share, maxShare }: Removal): RefusedError | undefined {
  const countsPoints = points >= SMALLEST_GUARDED && condemnedPoints.length > 0;
  const worst = countsPoints && share.points > share.bytes ? 'points' : 'bytes';
  if (share[worst] <= maxShare) return undefined;
  const percent = (value: number): string => `${Math.round(value * 100)} %`;
  return new RefusedError(
    `prune repository: ${percent(share[worst])} of its ${worst} would go, 'prune.maxShare' permits ${percent(maxShare)}; look at 'prune --dry-run', then pass '--allow mass-deletion'`,
    'mass-deletion',
    { points: share.points, bytes: share.bytes, maxShare },
  );
}
