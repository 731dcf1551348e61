import { ConfigError } from '../../../../lib/contract/values/config-error';
import { parsePlan, type Plan, type PlanInput, recommendedPlan, withChanges } from '../../../../lib/contract/plan/plan';
import { assertValidPlan, type PlanContext, validatePlan } from '../../../../lib/contract/plan/plan-validation';

const LOCAL: PlanContext = { storage: 'local', walVolume: true };

const daily = { name: 'nightly', schedule: { cron: '0 2 * * *' }, deleteAfter: '30d' };

/** Problems of the recommended plan with these changes. */
function problems(changes: PlanInput, context = LOCAL) {
  return validatePlan(withChanges(recommendedPlan(), changes), context);
}

function messages(changes: PlanInput, context = LOCAL): string[] {
  return problems(changes, context).map(({ path, message }) => `'${path}' ${message}`);
}

function withRule(name: string, changes: Partial<Plan['rules'][number]>): PlanInput {
  return { rules: recommendedPlan().rules.map((rule) => (rule.name === name ? { ...rule, ...changes } : rule)) };
}

it('finds nothing wrong with the recommended plan', () => {
  expect(validatePlan(recommendedPlan(), LOCAL)).toEqual([]);
  expect(assertValidPlan(recommendedPlan(), LOCAL)).toEqual(recommendedPlan());
});

it('throws all problems at once where a plan must be sound', () => {
  const plan = parsePlan({ verification: { fullSchedule: null }, storage: { lockPeriod: '8d' } });
  expect(() => assertValidPlan(plan, LOCAL)).toThrow(ConfigError);
  expect(() => assertValidPlan(plan, LOCAL)).toThrow(/^'plan\.storage\.lockPeriod' .* \(and 1 more\)$/);
});

describe("a rule's 'deleteAfter' and its interval", () => {
  it('is refused when not longer', () => {
    expect(messages(withRule('monthly', { deleteAfter: '31d' }))).toEqual([
      "'rules.monthly.deleteAfter' must be longer than the interval of rule 'monthly' (every 31d), got 31d: it would keep nothing; " +
        'make it more than 31d or run the rule more often',
    ]);
  });

  it('is fine when longer', () => {
    expect(problems(withRule('monthly', { deleteAfter: '32d' }))).toEqual([]);
  });

  it('holds for volume snapshots too', () => {
    expect(
      problems({ volumeSnapshots: [{ ...daily, deleteAfter: '24h' }] }).map(({ code, path }) => [code, path]),
    ).toEqual([['keeps-nothing', 'volumeSnapshots.nightly.deleteAfter']]);
    expect(problems({ volumeSnapshots: [{ ...daily, deleteAfter: '25h' }] })).toEqual([]);
  });
});

