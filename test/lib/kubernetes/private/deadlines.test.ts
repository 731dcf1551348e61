import { onSchedule, startedByHand } from '../../../../lib/kubernetes/private/deadlines';

const cron = (fields: string) => ({ cron: fields, timeZone: 'UTC' });

describe('the timing of runs on a schedule', () => {
  it.each([
    ['*/10 * * * *', 540, 3600],
    ['5 * * * *', 3240, 3600],
    ['15 */6 * * *', 19_440, 10_800],
    ['25 1 * * *', 77_760, 43_200],
    ['35 2 * * 0', 544_320, 302_400],
    // By the shorter of two intervals.
    ['0 9,17 * * *', 25_920, 14_400],
  ])('of %s stops a run after %i s and makes up for it within %i s', (fields, active, starting) => {
    const timing = onSchedule({ schedule: cron(fields) });
    expect(timing).toMatchObject({ activeDeadlineSeconds: active, startingDeadlineSeconds: starting, byHand: false });
  });

  it('stops a run after what the rule allows, and after the limit at the latest', () => {
    const schedule = cron('35 2 * * 0');
    expect(onSchedule({ schedule, allowedRunTime: '2h' }).activeDeadlineSeconds).toBe(7200);
    expect(onSchedule({ schedule, limit: '1d' }).activeDeadlineSeconds).toBe(86_400);
    expect(onSchedule({ schedule, allowedRunTime: '2h', limit: '1d' }).activeDeadlineSeconds).toBe(7200);
    expect(onSchedule({ schedule: cron('5 * * * *'), limit: '1d' }).activeDeadlineSeconds).toBe(3240);
  });

  it('makes up for a start for less than the interval, so that no two come at once', () => {
    for (const fields of ['15 */6 * * *', '25 1 * * *', '45 3 1 * *']) {
      const { startingDeadlineSeconds, activeDeadlineSeconds } = onSchedule({ schedule: cron(fields) });
      expect(startingDeadlineSeconds).toBeLessThan(activeDeadlineSeconds);
    }
  });
});

describe('the timing of runs that people start', () => {
  it('has a date that never comes', () => {
    expect(startedByHand(60)).toEqual({
      schedule: cron('0 0 31 2 *'),
      startingDeadlineSeconds: 3600,
      activeDeadlineSeconds: 60,
      byHand: true,
    });
  });
});
