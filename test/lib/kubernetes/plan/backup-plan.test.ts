import { Duration } from 'cdk8s';
import { type Plan, recommendedPlan } from '../../../../lib/contract/index';
import { Encryption } from '../../../../lib/kubernetes/encryption';
import { BackupPlan } from '../../../../lib/kubernetes/plan/backup-plan';
import { BackupRule } from '../../../../lib/kubernetes/plan/backup-rule';
import { Schedule } from '../../../../lib/kubernetes/plan/schedule';

const resolve = (plan: BackupPlan, minutes = 0): Plan => plan._resolve(minutes, plan.rules, []);

/** A year is 365 days in both, though they spell it differently. */
const recommended = (): Plan => {
  const plan = recommendedPlan();
  const rules = plan.rules.map((rule) => ({ ...rule, deleteAfter: rule.deleteAfter.replace('1y', '365d') }));
  return { ...plan, rules, volumeSnapshots: [] };
};

describe('the recommended plan', () => {
  it('is that of the contract, with volume snapshots only when they are asked for', () => {
    expect(resolve(BackupPlan.recommended())).toEqual(recommended());
  });

  it('has all its schedules moved by the same minutes', () => {
    const { rules, verification, prune, drill } = resolve(BackupPlan.recommended(), 7);
    expect(rules.map(({ schedule }) => schedule.cron)).toEqual([
      '7-59/10 * * * *',
      '12 * * * *',
      '22 */6 * * *',
      '32 1 * * *',
      '42 2 * * 0',
      '52 3 1 * *',
    ]);
    expect([verification.fullSchedule?.cron, prune.schedule.cron, drill.schedule?.cron]).toEqual([
      '7 4 * * 6',
      '7 6 * * *',
      '7 5 15 * *',
    ]);
  });

  it('encrypts no Secrets', () => {
    expect(BackupPlan.recommended().secretsEncryption).toBeUndefined();
  });
});

describe('a plan from plain data', () => {
  it('moves the schedules that are recommended and leaves the others as they are typed', () => {
    const [wal, ...rest] = recommendedPlan().rules;
    const rules = [...rest, { ...wal, name: 'wal', deleteAfter: '7d', schedule: { cron: '*/5 * * * *' } }];
    const plan = resolve(BackupPlan.fromData({ rules, prune: { schedule: { cron: '0 7 * * *' } } }), 7);
    expect(plan.rules.at(0)?.schedule.cron).toBe('12 * * * *');
    expect(plan.rules.at(-1)?.schedule.cron).toBe('*/5 * * * *');
    expect(plan.prune.schedule.cron).toBe('0 7 * * *');
  });

  it('takes a schedule of the same fields in another time zone as typed', () => {
    const schedule = { cron: '0 6 * * *', timeZone: 'Europe/Berlin' };
    expect(resolve(BackupPlan.fromData({ prune: { schedule } }), 7).prune.schedule).toEqual(schedule);
  });

  it('keeps run times, and the absence of a schedule', () => {
    const rules = [{ name: 'all', schedule: { cron: '0 * * * *' }, deleteAfter: '8d', allowedRunTime: '30m' }];
    const plan = resolve(
      BackupPlan.fromData({ rules, verification: { fullSchedule: null }, drill: { schedule: null } }),
    );
    expect(plan.rules[0]).toMatchObject({ allowedRunTime: '30m', deleteAfter: '8d', scope: 'all' });
    expect([plan.verification.fullSchedule, plan.drill.schedule]).toEqual([null, null]);
  });

  it('throws when a key is unknown', () => {
    const data = { prun: {} } as object;
    expect(() => BackupPlan.fromData(data)).toThrow(
      "'plan.prun' is no key of the configuration; did you mean 'prune'?",
    );
  });
});

describe('a plan with changes', () => {
  const rule = new BackupRule({ name: 'mine', schedule: Schedule.hourly(), deleteAfter: Duration.days(8) });

  it('has all of them', () => {
    const changed = BackupPlan.recommended().with({
      rules: [rule],
      verification: { afterBackup: 'full', fullSchedule: Schedule.daily({ hour: 3, minute: 0 }) },
      prune: { schedule: Schedule.cron('0 8 * * *'), grace: Duration.days(2), maxShare: 0.25 },
      objectives: { localData: { recoveryPoint: Duration.hours(2), recoveryTime: null } },
      detectionWindow: Duration.days(21),
      secretsEncryption: Encryption.passphrase('secret'),
    });
    expect(resolve(changed)).toMatchObject({
      rules: [{ name: 'mine' }],
      verification: { afterBackup: 'full', fullSchedule: { cron: '0 3 * * *' } },
      prune: { schedule: { cron: '0 8 * * *' }, grace: '2d', maxShare: 0.25 },
      objectives: { localData: { recoveryPoint: '2h', recoveryTime: null }, wal: { recoveryPoint: '10m' } },
      detectionWindow: '21d',
    });
    expect(changed.secretsEncryption).toBeInstanceOf(Encryption);
  });

  it('keeps what is not changed', () => {
    expect(resolve(BackupPlan.recommended().with({}))).toEqual(recommended());
    const twice = BackupPlan.recommended()
      .with({ secretsEncryption: Encryption.passphrase('secret'), prune: { grace: Duration.days(2) } })
      .with({ rules: [rule] });
    expect(twice.secretsEncryption).toBeInstanceOf(Encryption);
    expect(resolve(twice).prune).toMatchObject({ grace: '2d', maxShare: 0.5 });
  });

  it('is another one: the first stays as it is', () => {
    const first = BackupPlan.recommended();
    first.with({ rules: [], prune: { grace: Duration.days(9) } });
    expect(resolve(first)).toEqual(recommended());
  });

  it('throws when a value is unusable', () => {
    expect(() => BackupPlan.recommended().with({ prune: { maxShare: 2 } })).toThrow(
      "'plan.prune.maxShare' must be at most 1, got 2",
    );
  });
});
