import { Duration } from 'cdk8s';
import { formatDuration, parseConfig, type VolumeSnapshotRule, volumeSnapshotRuleSchema } from '../../contract/index';
import { type IVolumeSnapshotClass } from '../volume-snapshot-class';
import { atLeastASecond } from '../private/checks/at-least-a-second';
import { Schedule } from './schedule';

/** When volume snapshots are made, how, and for how long they are kept. */
export interface VolumeSnapshotOptions {
  /**
   * Class of the volume snapshots; the same in each call.
   *
   * @default - the default class of the volume's driver
   */
  readonly volumeSnapshotClass?: IVolumeSnapshotClass;

  /**
   * Name of the rule: volume snapshots and the CronJob carry it. Anything but `prune`, which is the name of the CronJob that prunes.
   *
   * @default - `daily` and the like, as the schedule says; must be given with `Schedule.cron()`
   */
  readonly name?: string;

  /**
   * When a volume snapshot is made.
   *
   * @default Schedule.daily({ hour: 2 })
   */
  readonly schedule?: Schedule;

  /**
   * How long it is kept.
   *
   * @default Duration.days(14)
   */
  readonly deleteAfter?: Duration;

  /**
   * How long it may take until it is ready; shorter than the interval.
   *
   * @default - until the next one is due
   */
  readonly allowedRunTime?: Duration;
}

/**
 * As it stands in the plan, with its schedule moved by some minutes. Throws when it has no name.
 *
 * @internal
 */
export function _volumeSnapshotRule(options: VolumeSnapshotOptions, minutes: number): VolumeSnapshotRule {
  const { schedule = Schedule.daily({ hour: 2 }), deleteAfter = Duration.days(14), allowedRunTime } = options;
  if (allowedRunTime !== undefined) atLeastASecond('allowedRunTime', allowedRunTime);
  const name = options.name ?? schedule.cadence;
  if (name === undefined)
    throw new Error(
      `'name' must be given with the schedule '${schedule.cron}'; call it what it is, such as 'quarterly'`,
    );
  if (name === 'prune')
    throw new Error("'name' must not be 'prune': the CronJob that prunes volume snapshots is called so");
  const rule = {
    name,
    schedule: schedule._resolve(minutes),
    deleteAfter: formatDuration(deleteAfter.toMilliseconds()),
    allowedRunTime: allowedRunTime && formatDuration(allowedRunTime.toMilliseconds()),
  };
  return parseConfig(volumeSnapshotRuleSchema, rule, ['volumeSnapshots', name]);
}
