import { z } from 'zod';
import { durationText } from '../values/duration-text';

/** Time until an object of the class can be read, as S3 states for its standard retrieval. */
export const THAW_TIMES = {
  STANDARD_IA: '0s',
  ONEZONE_IA: '0s',
  INTELLIGENT_TIERING: '0s',
  GLACIER_IR: '0s',
  GLACIER: '5h',
  DEEP_ARCHIVE: '12h',
} as const;

/** An S3 storage class that objects can move to. */
export type StorageClass = keyof typeof THAW_TIMES;

const storageClasses = Object.keys(THAW_TIMES) as [StorageClass, ...StorageClass[]];

export const lifecycleRuleSchema = z
  .strictObject({
    objects: z
      .enum(['current', 'noncurrent', 'incomplete-uploads'])
      .describe(
        "Which objects: 'current' are blocks; 'noncurrent' are the versions that a deletion or overwrite left behind.",
      ),
    after: durationText.describe('Age at which it happens.'),
    action: z
      .enum(['transition', 'expire'])
      .describe("Move to another class, or remove; only `prune` may remove 'current' objects."),
    storageClass: z
      .enum(storageClasses)
      .nullable()
      .default(null)
      .describe("Class that objects move to, for 'transition'."),
    thawTime: durationText
      .nullable()
      .default(null)
      .describe('How long it takes until an object of the class can be read; null: what S3 states for the class.'),
  })
  .superRefine((rule, context) => {
    if ((rule.action === 'transition') === (rule.storageClass !== null)) return;
    const message =
      rule.action === 'transition' ? "must be set when 'action' is transition" : "must be null when 'action' is expire";
    context.addIssue({ code: 'custom', path: ['storageClass'], message });
  });

/** What the bucket does by itself with objects of an age. */
export type LifecycleRule = z.output<typeof lifecycleRuleSchema>;

export const bucketStorageSchema = z.strictObject({
  lifecycle: z
    .array(lifecycleRuleSchema)
    .default(() => [
      move('noncurrent', '30d', 'GLACIER'),
      expire('noncurrent', '365d'),
      expire('incomplete-uploads', '7d'),
      move('current', '30d', 'STANDARD_IA'),
      move('current', '90d', 'GLACIER_IR'),
    ])
    .describe('What the bucket does by itself with objects of an age.'),
  lockPeriod: durationText
    .nullable()
    .default(null)
    .describe('How long Object Lock keeps each object from being removed; null: no lock.'),
});

/** How the bucket of a repository keeps its objects. */
export type BucketStorage = z.output<typeof bucketStorageSchema>;

/** How long it takes until an object that the rule moved can be read, as a duration. */
export function thawTime(rule: LifecycleRule): string {
  return rule.thawTime ?? (rule.storageClass === null ? '0s' : THAW_TIMES[rule.storageClass]);
}

function move(objects: LifecycleRule['objects'], after: string, storageClass: StorageClass): LifecycleRule {
  return { objects, after, action: 'transition', storageClass, thawTime: null };
}

function expire(objects: LifecycleRule['objects'], after: string): LifecycleRule {
  return { objects, after, action: 'expire', storageClass: null, thawTime: null };
}
