import * as pulumi from '@pulumi/pulumi';
import { THAW_TIMES } from '../../contract/plan/lifecycle';
import { type Plan, withChanges } from '../../contract/plan/plan';
import { type PlanContext, validatePlan } from '../../contract/plan/plan-validation';
import { parseDuration } from '../../contract/values/duration';
import { refuse } from './validated-input';

const DAY = 24 * 60 * 60 * 1000;

/** Throws `InputPropertiesError` with all contradictions of the plan, each with its path. */
export function checkPlan(plan: Plan, context: PlanContext): void {
  const problems = validatePlan(plan, context);
  if (problems.length === 0) return;
  throw new pulumi.InputPropertiesError({
    message: `the plan contradicts itself: ${problems.map(({ path, message }) => `'plan.${path}' ${message}`).join('; ')}`,
    errors: problems.map(({ path, message }) => ({ propertyPath: `plan.${path}`, reason: message })),
  });
}

/** What is wrong with a lock of so many days; undefined: nothing. */
export function lockContradiction(plan: Plan, context: PlanContext, days: number): string | undefined {
  const period = plan.storage.lockPeriod;
  if (period !== null && parseDuration(period) !== days * DAY) {
    return `must be as long as 'plan.storage.lockPeriod', got ${days} days and ${period}; leave one of them out`;
  }
  const locked = withChanges(plan, { storage: { lockPeriod: `${days}d` } });
  return validatePlan(locked, context).find(({ code }) => code === 'lock-period')?.message;
}

/** Whole days of the plan's lock period; undefined: no lock. */
export function plannedLockDays({ storage }: Plan): number | undefined {
  if (storage.lockPeriod === null) return undefined;
  const days = parseDuration(storage.lockPeriod) / DAY;
  if (!Number.isInteger(days) || days < 1)
    refuse(
      'plan.storage.lockPeriod',
      `must be a whole number of days, as S3 locks for days, got ${storage.lockPeriod}`,
    );
  return days;
}

/** Throws where a copy in this class would have to be thawed for longer than a total recovery may take. */
export function checkReplicaClass(plan: Plan, storageClass: string): void {
  const classes: Readonly<Record<string, string>> = { STANDARD: '0s', ...THAW_TIMES };
  const thaw = classes[storageClass];
  if (thaw === undefined)
    return refuse('replica.storageClass', `must be one of ${Object.keys(classes).join(', ')}, got '${storageClass}'`);
  const { recoveryTime } = plan.objectives.all;
  if (recoveryTime === null || parseDuration(thaw) <= parseDuration(recoveryTime)) return;
  refuse(
    'replica.storageClass',
    `must not be ${storageClass}, which takes ${thaw} to thaw: the recovery time objective of 'all' is ${recoveryTime}; use GLACIER_IR, which needs no thaw, or raise the objective`,
  );
}
