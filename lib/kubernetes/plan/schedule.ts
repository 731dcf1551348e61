import { parseConfig, type Schedule as PlanSchedule, scheduleSchema } from '../../contract/index';

/** Where the fields of a schedule are read. */
export interface ScheduleOptions {
  /**
   * IANA time zone in which the fields are read, such as `Europe/Berlin`.
   *
   * @default 'UTC'
   */
  readonly timeZone?: string;
}

/** When in the hour something runs. */
export interface HourlyOptions extends ScheduleOptions {
  /**
   * Minute of the hour, from 0 to 59.
   *
   * @default - a minute derived from namespace and Tempo, so that not everything in a cluster starts at once
   */
  readonly minute?: number;
}

/** When in the day something runs. */
export interface DailyOptions extends HourlyOptions {
  /**
   * Hour of the day, from 0 to 23.
   *
   * @default 2
   */
  readonly hour?: number;
}

const WEEK_DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** A day of the week. */
export type WeekDay = (typeof WEEK_DAYS)[number];

/** When in the week something runs. */
export interface WeeklyOptions extends DailyOptions {
  /**
   * Day of the week.
   *
   * @default 'sunday'
   */
  readonly weekDay?: WeekDay;
}

/** When in the month something runs. */
export interface MonthlyOptions extends DailyOptions {
  /**
   * Day of the month, from 1 to 28: not every month has more.
   *
   * @default 1
   */
  readonly day?: number;
}

/** How often something runs. */
export type Cadence = 'hourly' | 'daily' | 'weekly' | 'monthly';

/**
 * When something runs: a cron expression with a time zone.
 *
 * What you type stays as it is. A schedule without a minute, and those of the recommended plan, get a stable one: all of them are moved
 * by the same number of minutes, derived from the namespace and the name of the Tempo.
 *
 * @example Schedule.daily({ hour: 2, timeZone: 'Europe/Berlin' })
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
 */
export class Schedule {
  /**
   * By five cron fields, exactly as typed. Throws when they are no schedule that Kubernetes understands.
   *
   * @example Schedule.cron('0 5 1 *\/3 *', { timeZone: 'Europe/Berlin' })
   */
  static cron(expression: string, options: ScheduleOptions = {}): Schedule {
    return new Schedule(parsed(expression, options.timeZone), false);
  }

  /** Once an hour. */
  static hourly(options: HourlyOptions = {}): Schedule {
    return Schedule.every('hourly', options, '* * * *');
  }

  /** Once a day. */
  static daily(options: DailyOptions = {}): Schedule {
    return Schedule.every('daily', options, `${hourOf(options)} * * *`);
  }

  /** Once a week. */
  static weekly(options: WeeklyOptions = {}): Schedule {
    const { weekDay = 'sunday' } = options;
    return Schedule.every('weekly', options, `${hourOf(options)} * * ${WEEK_DAYS.indexOf(weekDay)}`);
  }

  /** Once a month. */
  static monthly(options: MonthlyOptions = {}): Schedule {
    const day = inRange('day', options.day ?? 1, [1, 28]);
    return Schedule.every('monthly', options, `${hourOf(options)} ${day} * *`);
  }

  /**
   * One of the recommended plan, which moves with the others of it.
   *
   * @internal
   */
  static _recommended(schedule: PlanSchedule): Schedule {
    return new Schedule(schedule, true);
  }

  private static every(cadence: Cadence, options: HourlyOptions, rest: string): Schedule {
    const minute = inRange('minute', options.minute ?? 0, [0, 59]);
    return new Schedule(parsed(`${minute} ${rest}`, options.timeZone), options.minute === undefined, cadence);
  }

  /** Five cron fields, before a minute is derived. */
  readonly cron: string;

  /** IANA time zone in which they are read. */
  readonly timeZone: string;

  private constructor(
    schedule: PlanSchedule,
    private readonly moves: boolean,
    /** How often it runs, of those that say so: undefined for a cron expression. */
    readonly cadence?: Cadence,
  ) {
    this.cron = schedule.cron;
    this.timeZone = schedule.timeZone;
  }

  /**
   * As it stands in the plan, moved by some minutes unless it was typed.
   *
   * @internal
   */
  _resolve(minutes: number): PlanSchedule {
    return { cron: this.moves ? moved(this.cron, minutes) : this.cron, timeZone: this.timeZone };
  }
}

function parsed(cron: string, timeZone: string | undefined): PlanSchedule {
  return parseConfig(scheduleSchema, { cron, timeZone }, ['schedule']);
}

function hourOf({ hour = 2 }: DailyOptions): number {
  return inRange('hour', hour, [0, 23]);
}

function inRange(name: string, value: number, [least, most]: readonly [number, number]): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`'${name}' must be a whole number from ${least} to ${most}, got ${value}`);
}

/** The same schedule, later within the hour, and from its end on at its beginning: intervals stay as they are. */
function moved(cron: string, minutes: number): string {
  const [minute = '', ...rest] = cron.split(' ');
  return [laterMinute(minute, minutes), ...rest].join(' ');
}

function laterMinute(minute: string, minutes: number): string {
  const step = Number(/^\*\/(\d+)$/.exec(minute)?.[1]);
  if (Number.isNaN(step)) return `${(Number(minute) + minutes) % 60}`;
  return minutes % step === 0 ? minute : `${minutes % step}-59/${step}`;
}
