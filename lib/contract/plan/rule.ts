import { z } from 'zod';
import { durationText } from '../values/duration-text';
import { scheduleSchema } from '../values/schedule';

export const SCOPES = ['all', 'config', 'data', 'wal'] as const;

/** What a recovery point holds: every one is a complete cut of the data; the scope says what else is taken and how. */
export type Scope = (typeof SCOPES)[number];

// 40 characters leave room for the prefix of the CronJob that runs the rule: Kubernetes allows 52.
const ruleName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/,
    "must be up to 40 lower-case letters, digits and dashes, such as 'hourly'",
  );

export const ruleSchema = z.strictObject({
  name: ruleName.describe('Name of the rule; recovery points carry it.'),
  schedule: scheduleSchema.describe('When it runs.'),
  scope: z.enum(SCOPES).default('all').describe('What its recovery points hold.'),
  deleteAfter: durationText.describe('How long its recovery points are kept; only `prune` removes them.'),
  allowedRunTime: durationText
    .nullable()
    .default(null)
    .describe('How long a run may take before it is stopped; null: until the next run is due.'),
  beforeChanges: z
    .boolean()
    .default(false)
    .describe('Whether it also runs before every change of the configuration, so that no state of it is missed.'),
});

/** When a recovery point is made, what it holds and how long it is kept. */
export type Rule = z.output<typeof ruleSchema>;

export const volumeSnapshotRuleSchema = z.strictObject({
  name: ruleName.describe('Name of the rule; volume snapshots carry it as a label.'),
  schedule: scheduleSchema.describe('When a volume snapshot is made.'),
  deleteAfter: durationText.describe('How long the volume snapshot is kept.'),
  allowedRunTime: durationText
    .nullable()
    .default(null)
    .describe('How long a volume snapshot may take until it is ready; null: until the next one is due.'),
});

/** When a CSI volume snapshot is made and how long it is kept. */
export type VolumeSnapshotRule = z.output<typeof volumeSnapshotRuleSchema>;