describe('the recovery point objective and the interval with the allowed run time', () => {
  const hourly = (allowedRunTime: string | null): PlanInput => ({
    rules: recommendedPlan()
      .rules.filter((rule) => rule.name !== 'wal')
      .map((rule) => (rule.name === 'hourly' ? { ...rule, allowedRunTime } : rule)),
    objectives: { localData: { recoveryPoint: '90m' }, wal: { recoveryPoint: null } },
  });

  it('is refused when together they are longer', () => {
    expect(messages(hourly('31m'))).toEqual([
      "'objectives.localData.recoveryPoint' can't be met: it is 90m, but rule 'hourly' runs every 1h and may take 31m, 1h31m in all; " +
        'run the rule more often or raise the objective',
    ]);
  });

  it('is fine when together they are as long', () => {
    expect(problems(hourly('30m'))).toEqual([]);
  });

  it('counts the interval alone when a run may take until the next is due', () => {
    expect(
      problems({ ...hourly(null), objectives: { localData: { recoveryPoint: '1h' }, wal: { recoveryPoint: null } } }),
    ).toEqual([]);
    expect(
      problems({ ...hourly(null), objectives: { localData: { recoveryPoint: '59m' }, wal: { recoveryPoint: null } } }),
    ).toHaveLength(1);
  });

  it('is met for blocks by a rule for the WAL, because every recovery point is a complete cut', () => {
    expect(problems({ objectives: { localData: { recoveryPoint: '10m' } } })).toEqual([]);
    expect(problems({ objectives: { localData: { recoveryPoint: '9m' } } }).map(({ path }) => path)).toEqual([
      'objectives.localData.recoveryPoint',
    ]);
  });

  it('is refused when no rule covers what has one', () => {
    const rules = [{ ...daily, scope: 'config' as const, beforeChanges: true }];
    expect(messages({ rules })).toEqual([
      "'objectives.localData.recoveryPoint' can't be met: it is 1h and no rule covers it; add a rule or set it to null",
      "'objectives.wal.recoveryPoint' can't be met: it is 10m and no rule covers it; add a rule or set it to null",
    ]);
  });

  it('is met for the configuration by a rule that runs before every change', () => {
    expect(problems(withRule('config', { beforeChanges: true }))).toEqual([]);
    expect(messages(withRule('config', { beforeChanges: false }))).toEqual([
      "'objectives.config.recoveryPoint' can't be met: it is 0s, but rule 'full' runs every 6h, 6h in all; " +
        "set 'beforeChanges' on the rule or raise the objective",
    ]);
  });

  it('is met for blocks in S3 without a rule', () => {
    const config = recommendedPlan().rules.filter((rule) => rule.scope === 'config');
    expect(problems({ rules: config }, { storage: 's3', walVolume: false })).toEqual([]);
  });

  it('holds for volume snapshots, when there are any', () => {
    const path = 'objectives.volumeSnapshot.recoveryPoint';
    expect(
      problems({ objectives: { volumeSnapshot: { recoveryPoint: '23h' } } }).map((problem) => problem.path),
    ).toEqual([path]);
    expect(problems({ objectives: { volumeSnapshot: { recoveryPoint: '23h' } }, volumeSnapshots: [] })).toEqual([]);
  });
});

describe('a lifecycle rule', () => {
  const lifecycle = (rule: NonNullable<NonNullable<PlanInput['storage']>['lifecycle']>[number]): PlanInput => ({
    storage: { lifecycle: [rule] },
  });

  it('is refused when it expires current objects', () => {
    const found = problems(lifecycle({ objects: 'current', action: 'expire', after: '400d' }));
    expect(found.map(({ code, path }) => [code, path])).toEqual([['expires-current', 'storage.lifecycle.0']]);
    expect(found[0]?.message).toContain('(after 400d): recovery points share blocks');
    expect(found[0]?.message).toContain("kept up to 365d; remove it and let 'prune' remove what no point names");
  });

  it('is fine when it expires noncurrent ones', () => {
    expect(problems(lifecycle({ objects: 'noncurrent', action: 'expire', after: '400d' }))).toEqual([]);
  });

  it('is refused when it moves current objects to a class that thaws slower than the recovery time objective', () => {
    expect(
      messages(lifecycle({ objects: 'current', action: 'transition', storageClass: 'GLACIER', after: '30d' })),
    ).toEqual([
      "'storage.lifecycle.0' must not move current objects to GLACIER, which takes 5h to thaw: the recovery time objective of 'config' is 5m; " +
        'use GLACIER_IR, which needs no thaw, or raise the objective',
    ]);
  });

  it('is fine when the class needs no thaw, or is for noncurrent objects', () => {
    expect(
      problems(lifecycle({ objects: 'current', action: 'transition', storageClass: 'GLACIER_IR', after: '30d' })),
    ).toEqual([]);
    expect(
      problems(lifecycle({ objects: 'noncurrent', action: 'transition', storageClass: 'GLACIER', after: '30d' })),
    ).toEqual([]);
  });

  it.each([
    ['4h59m', 1],
    ['5h', 0],
    [null, 0],
  ])('with a thaw of 5h and recovery time objectives of %s has %d problems', (recoveryTime, count) => {
    const objective = { recoveryTime };
    const objectives = { config: objective, localData: objective, wal: objective, all: objective };
    const rule = {
      objects: 'current',
      action: 'transition',
      storageClass: 'DEEP_ARCHIVE',
      thawTime: '5h',
      after: '30d',
    } as const;
    expect(problems({ ...lifecycle(rule), objectives })).toHaveLength(count);
  });

  it('is refused when noncurrent versions go before the detection window ends', () => {
    expect(messages(lifecycle({ objects: 'noncurrent', action: 'expire', after: '13d' }))).toEqual([
      "'storage.lifecycle.0.after' must keep noncurrent versions for at least the detection window of 14d, got 13d: what was deleted could be gone " +
        "before anybody notices; set it to 14d or shorten 'detectionWindow'",
    ]);
  });

  it('is fine when they go as it ends', () => {
    expect(problems(lifecycle({ objects: 'noncurrent', action: 'expire', after: '14d' }))).toEqual([]);
  });
});

