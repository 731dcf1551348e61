import { formatDuration } from '../../../../lib/contract/values/duration';
import { longestGap, scheduleSchema, shortestGap } from '../../../../lib/contract/values/schedule';

describe('the longest gap of a schedule', () => {
  it.each([
    ['* * * * *', '1m'],
    ['*/10 * * * *', '10m'],
    ['5 * * * *', '1h'],
    ['15 */6 * * *', '6h'],
    ['25 1 * * *', '1d'],
    ['35 2 * * 0', '7d'],
    ['45 3 1 * *', '31d'],
    ['0 5 1 */3 *', '92d'],
    ['0 0 1 1 *', '365d'],
    ['0 0 29 2 *', '1461d'],
    // Uneven within the day, and over the night.
    ['0 8,12 * * *', '20h'],
    ['0 9-17 * * *', '16h'],
    ['*/45 * * * *', '45m'],
    // Over the weekend: Friday 17:00 to Monday 09:00.
    ['0 9-17 * * 1-5', '2d16h'],
    // Every ten minutes, but in January only.
    ['*/10 * * 1 *', '334d10m'],
    // A day of the month or of the week, whichever comes first.
    ['0 0 1 * 0', '7d'],
  ])('of %s is %s', (cron, gap) => {
    expect(formatDuration(longestGap({ cron, timeZone: 'UTC' }))).toBe(gap);
  });

  it('leaves out the hour of daylight saving: daily is daily everywhere', () => {
    expect(formatDuration(longestGap({ cron: '0 2 * * *', timeZone: 'Europe/Berlin' }))).toBe('1d');
  });
});

describe('the shortest gap of a schedule', () => {
  it.each([
    ['*/10 * * * *', '10m'],
    ['7-59/10 * * * *', '10m'],
    ['5 * * * *', '1h'],
    ['45 3 1 * *', '28d'],
    ['0 9,17 * * *', '8h'],
    // Over the night: 22:00 to 02:00.
    ['0 2,22 * * *', '4h'],
    // Over the turn of the hour.
    ['*/45 * * * *', '15m'],
    ['0 9 * * 1-5', '1d'],
  ])('of %s is %s', (cron, gap) => {
    expect(formatDuration(shortestGap({ cron, timeZone: 'UTC' }))).toBe(gap);
  });
});

describe('a schedule', () => {
  it('is in UTC unless told otherwise', () => {
    expect(scheduleSchema.parse({ cron: '0 2 * * *' })).toEqual({ cron: '0 2 * * *', timeZone: 'UTC' });
  });

  it.each([
    ['0 2 * *', "must be five cron fields such as '0 */6 * * *', got '0 2 * *'"],
    ['0 0 2 * * *', 'must be five cron fields'],
    ['@daily', 'must be five cron fields'],
    ['0 0 L * *', 'L'],
    ['61 * * * *', 'Invalid value for minute: 61'],
    ['0 0 30 2 *', "must run some day, but '0 0 30 2 *' never does"],
    // What croner reads and the API server refuses.
    [
      '0 0 * * 7',
      "days of the week from 0 or SUN to 6 or SAT, and ranges that ascend, as Kubernetes knows no others, got '7'",
    ],
    ['0 0 * * 1,5-7', "got '5-7'"],
    ['0 0 * * SAT-SUN', "got 'SAT-SUN'"],
    ['0 0 * * 5L', "got '5L'"],
  ])('throws when the cron expression is %j', (cron, message) => {
    expect(() => scheduleSchema.parse({ cron })).toThrow(message);
  });

  it.each(['*', '0', 'SUN,wed', 'MON-FRI', '1-6/2', '*/2'])('takes the days of the week %s', (days) => {
    expect(scheduleSchema.parse({ cron: `0 2 * * ${days}` }).cron).toBe(`0 2 * * ${days}`);
  });

  it.each(['UTC', 'Europe/Berlin', 'US/Pacific', 'Asia/Kolkata', 'America/Port_of_Spain', 'Etc/GMT+5'])(
    'takes the time zone %s',
    (timeZone) => {
      expect(scheduleSchema.parse({ cron: '0 2 * * *', timeZone }).timeZone).toBe(timeZone);
    },
  );

  it.each([
    ['europe/berlin', "got 'europe/berlin'; did you mean 'Europe/Berlin'?"],
    ['utc', "got 'utc'; did you mean 'UTC'?"],
    ['us/pacific', "must be an IANA time zone such as 'Europe/Berlin' or 'UTC', got 'us/pacific'"],
    ['+01:00', "got '+01:00'"],
  ])('throws when the time zone is spelled %s, of which Kubernetes finds no file', (timeZone, message) => {
    expect(() => scheduleSchema.parse({ cron: '0 2 * * *', timeZone })).toThrow(message);
  });

  it('throws when the time zone is unknown', () => {
    expect(() => scheduleSchema.parse({ cron: '0 2 * * *', timeZone: 'Europe/Bärlin' })).toThrow(
      "must be an IANA time zone such as 'Europe/Berlin' or 'UTC', got 'Europe/Bärlin'",
    );
  });
});
