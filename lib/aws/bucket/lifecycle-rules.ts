import type { input } from '@pulumi/aws/types';
import type { LifecycleRule } from '../../contract/plan/lifecycle';
import { BLOCKS_PREFIX } from '../../contract/repository-layout';
import { parseDuration } from '../../contract/values/duration';
import { refuse } from '../private/validated-input';
import type { S3Feature } from '../s3-compatible';
import { checkMove, type Move } from './lifecycle-moves';

/** A rule as the provider takes it. */
export type BucketLifecycleRule = input.s3.BucketLifecycleConfigurationRule;

/** What the rules are for. */
export interface LifecycleScope {
  /** Prefix of the repository in the bucket: empty, or ending with `/`. Tiers are for its blocks. */
  readonly prefix: string;
  /** Whether current objects move through the plan's tiers. */
  readonly tiers: boolean;
  /** What the server lacks. */
  readonly without: readonly S3Feature[];
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * The plan's lifecycle rules as S3 takes them, by what they are about. None expires a current object: `expiredObjectDeleteMarker` removes
 * only delete markers behind which there is no version left, which slow down lists.
 *
 * Throws `InputPropertyError` for what S3 would refuse or misunderstand.
 */
export function lifecycleRulesOf(rules: readonly LifecycleRule[], scope: LifecycleScope): BucketLifecycleRule[] {
  return [
    ...noncurrentVersions(rules, scope),
    ...incompleteUploads(rules, scope),
    ...(scope.tiers ? currentBlocks(rules, scope) : []),
  ];
}

function noncurrentVersions(rules: readonly LifecycleRule[], scope: LifecycleScope): BucketLifecycleRule[] {
  const expiry = onlyExpiry(rules, 'noncurrent');
  const moves = movesOf(rules, 'noncurrent', scope);
  const last = moves.at(-1);
  if (expiry && last && last.days >= expiry.days) {
    refuse(
      pathOf(expiry.index, 'after'),
      `must be longer than the ${last.days} days after which noncurrent versions move to ${last.storageClass}, got ${expiry.days} days`,
    );
  }
  const removed = expiry && {
    noncurrentVersionExpiration: { noncurrentDays: expiry.days },
    expiration: { expiredObjectDeleteMarker: true },
  };
  const moved = moves.length > 0 && {
    noncurrentVersionTransitions: moves.map(({ days, storageClass }) => ({ noncurrentDays: days, storageClass })),
  };
  return removed || moved ? [{ ...rule('noncurrent-versions', ''), ...moved, ...removed }] : [];
}

function incompleteUploads(rules: readonly LifecycleRule[], { without }: LifecycleScope): BucketLifecycleRule[] {
  const [move] = daysOf(rules, 'incomplete-uploads', 'transition');
  if (move)
    refuse(
      pathOf(move.index, 'action'),
      `must be expire for incomplete-uploads, which have no class to move from, got transition after ${move.days} days`,
    );
  const abort = onlyExpiry(rules, 'incomplete-uploads');
  if (!abort || without.includes('abort-incomplete-uploads')) return [];
  return [{ ...rule('incomplete-uploads', ''), abortIncompleteMultipartUpload: { daysAfterInitiation: abort.days } }];
}

function currentBlocks(rules: readonly LifecycleRule[], scope: LifecycleScope): BucketLifecycleRule[] {
  const transitions = movesOf(rules, 'current', scope);
  return transitions.length > 0 ? [{ ...rule('current-blocks', `${scope.prefix}${BLOCKS_PREFIX}`), transitions }] : [];
}

function rule(id: string, prefix: string): BucketLifecycleRule {
  return { id, status: 'Enabled', filter: { prefix } };
}

function movesOf(
  rules: readonly LifecycleRule[],
  objects: LifecycleRule['objects'],
  { without }: LifecycleScope,
): Move[] {
  if (without.includes('transitions')) return [];
  const moves = daysOf(rules, objects, 'transition')
    .map(({ days, index }) => ({ days, index, storageClass: rules[index]?.storageClass ?? '' }))
    .sort((a, b) => a.days - b.days);
  moves.forEach((move, position) => checkMove(pathOf(move.index), move, moves[position - 1]));
  return moves.map(({ days, storageClass }) => ({ days, storageClass }));
}

/** S3 knows one age at which they go. */
function onlyExpiry(
  rules: readonly LifecycleRule[],
  objects: LifecycleRule['objects'],
): { readonly days: number; readonly index: number } | undefined {
  const [expiry, other] = daysOf(rules, objects, 'expire');
  if (expiry && other)
    refuse(
      pathOf(other.index),
      `must be the only rule that expires '${objects}', got ${other.days} days beside ${expiry.days} days of rule ${expiry.index}; leave one of them out`,
    );
  return expiry;
}

function daysOf(
  rules: readonly LifecycleRule[],
  objects: LifecycleRule['objects'],
  action: LifecycleRule['action'],
): { readonly days: number; readonly index: number }[] {
  return rules.flatMap((each, index) => {
    if (each.objects !== objects || each.action !== action) return [];
    const days = parseDuration(each.after) / DAY;
    if (!Number.isInteger(days) || days < 1) {
      refuse(
        pathOf(index, 'after'),
        `must be a whole number of days, as lifecycle rules count in days, got ${each.after}`,
      );
    }
    return [{ days, index }];
  });
}

function pathOf(index: number, key?: string): string {
  return ['plan.storage.lifecycle', index, ...(key === undefined ? [] : [key])].join('.');
}
