import type { input } from '@pulumi/aws/types';
import type { LifecycleRule } from '../../contract/plan/lifecycle';
import { BLOCKS_PREFIX } from '../../contract/repository-layout';
import { parseDuration } from '../../contract/values/duration';
import { refuse } from '../private/validated-input';
import type { S3Feature } from '../s3-compatible';

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
/** S3 moves nothing to these earlier. */
const SHORTEST_BEFORE_INFREQUENT_ACCESS = 30;
const INFREQUENT_ACCESS = ['STANDARD_IA', 'ONEZONE_IA'];
/** Objects only ever move down this list. */
const COLDER_LAST = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];

interface Move {
  readonly days: number;
  readonly storageClass: string;
}

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
  const expiry = daysOf(rules, 'noncurrent', 'expire')[0];
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
  const [abort] = daysOf(rules, 'incomplete-uploads', 'expire');
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
  moves.forEach(({ days, index, storageClass }, position) => {
    if (INFREQUENT_ACCESS.includes(storageClass) && days < SHORTEST_BEFORE_INFREQUENT_ACCESS) {
      refuse(
        pathOf(index, 'after'),
        `must be at least 30d, as S3 moves nothing to ${storageClass} earlier, got ${days}d`,
      );
    }
    const before = moves[position - 1];
    if (before && COLDER_LAST.indexOf(before.storageClass) >= COLDER_LAST.indexOf(storageClass)) {
      refuse(
        pathOf(index, 'storageClass'),
        `must be colder than ${before.storageClass}, where the objects are moved after ${before.days} days, got ${storageClass}`,
      );
    }
  });
  return moves.map(({ days, storageClass }) => ({ days, storageClass }));
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

function pathOf(index: number, key: string): string {
  return `plan.storage.lifecycle.${index}.${key}`;
}
