import { Cron, CronPattern } from 'croner';
import { z } from 'zod';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
// What Kubernetes' CronJob understands too; seconds, `L`, `W`, `#` and `?` are croner's own.
const KUBERNETES_CRON = /^([0-9*,/-]+ ){3}[0-9A-Za-z*,/-]+ [0-9A-Za-z*,/-]+$/;
const WEEK_DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WEEK_DAY_RANGE = /^(?:\*|([0-6]|[a-z]{3})(?:-([0-6]|[a-z]{3}))?)(?:\/\d+)?$/i;

export const scheduleSchema = z.strictObject({
  cron: z.string().superRefine(checkCron).describe("Five cron fields, such as '0 */6 * * *'."),
  timeZone: z
    .string()
    .superRefine(checkTimeZone)
    .default('UTC')
    .describe("IANA time zone in which the fields are read, such as 'Europe/Berlin'."),
});

/** When something runs: a cron expression with a time zone. */
export type Schedule = z.output<typeof scheduleSchema>;

/**
 * The longest time between two consecutive runs, in milliseconds, over a year and whatever it takes to see two runs.
 *
 * Days count as 24 hours: the hour that daylight saving adds once a year would make every daily rule miss a daily objective.
 *
 * @example longestGap({ cron: '0 3 1 * *', timeZone: 'UTC' }) // 31 days
 */
export function longestGap(schedule: Schedule): number {
  const { withinDay, acrossDays } = gapsOf(schedule);
  return Math.max(...withinDay, ...acrossDays);
}

/**
 * The shortest time between two consecutive runs, in milliseconds, counted as `longestGap` does: how long a run may take at most.
 *
 * @example shortestGap({ cron: '0 9,17 * * *', timeZone: 'UTC' }) // 8 hours
 */
export function shortestGap(schedule: Schedule): number {
  const { withinDay, acrossDays } = gapsOf(schedule);
  return Math.min(...withinDay, ...acrossDays);
}

function gapsOf({ cron }: Schedule): { withinDay: number[]; acrossDays: number[] } {
  const times = minutesOfDay(new CronPattern(cron, undefined, { mode: '5-part' }));
  const span = (times.at(-1) ?? 0) - (times.at(0) ?? 0);
  return {
    withinDay: times.slice(1).map((time, index) => (time - (times[index] ?? 0)) * MINUTE),
    acrossDays: gapsOfDays(cron).map((gap) => gap - span * MINUTE),
  };
}

/** Minutes after midnight at which a day's runs start, ascending. */
function minutesOfDay(pattern: CronPattern): number[] {
  const minutes = indexesOf(pattern.minute);
  return indexesOf(pattern.hour).flatMap((hour) => minutes.map((minute) => hour * 60 + minute));
}

function indexesOf(flags: readonly number[]): number[] {
  return flags.flatMap((flag, index) => (flag > 0 ? [index] : []));
}

function gapsOfDays(cron: string): number[] {
  const days = cron.split(' ').slice(2).join(' ');
  if (days === '* * *') return [DAY];
  const job = new Cron(`0 0 ${days}`, { mode: '5-part', timezone: 'UTC' });
  // Any fixed year will do; from this one on, the next 29 February is found as well.
  let previous = job.nextRun(new Date('2025-12-31T23:59:59Z'));
  const end = (previous?.getTime() ?? 0) + 366 * DAY;
  const gaps: number[] = [];
  while (previous !== null && previous.getTime() < end) {
    const next = job.nextRun(previous);
    gaps.push((next?.getTime() ?? Infinity) - previous.getTime());
    previous = next;
  }
  return gaps;
}

function checkCron(cron: string, context: z.RefinementCtx): void {
  const message = cronProblem(cron);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
}

function cronProblem(cron: string): string | undefined {
  if (!KUBERNETES_CRON.test(cron)) return `must be five cron fields such as '0 */6 * * *', got '${cron}'`;
  try {
    const job = new Cron(cron, { mode: '5-part', timezone: 'UTC' });
    if (job.nextRun(new Date('2026-01-01T00:00:00Z')) === null) return `must run some day, but '${cron}' never does`;
    return weekDayProblem(cron.split(' ')[4] ?? '');
  } catch (error) {
    return `must be five cron fields such as '0 */6 * * *', got '${cron}': ${(error as Error).message}`;
  }
}

/** Where croner is more generous than the API server, which would refuse the CronJob: 7 for Sunday, `5L`, ranges across the week's end. */
function weekDayProblem(weekDays: string): string | undefined {
  const wrong = weekDays.split(',').find((part) => !isWeekDayRange(part));
  if (wrong === undefined) return undefined;
  return `must have days of the week from 0 or SUN to 6 or SAT, and ranges that ascend, as Kubernetes knows no others, got '${wrong}'`;
}

function isWeekDayRange(part: string): boolean {
  const match = WEEK_DAY_RANGE.exec(part);
  const [, from = '*', to = from] = match ?? [];
  if (match === null || from === '*') return match !== null;
  return weekDayOf(from) >= 0 && weekDayOf(from) <= weekDayOf(to);
}

function weekDayOf(text: string): number {
  return /^[0-6]$/.test(text) ? Number(text) : WEEK_DAYS.indexOf(text.toLowerCase());
}

function checkTimeZone(timeZone: string, context: z.RefinementCtx): void {
  const found = timeZoneNamed(timeZone);
  if (found !== undefined && isSpelled(timeZone, found)) return;
  // Kubernetes looks for a file of that name, where capitals count.
  const hint =
    found !== undefined && found.toLowerCase() === timeZone.toLowerCase() ? `; did you mean '${found}'?` : '';
  context.addIssue({
    code: 'custom',
    message: `must be an IANA time zone such as 'Europe/Berlin' or 'UTC', got '${timeZone}'${hint}`,
  });
}

/** Its canonical name, which is another one for a link such as `US/Pacific`; undefined: there is none. */
function timeZoneNamed(timeZone: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function isSpelled(timeZone: string, canonical: string): boolean {
  if (timeZone.toLowerCase() === canonical.toLowerCase()) return timeZone === canonical;
  // A link: nobody tells how it is spelled, but each of its parts begins with a capital.
  return timeZone.split('/').every((part) => /^[A-Z]/.test(part));
}
