import { Duration } from 'cdk8s';
import { BackupRule } from '../../../../lib/kubernetes/plan/backup-rule';
import { Schedule } from '../../../../lib/kubernetes/plan/schedule';

const schedule = Schedule.cron('0 5 * * *');

describe('a backup rule', () => {
  it('takes everything, without a limit, when nothing is said', () => {
    const rule = new BackupRule({ name: 'mine', schedule, deleteAfter: Duration.days(30) });
    expect(rule._resolve(0)).toEqual({
      name: 'mine',
      schedule: { cron: '0 5 * * *', timeZone: 'UTC' },
      scope: 'all',
      deleteAfter: '30d',
      allowedRunTime: null,
      beforeChanges: false,
    });
  });

  it('takes every prop', () => {
    const rule = new BackupRule({
      name: 'mine',
      schedule: Schedule.hourly(),
      deleteAfter: Duration.hours(36),
      scope: 'wal',
      allowedRunTime: Duration.minutes(5),
      beforeChanges: true,
    });
    expect(rule._resolve(12)).toEqual({
      name: 'mine',
      schedule: { cron: '12 * * * *', timeZone: 'UTC' },
      scope: 'wal',
      deleteAfter: '1d12h',
      allowedRunTime: '5m',
      beforeChanges: true,
    });
  });

  it('throws when its name is unusable', () => {
    expect(() => new BackupRule({ name: 'My Rule', schedule, deleteAfter: Duration.days(1) })).toThrow(
      "'rules.My Rule.name' must be up to 40 lower-case letters, digits and dashes",
    );
  });
});
