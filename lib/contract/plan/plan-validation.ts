import { ConfigError } from '../values/config-error';
import { formatDuration, parseDuration } from '../values/duration';
import { thawTime } from './lifecycle';
import { type Objective } from './objectives';
import { type Plan } from './plan';
import { type Rule, type VolumeSnapshotRule } from './rule';
import { longestGap, type Schedule } from '../values/schedule';

/** What a plan is checked against: the Tempo that it is for. */
export interface PlanContext {
  /** Where Tempo keeps its blocks. */
  readonly storage: 'local' | 's3';
  /** Whether a volume holds the WAL. */
  readonly walVolume: boolean;
}

/** A contradiction in a plan. */
export interface PlanProblem {
  /** Which rule of the table is broken. */
  readonly code:
    | 'keeps-nothing'
    | 'recovery-point-objective'
    | 'expires-current'
    | 'thaw-time'
    | 'detection-window'
    | 'lock-period'
    | 'verification'
    | 'wal-volume';
  /** Where in the plan, such as `rules.hourly.deleteAfter`. */
  readonly path: string;
  /** Both values that disagree, and the fix. */
  readonly message: string;
}

const CHECKS = [
  keepsNothing,
  recoveryPointObjectives,
  expiresCurrent,
  thawTimes,
  detectionWindow,
  lockPeriod,
  verification,
  walVolume,
];

/** All contradictions in the plan, none for a sound one. */
export function validatePlan(plan: Plan, context: PlanContext): PlanProblem[] {
  return CHECKS.flatMap((check) => check(plan, context));
}

/** The plan, or a `ConfigError` with all its contradictions. */
export function assertValidPlan(plan: Plan, context: PlanContext): Plan {
  const problems = validatePlan(plan, context);
  if (problems.length > 0) throw new ConfigError(problems.map(({ path, message }) => `'plan.${path}' ${message}`));
  return plan;
}

function keepsNothing(plan: Plan): PlanProblem[] {
  const check = (rule: Rule | VolumeSnapshotRule, list: string): PlanProblem[] => {
    const gap = longestGap(rule.schedule);
    if (parseDuration(rule.deleteAfter) > gap) return [];
    const message =
      `must be longer than the interval of rule '${rule.name}' (${every(rule.schedule)}), got ${rule.deleteAfter}: ` +
      `it would keep nothing; make it more than ${formatDuration(gap)} or run the rule more often`;
    return [{ code: 'keeps-nothing', path: `${list}.${rule.name}.deleteAfter`, message }];
  };
  return [
    ...plan.rules.flatMap((rule) => check(rule, 'rules')),
    ...plan.volumeSnapshots.flatMap((rule) => check(rule, 'volumeSnapshots')),
  ];
}

function recoveryPointObjectives(plan: Plan, context: PlanContext): PlanProblem[] {
  const complete = plan.rules.filter((rule) => rule.scope !== 'config');
  const configuration = plan.rules.filter((rule) => rule.scope === 'config' || rule.scope === 'all');
  const { config, localData, wal, volumeSnapshot, all } = plan.objectives;
  return [
    // A recovery point before every change misses no state of the configuration, however rare the schedule.
    ...(configuration.some((rule) => rule.beforeChanges) ? [] : missed('config', config, configuration)),
    // Blocks in S3 need no rule: object versions of Tempo's own bucket meet that objective.
    ...(context.storage === 'local' ? missed('localData', localData, complete) : []),
    ...(context.walVolume ? missed('wal', wal, complete) : []),
    ...(plan.volumeSnapshots.length > 0 ? missed('volumeSnapshot', volumeSnapshot, plan.volumeSnapshots) : []),
    ...missed(
      'all',
      all,
      plan.rules.filter((rule) => rule.scope === 'all'),
    ),
  ];
}

/** At most one problem: the objective is met when one rule meets it. Every point is a complete cut, so that may be any. */
function missed(
  name: keyof Plan['objectives'],
  objective: Objective,
  rules: readonly (Rule | VolumeSnapshotRule)[],
): PlanProblem[] {
  if (objective.recoveryPoint === null) return [];
  const problem = (text: string): PlanProblem[] => {
    const path = `objectives.${name}.recoveryPoint`;
    return [{ code: 'recovery-point-objective', path, message: `can't be met: ${text}` }];
  };
  const best = rules
    .map((rule) => ({ rule, age: longestGap(rule.schedule) + parseDuration(rule.allowedRunTime ?? '0s') }))
    .sort((a, b) => a.age - b.age)[0];
  if (best === undefined)
    return problem(`it is ${objective.recoveryPoint} and no rule covers it; add a rule or set it to null`);
  if (best.age <= parseDuration(objective.recoveryPoint)) return [];
  const { rule, age } = best;
  const runs = `rule '${rule.name}' runs ${every(rule.schedule)}${rule.allowedRunTime === null ? '' : ` and may take ${rule.allowedRunTime}`}`;
  const fix = name === 'config' ? "set 'beforeChanges' on the rule" : 'run the rule more often';
  return problem(
    `it is ${objective.recoveryPoint}, but ${runs}, ${formatDuration(age)} in all; ${fix} or raise the objective`,
  );
}

