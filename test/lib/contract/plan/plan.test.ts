import { ConfigError } from '../../../../lib/contract/values/config-error';
import { formatDuration } from '../../../../lib/contract/values/duration';
import { parsePlan, type PlanInput, recommendedPlan, ruleNamed, withChanges } from '../../../../lib/contract/plan/plan';
import { longestGap } from '../../../../lib/contract/values/schedule';

describe('the recommended plan', () => {
  const plan = recommendedPlan();

  it("has the guide's rules", () => {
    const rows = plan.rules.map((rule) => [
      rule.name,
      rule.scope,
      formatDuration(longestGap(rule.schedule)),
      rule.deleteAfter,
      rule.beforeChanges,
    ]);
    expect(rows).toEqual([
      ['wal', 'wal', '10m', '7d', false],
      ['hourly', 'data', '1h', '7d', false],
      ['full', 'all', '6h', '30d', false],
      ['config', 'config', '1d', '90d', true],
      ['weekly', 'all', '7d', '90d', false],
      ['monthly', 'all', '31d', '1y', false],
    ]);
  });

  it('makes volume snapshots daily and weekly', () => {
    const rows = plan.volumeSnapshots.map((rule) => [
      rule.name,
      formatDuration(longestGap(rule.schedule)),
      rule.deleteAfter,
    ]);
    expect(rows).toEqual([
      ['daily', '1d', '14d'],
      ['weekly', '7d', '90d'],
    ]);
  });

  it('verifies quickly after every backup and fully every week, and drills every month', () => {
    expect(plan.verification.afterBackup).toBe('quick');
    expect(plan.verification.fullSchedule && formatDuration(longestGap(plan.verification.fullSchedule))).toBe('7d');
    expect(plan.drill.schedule && formatDuration(longestGap(plan.drill.schedule))).toBe('31d');
  });

  it('prunes carefully', () => {
    expect(plan.prune).toMatchObject({ grace: '1d', maxShare: 0.5 });
  });

  it("has the guide's objectives", () => {
    expect(plan.objectives).toEqual({
      config: { recoveryPoint: '0s', recoveryTime: '5m' },
      localData: { recoveryPoint: '1h', recoveryTime: '1h' },
      s3Data: { recoveryPoint: '0s', recoveryTime: '10m' },
      wal: { recoveryPoint: '10m', recoveryTime: '30m' },
      volumeSnapshot: { recoveryPoint: '24h', recoveryTime: '2h' },
      all: { recoveryPoint: null, recoveryTime: '2h' },
    });
  });

  it('is plain data: it survives JSON', () => {
    expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  it('is another value each time', () => {
    recommendedPlan().rules.pop();
    expect(recommendedPlan()).toEqual(plan);
  });
});

describe('a plan', () => {
  it('is as recommended where a partial one says nothing', () => {
    const plan = parsePlan({ prune: { grace: '2d' }, objectives: { wal: { recoveryTime: '1h' } } });
    expect(plan.prune).toEqual({ ...recommendedPlan().prune, grace: '2d' });
    expect(plan.objectives.wal).toEqual({ recoveryPoint: '10m', recoveryTime: '1h' });
    expect(plan.rules).toEqual(recommendedPlan().rules);
  });

  it('keeps its rules as written', () => {
    const plan = parsePlan({ rules: [{ name: 'nightly', schedule: { cron: '0 2 * * *' }, deleteAfter: 'P14D' }] });
    expect(plan.rules).toEqual([
      {
        name: 'nightly',
        schedule: { cron: '0 2 * * *', timeZone: 'UTC' },
        scope: 'all',
        deleteAfter: 'P14D',
        allowedRunTime: null,
        beforeChanges: false,
      },
    ]);
  });

  it('changes into another plan and stays as it was', () => {
    const before = recommendedPlan();
    const after = withChanges(before, { prune: { maxShare: 0.1 }, volumeSnapshots: [], drill: { schedule: null } });
    expect(before).toEqual(recommendedPlan());
    expect(after).toEqual({
      ...before,
      prune: { ...before.prune, maxShare: 0.1 },
      volumeSnapshots: [],
      drill: { schedule: null },
    });
  });

  it('keeps earlier changes when it changes again', () => {
    const once = withChanges(recommendedPlan(), { prune: { maxShare: 0.1 } });
    expect(withChanges(once, { prune: { grace: '3d' }, detectionWindow: undefined }).prune).toMatchObject({
      maxShare: 0.1,
      grace: '3d',
    });
  });

  it('throws when a change is wrong', () => {
    expect(() => withChanges(recommendedPlan(), { prune: { grace: 'soon' } })).toThrow(ConfigError);
    expect(() => withChanges(recommendedPlan(), { prun: {} } as PlanInput)).toThrow(
      "'plan.prun' is no key of the configuration; did you mean 'prune'?",
    );
  });

  it('finds its rules by name', () => {
    expect(ruleNamed(recommendedPlan(), 'hourly')?.deleteAfter).toBe('7d');
    expect(ruleNamed(recommendedPlan(), 'yearly')).toBeUndefined();
  });

  it('throws when two rules have one name', () => {
    const rule = { name: 'nightly', schedule: { cron: '0 2 * * *' }, deleteAfter: '14d' };
    expect(() => parsePlan({ rules: [rule, rule] })).toThrow(
      "'plan.rules.1.name' must be unique, but 'nightly' is taken by a rule before it",
    );
    expect(parsePlan({ rules: [rule, { ...rule, name: 'other' }] }).rules).toHaveLength(2);
  });

  it.each([
    [{ storageClass: 'GLACIER_IR', action: 'transition' }, undefined],
    [{ action: 'expire' }, undefined],
    [{ action: 'transition' }, "'plan.storage.lifecycle.0.storageClass' must be set when 'action' is transition"],
    [
      { storageClass: 'GLACIER', action: 'expire' },
      "'plan.storage.lifecycle.0.storageClass' must be null when 'action' is expire",
    ],
  ])('takes a storage class exactly with a transition: %j', (rule, message) => {
    const parse = () => parsePlan({ storage: { lifecycle: [{ objects: 'noncurrent', after: '30d', ...rule }] } });
    if (message === undefined) expect(parse()).toBeDefined();
    else expect(parse).toThrow(message);
  });
});
