import { type DailyOptions, type MonthlyOptions, Schedule } from '../../../../lib/kubernetes/plan/schedule';
import { longestGap, recommendedPlan, shortestGap } from '../../../../lib/contract/index';

const cronOf = (schedule: Schedule, minutes = 0) => schedule._resolve(minutes).cron;

describe('a schedule', () => {
  it('by cron fields stays as it is typed', () => {
    const schedule = Schedule.cron('0 5 1 */3 *', { timeZone: 'Europe/Berlin' });
    expect(schedule._resolve(17)).toEqual({ cron: '0 5 1 */3 *', timeZone: 'Europe/Berlin' });
    expect(schedule.cadence).toBeUndefined();
  });

  it.each([
    ['hourly', Schedule.hourly(), '0 * * * *'],
    ['daily', Schedule.daily(), '0 2 * * *'],
    ['weekly', Schedule.weekly(), '0 2 * * 0'],
    ['monthly', Schedule.monthly(), '0 2 1 * *'],
  ])('that is %s has defaults', (cadence, schedule, cron) => {
    expect(schedule._resolve(0)).toEqual({ cron, timeZone: 'UTC' });
    expect(schedule.cadence).toBe(cadence);
  });

  it('takes hour, day and time zone', () => {
    const timeZone = 'Europe/Berlin';
    expect(Schedule.hourly({ timeZone }).timeZone).toBe(timeZone);
    expect(Schedule.daily({ hour: 5, timeZone })).toMatchObject({ cron: '0 5 * * *', timeZone });
    expect(cronOf(Schedule.weekly({ weekDay: 'saturday', hour: 4 }))).toBe('0 4 * * 6');
    expect(cronOf(Schedule.monthly({ day: 15, hour: 3 }))).toBe('0 3 15 * *');
  });

  it('gets a stable minute when none is given, and keeps one that is', () => {
    expect(cronOf(Schedule.daily({ hour: 5 }), 17)).toBe('17 5 * * *');
    expect(cronOf(Schedule.daily({ hour: 5, minute: 0 }), 17)).toBe('0 5 * * *');
    expect(cronOf(Schedule.hourly(), 59)).toBe('59 * * * *');
    expect(cronOf(Schedule.hourly({ minute: 7 }), 59)).toBe('7 * * * *');
  });

  it.each(recommendedPlan().rules)(
    'of the recommended rule $name keeps its intervals wherever it is moved',
    ({ schedule }) => {
      for (let minutes = 0; minutes < 60; minutes++) {
        const moved = Schedule._recommended(schedule)._resolve(minutes);
        expect([longestGap(moved), shortestGap(moved)]).toEqual([longestGap(schedule), shortestGap(schedule)]);
      }
    },
  );

  it('moves all recommended ones alike, so that they stay apart', () => {
    const [wal, hourly] = recommendedPlan().rules.map(({ schedule }) => cronOf(Schedule._recommended(schedule), 17));
    expect([wal, hourly]).toEqual(['7-59/10 * * * *', '22 * * * *']);
  });

  it('throws when it is none that Kubernetes understands', () => {
    expect(() => Schedule.cron('0 5 L * *')).toThrow("'schedule.cron' must be five cron fields");
    expect(() => Schedule.cron('0 5 * * *', { timeZone: 'Berlin' })).toThrow(
      "'schedule.timeZone' must be an IANA time zone",
    );
  });

  it.each([
    ['hour', { hour: 24 }, "'hour' must be a whole number from 0 to 23, got 24"],
    ['minute', { minute: 60 }, "'minute' must be a whole number from 0 to 59, got 60"],
    ['part of an hour', { hour: 1.5 }, "'hour' must be a whole number from 0 to 23, got 1.5"],
    ['day', { day: 31 }, "'day' must be a whole number from 1 to 28, got 31"],
  ] as [string, DailyOptions & MonthlyOptions, string][])('throws when a %s does not exist', (_, options, message) => {
    expect(() => Schedule.monthly(options)).toThrow(message);
  });
});