function expiresCurrent(plan: Plan): PlanProblem[] {
  return plan.storage.lifecycle.flatMap((rule, index) => {
    if (rule.objects !== 'current' || rule.action !== 'expire') return [];
    const message =
      `must not expire current objects (after ${rule.after}): recovery points share blocks, so age says nothing about use, and points are ` +
      `kept up to ${formatDuration(longestRetention(plan))}; remove it and let 'prune' remove what no point names, or set 'objects' to noncurrent`;
    return [{ code: 'expires-current', path: `storage.lifecycle.${index}`, message }];
  });
}

function thawTimes(plan: Plan, context: PlanContext): PlanProblem[] {
  const shortest = shortestRecoveryTime(plan, context);
  if (shortest === undefined) return [];
  return plan.storage.lifecycle.flatMap((rule, index) => {
    const thaw = thawTime(rule);
    if (rule.objects !== 'current' || parseDuration(thaw) <= parseDuration(shortest.time)) return [];
    const message =
      `must not move current objects to ${rule.storageClass ?? ''}, which takes ${thaw} to thaw: the recovery time objective of ` +
      `'${shortest.name}' is ${shortest.time}; use GLACIER_IR, which needs no thaw, or raise the objective`;
    return [{ code: 'thaw-time', path: `storage.lifecycle.${index}`, message }];
  });
}

/** Objectives of what is restored from the repository; volume snapshots and S3 object versions don't lie in it. */
function shortestRecoveryTime(plan: Plan, context: PlanContext): { name: string; time: string } | undefined {
  const names = ['config', 'all'] as (keyof Plan['objectives'])[];
  if (context.storage === 'local') names.push('localData');
  if (context.walVolume) names.push('wal');
  return names
    .flatMap((name) => {
      const time = plan.objectives[name].recoveryTime;
      return time === null ? [] : [{ name, time }];
    })
    .sort((a, b) => parseDuration(a.time) - parseDuration(b.time))[0];
}

function detectionWindow(plan: Plan): PlanProblem[] {
  return plan.storage.lifecycle.flatMap((rule, index) => {
    const tooShort = parseDuration(rule.after) < parseDuration(plan.detectionWindow);
    if (rule.objects !== 'noncurrent' || rule.action !== 'expire' || !tooShort) return [];
    const message =
      `must keep noncurrent versions for at least the detection window of ${plan.detectionWindow}, got ${rule.after}: what was deleted ` +
      `could be gone before anybody notices; set it to ${plan.detectionWindow} or shorten 'detectionWindow'`;
    return [{ code: 'detection-window', path: `storage.lifecycle.${index}.after`, message }];
  });
}

function lockPeriod(plan: Plan): PlanProblem[] {
  const { lockPeriod: period } = plan.storage;
  const shortest = shortestRetention(plan);
  if (period === null || shortest === undefined || parseDuration(period) <= parseDuration(shortest.deleteAfter))
    return [];
  const message =
    `must not be longer than the shortest 'deleteAfter', got ${period} with ${shortest.deleteAfter} of rule '${shortest.name}': 'prune' couldn't ` +
    `remove its points; shorten the lock to ${shortest.deleteAfter} or keep them for ${period}`;
  return [{ code: 'lock-period', path: 'storage.lockPeriod', message }];
}

function verification(plan: Plan): PlanProblem[] {
  const { fullSchedule } = plan.verification;
  const shortest = shortestRetention(plan);
  if (shortest === undefined) return [];
  const problem = (text: string): PlanProblem[] => {
    const message = `${text}: points of rule '${shortest.name}', kept ${shortest.deleteAfter}, would expire unproven`;
    return [
      {
        code: 'verification',
        path: 'verification.fullSchedule',
        message: `${message}; run it at least every ${shortest.deleteAfter}`,
      },
    ];
  };
  if (fullSchedule === null) return problem('must be set, got null');
  const gap = longestGap(fullSchedule);
  return gap > parseDuration(shortest.deleteAfter)
    ? problem(`must not be rarer than the shortest retention, got ${every(fullSchedule)}`)
    : [];
}

function walVolume(plan: Plan, context: PlanContext): PlanProblem[] {
  if (context.walVolume) return [];
  return plan.rules.flatMap((rule) => {
    if (rule.scope !== 'wal') return [];
    const message = `is 'wal' in rule '${rule.name}', but no volume holds the WAL, so it backs up nothing; name the volume that does, or remove the rule`;
    return [{ code: 'wal-volume', path: `rules.${rule.name}.scope`, message }];
  });
}

function shortestRetention(plan: Plan): Rule | undefined {
  return [...plan.rules].sort((a, b) => parseDuration(a.deleteAfter) - parseDuration(b.deleteAfter))[0];
}

function longestRetention(plan: Plan): number {
  return Math.max(0, ...plan.rules.map((rule) => parseDuration(rule.deleteAfter)));
}

function every(schedule: Schedule): string {
  return `every ${formatDuration(longestGap(schedule))}`;
}
