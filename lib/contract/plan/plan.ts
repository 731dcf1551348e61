import { z } from 'zod';
import { parseConfig } from '../values/config-error';
import { durationText } from '../values/duration-text';
import { bucketStorageSchema } from './lifecycle';
import { objectivesSchema } from './objectives';
import { type Rule, ruleSchema, volumeSnapshotRuleSchema } from './rule';
import { type Schedule, scheduleSchema } from '../values/schedule';

export const planSchema = z.strictObject({
  rules: z
    .array(ruleSchema)
    .superRefine(checkNames)
    .default(recommendedRules)
    .describe(
      'When recovery points are made and how long they are kept. A list of your own replaces the recommended one.',
    ),
  volumeSnapshots: z
    .array(volumeSnapshotRuleSchema)
    .superRefine(checkNames)
    .default(() => [
      { name: 'daily', schedule: utc('0 2 * * *'), deleteAfter: '14d', allowedRunTime: null },
      { name: 'weekly', schedule: utc('0 3 * * 0'), deleteAfter: '90d', allowedRunTime: null },
    ])
    .describe('When CSI volume snapshots are made and how long they are kept.'),
  verification: z
    .strictObject({
      afterBackup: z
        .enum(['quick', 'full', 'content'])
        .nullable()
        .default('quick')
        .describe('Level at which each recovery point is verified right after it was made; null: not at all.'),
      fullSchedule: scheduleSchema
        .nullable()
        .default(utc('0 4 * * 6'))
        .describe('When every byte is verified; null: never, which is refused.'),
    })
    .prefault({})
    .describe('When recovery points are proven.'),
  drill: z
    .strictObject({
      schedule: scheduleSchema.nullable().default(utc('0 5 15 * *')).describe('When it runs; null: never.'),
    })
    .prefault({})
    .describe('The rehearsal of a recovery.'),
  prune: z
    .strictObject({
      schedule: scheduleSchema.default(utc('0 6 * * *')).describe('When it runs.'),
      grace: durationText
        .default('1d')
        .describe('How long a condemned object still waits, and the longest that a backup may run.'),
      maxShare: z
        .number()
        .gt(0)
        .max(1)
        .default(0.5)
        .describe('Share of the repository, from 0 to 1, above which one run refuses to delete.'),
    })
    .prefault({})
    .describe('How recovery points past their retention are removed.'),
  objectives: objectivesSchema
    .prefault({})
    .describe('What recovery is promised; alert thresholds are derived from it.'),
  storage: bucketStorageSchema.prefault({}).describe("How the repository's bucket keeps its objects."),
  detectionWindow: durationText
    .default('14d')
    .describe(
      'How long a loss in the bucket may go unnoticed; what was deleted must be there to be undeleted for as long.',
    ),
});

/** What is backed up, when and for how long, and what recovery is promised: plain data, the same for all that read it. */
export type Plan = z.output<typeof planSchema>;

/** A plan as a user writes it: what is left out is as recommended. */
export type PlanInput = z.input<typeof planSchema>;

/** Reads a plan, whole or partial; what is left out is as recommended. Throws `ConfigError`. */
export function parsePlan(value: unknown): Plan {
  return parseConfig(planSchema, value, ['plan']);
}

/** The plan of those who have no other wishes. */
export function recommendedPlan(): Plan {
  return parsePlan({});
}

/**
 * Another plan: this one with some keys changed, at any depth. A list replaces the list. Throws `ConfigError`.
 *
 * @example withChanges(recommendedPlan(), { prune: { grace: '2d' } })
 */
export function withChanges(plan: Plan, changes: PlanInput): Plan {
  return parsePlan(merge(plan, changes));
}

/** The plan's rule of that name, undefined when there is none. */
export function ruleNamed(plan: Plan, name: string): Rule | undefined {
  return plan.rules.find((rule) => rule.name === name);
}

function recommendedRules(): Rule[] {
  const rule = (name: string, scope: Rule['scope'], cron: string, deleteAfter: string): Rule => {
    return { name, schedule: utc(cron), scope, deleteAfter, allowedRunTime: null, beforeChanges: false };
  };
  return [
    rule('wal', 'wal', '*/10 * * * *', '7d'),
    rule('hourly', 'data', '5 * * * *', '7d'),
    rule('full', 'all', '15 */6 * * *', '30d'),
    { ...rule('config', 'config', '25 1 * * *', '90d'), beforeChanges: true },
    rule('weekly', 'all', '35 2 * * 0', '90d'),
    rule('monthly', 'all', '45 3 1 * *', '1y'),
  ];
}

function utc(cron: string): Schedule {
  return { cron, timeZone: 'UTC' };
}

function checkNames(rules: readonly { name: string }[], context: z.RefinementCtx): void {
  rules.forEach(({ name }, index) => {
    if (rules.findIndex((rule) => rule.name === name) === index) return;
    context.addIssue({
      code: 'custom',
      path: [index, 'name'],
      message: `must be unique, but '${name}' is taken by a rule before it`,
    });
  });
}

function merge(base: unknown, changes: unknown): unknown {
  if (changes === undefined) return base;
  if (!isMapping(base) || !isMapping(changes)) return changes;
  const merged = Object.entries(changes).map(([key, change]) => [key, merge(base[key], change)] as const);
  return { ...base, ...Object.fromEntries(merged) };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