describe('the lock period', () => {
  it("is refused when longer than the shortest 'deleteAfter'", () => {
    expect(messages({ storage: { lockPeriod: '8d' } })).toEqual([
      "'storage.lockPeriod' must not be longer than the shortest 'deleteAfter', got 8d with 7d of rule 'wal': 'prune' couldn't remove its points; " +
        'shorten the lock to 7d or keep them for 8d',
    ]);
  });

  it.each(['7d', null])('is fine when it is %s', (lockPeriod) => {
    expect(problems({ storage: { lockPeriod } })).toEqual([]);
  });
});

describe('full verification', () => {
  it('is refused when there is none', () => {
    expect(messages({ verification: { fullSchedule: null } })).toEqual([
      "'verification.fullSchedule' must be set, got null: points of rule 'wal', kept 7d, would expire unproven; run it at least every 7d",
    ]);
  });

  it('is refused when rarer than the shortest retention', () => {
    expect(messages({ verification: { fullSchedule: { cron: '0 4 1,9,17,25 * *' } } })).toEqual([
      "'verification.fullSchedule' must not be rarer than the shortest retention, got every 8d: points of rule 'wal', kept 7d, would expire unproven; " +
        'run it at least every 7d',
    ]);
  });

  it('is fine when as frequent', () => {
    expect(problems({ verification: { fullSchedule: { cron: '0 4 * * 1', timeZone: 'Europe/Berlin' } } })).toEqual([]);
  });
});

describe('a rule for the WAL', () => {
  it('is refused when no volume holds the WAL', () => {
    expect(messages({}, { storage: 'local', walVolume: false })).toEqual([
      "'rules.wal.scope' is 'wal' in rule 'wal', but no volume holds the WAL, so it backs up nothing; name the volume that does, or remove the rule",
    ]);
  });

  it('is fine when a volume does, or when there is no such rule', () => {
    const rules = recommendedPlan().rules.filter((rule) => rule.name !== 'wal');
    expect(problems({}, { storage: 's3', walVolume: true })).toEqual([]);
    expect(problems({ rules }, { storage: 'local', walVolume: false })).toEqual([]);
  });
});

describe('an alert threshold typed by hand', () => {
  it.each([
    [{ alerts: { maxAge: '2h' } }, 'plan.alerts'],
    [{ objectives: { wal: { alertThreshold: '2h' } } }, 'plan.objectives.wal.alertThreshold'],
  ])('is refused, because thresholds are derived: %j', (plan, path) => {
    expect(() => parsePlan(plan)).toThrow(
      `'${path}' can't be set: alert thresholds are derived from schedules and objectives; change 'plan.objectives' or a rule's schedule instead`,
    );
  });
});
