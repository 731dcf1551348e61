import { type Duration } from 'cdk8s';
import { formatDuration, parseConfig, type Rule, ruleSchema, type Scope } from '../../contract/index';
import { atLeastASecond } from '../private/checks/at-least-a-second';
import { type Schedule } from './schedule';

/** What a rule says. */
export interface BackupRuleProps {
  /** Name of the rule, up to 40 lower-case letters, digits and dashes: recovery points and the CronJob carry it. */
  readonly name: string;

  /** When it runs. */
  readonly schedule: Schedule;

  /** How long its recovery points are kept; longer than the interval, else it would keep nothing. Only `prune` removes them. */
  readonly deleteAfter: Duration;

  /**
   * What its recovery points hold. Each is a complete cut of blocks and WAL: `all` and `config` also take the configuration, `all` and
   * `data` have Tempo flushed first.
   *
   * @default 'all'
   */
  readonly scope?: Scope;

  /**
   * How long a run may take before it is stopped; shorter than the interval. It counts towards the recovery point objective.
   *
   * @default - until the next run is due, and not counted
   */
  readonly allowedRunTime?: Duration;

  /**
   * Whether it is also the rule of change gates, so that no state of the configuration is missed.
   *
   * @default false
   */
  readonly beforeChanges?: boolean;
}

/**
 * When recovery points are made, what they hold and how long they are kept. A value: `TempoBackup.addRule()` and `BackupPlan.with()`
 * take it.
 *
 * @example new BackupRule({ name: 'quarterly', schedule: Schedule.cron('0 5 1 *\/3 *'), deleteAfter: Duration.days(730) })
 */
export class BackupRule {
  /** Name of the rule. */
  readonly name: string;

  /** When it runs. */
  readonly schedule: Schedule;

  private readonly rule: Rule;

  /** Throws when the name or a duration is unusable. */
  constructor(props: BackupRuleProps) {
    this.rule = ruleOf(props);
    this.name = props.name;
    this.schedule = props.schedule;
  }

  /**
   * As it stands in the plan.
   *
   * @internal
   */
  _resolve(minutes: number): Rule {
    return { ...this.rule, schedule: this.schedule._resolve(minutes) };
  }
}

function ruleOf({ name, schedule, deleteAfter, scope, allowedRunTime, beforeChanges }: BackupRuleProps): Rule {
  if (allowedRunTime !== undefined) atLeastASecond('allowedRunTime', allowedRunTime);
  const rule = {
    name,
    schedule: schedule._resolve(0),
    scope,
    deleteAfter: formatDuration(deleteAfter.toMilliseconds()),
    allowedRunTime: allowedRunTime && formatDuration(allowedRunTime.toMilliseconds()),
    beforeChanges,
  };
  return parseConfig(ruleSchema, rule, ['rules', name]);
}
