import { parseDuration, type Schedule, shortestGap } from '../../contract/index';

const HOUR_SECONDS = 3600;

/** Part of the interval that a run may take: it is over before the next one is due, also in the night that daylight saving shortens. */
const SHARE_OF_INTERVAL = 0.9;

/** The 31st of February never comes, so that lifting the suspension starts nothing either. */
const NEVER: Schedule = { cron: '0 0 31 2 *', timeZone: 'UTC' };

/** What bounds a run. */
export interface RunBounds {
  /** When it runs. */
  readonly schedule: Schedule;
  /**
   * How long a run may take, as a duration; null: as long as the interval permits.
   *
   * @default null
   */
  readonly allowedRunTime?: string | null;
  /**
   * The longest that any run may take, as a duration.
   *
   * @default - none
   */
  readonly limit?: string;
}

/** When runs start and how long they may take. */
export interface Timing {
  /** When they start. */
  readonly schedule: Schedule;
  /** Seconds for which a missed start is made up for. */
  readonly startingDeadlineSeconds: number;
  /** Seconds after which a run is stopped. */
  readonly activeDeadlineSeconds: number;
  /** Whether it waits to be started by hand. */
  readonly byHand: boolean;
}

/**
 * The timing of runs on a schedule. They are stopped after what the rule allows, else nine tenths of the shortest interval. A missed start
 * is made up for within half the interval, an hour at least: a cluster that is down for a night must not cost a monthly recovery point.
 */
export function onSchedule({ schedule, allowedRunTime = null, limit }: RunBounds): Timing {
  const interval = shortestGap(schedule) / 1000;
  const allowed = allowedRunTime === null ? interval * SHARE_OF_INTERVAL : parseDuration(allowedRunTime) / 1000;
  const longest = limit === undefined ? Infinity : parseDuration(limit) / 1000;
  return {
    schedule,
    startingDeadlineSeconds: Math.max(HOUR_SECONDS, Math.floor(interval / 2)),
    activeDeadlineSeconds: Math.floor(Math.min(allowed, longest)),
    byHand: false,
  };
}

/** The timing of runs that people start. */
export function startedByHand(activeDeadlineSeconds: number): Timing {
  return { schedule: NEVER, startingDeadlineSeconds: HOUR_SECONDS, activeDeadlineSeconds, byHand: true };
}
