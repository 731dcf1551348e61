import { Duration } from 'cdk8s';
import {
  formatDuration,
  parseDuration,
  parsePlan,
  type Plan,
  type PlanInput,
  recommendedPlan,
  type Rule,
  ruleNamed,
  type Schedule as PlanSchedule,
  type VolumeSnapshotRule,
  withChanges,
} from '../../contract/index';
import { type Encryption } from '../encryption';
import { BackupRule } from './backup-rule';
import { Schedule } from './schedule';

/** How much may be lost of a kind of data, and how long its recovery may take. */
export interface ObjectiveOptions {
  /**
   * How much of the newest data may be lost; null: not promised.
   *
   * @default - as in the plan before
   */
  readonly recoveryPoint?: Duration | null;

  /**
   * How long recovery may take; null: not promised.
   *
   * @default - as in the plan before
   */
  readonly recoveryTime?: Duration | null;
}

/** A kind of data that recovery is promised of. */
export type ObjectiveName = keyof Plan['objectives'];

/** When recovery points are proven. */
export interface VerificationOptions {
  /**
   * Level at which each recovery point is verified right after it was made; null: not at all.
   *
   * @default - as in the plan before
   */
  readonly afterBackup?: 'quick' | 'full' | 'content' | null;

  /**
   * When every byte is verified. At least as often as the shortest retention, else points would expire unproven.
   *
   * @default - as in the plan before
   */
  readonly fullSchedule?: Schedule;
}

/** How recovery points past their retention are removed. */
export interface PruneOptions {
  /**
   * When it runs.
   *
   * @default - as in the plan before
   */
  readonly schedule?: Schedule;

  /**
   * How long a condemned object still waits, and the longest that a backup may run.
   *
   * @default - as in the plan before
   */
  readonly grace?: Duration;

  /**
   * Share of the repository, above 0 and up to 1, above which one run refuses to delete.
   *
   * @default - as in the plan before
   */
  readonly maxShare?: number;
}

/** What is different in a plan. */
export interface BackupPlanChanges {
  /**
   * All rules, in place of those before; to add one, use `TempoBackup.addRule()`.
   *
   * @default - as in the plan before
   */
  readonly rules?: readonly BackupRule[];

  /**
   * When recovery points are proven.
   *
   * @default - as in the plan before
   */
  readonly verification?: VerificationOptions;

  /**
   * How recovery points past their retention are removed.
   *
   * @default - as in the plan before
   */
  readonly prune?: PruneOptions;

  /**
   * What recovery is promised, by kind of data.
   *
   * @default - as in the plan before
   */
  readonly objectives?: Readonly<Partial<Record<ObjectiveName, ObjectiveOptions>>>;

  /**
   * How long a loss in the repository's bucket may go unnoticed.
   *
   * @default - as in the plan before
   */
  readonly detectionWindow?: Duration;

  /**
   * How Secrets are encrypted. Needed as soon as Tempo has Secrets.
   *
   * @default - as in the plan before
   */
  readonly secretsEncryption?: Encryption;
}

interface State {
  readonly rules: readonly BackupRule[];
  readonly fullSchedule: Schedule | null;
  readonly pruneSchedule: Schedule;
  readonly drillSchedule: Schedule | null;
  /** What has no schedule. */
  readonly rest: Plan;
  readonly secretsEncryption?: Encryption | undefined;
}

/**
 * What is backed up when, for how long it is kept, and what recovery is promised. A value: `with()` gives another one.
 *
 * The recommended plan: WAL every 10 minutes, kept 7 days; data hourly, 7 days; everything every 6 hours, 30 days; configuration daily
 * and before every change, 90 days; everything weekly, 90 days, and monthly, a year. Every byte is verified weekly.
 *
 * @example BackupPlan.recommended().with({ prune: { grace: Duration.days(2) } })
 */
export class BackupPlan {
  /** The plan of those who have no other wishes. */
  static recommended(): BackupPlan {
    return BackupPlan.fromData({});
  }

  /**
   * From the plain data that the runner's configuration and the AWS components share, whole or partial: what is left out is as
   * recommended. Throws a `ConfigError` that names every key that is wrong.
   *
   * Volume snapshots are made only by `TempoBackup.addVolumeSnapshots()`; synth fails when the data has a rule for them of your own that
   * isn't added so.
   *
   * Schedules stay as they are typed, but those that are exactly the recommended ones: they get a stable minute, like all of that plan.
   *
   * @example BackupPlan.fromData({ prune: { grace: '2d' } })
   */
  static fromData(data: PlanInput): BackupPlan {
    const plan = parsePlan(data);
    const usual = recommendedPlan();
    return new BackupPlan({
      rules: plan.rules.map((rule) => ruleFrom(rule, ruleNamed(usual, rule.name))),
      fullSchedule: nullable(plan.verification.fullSchedule, usual.verification.fullSchedule),
      pruneSchedule: scheduleFrom(plan.prune.schedule, usual.prune.schedule),
      drillSchedule: nullable(plan.drill.schedule, usual.drill.schedule),
      rest: plan,
    });
  }

  /** How Secrets are encrypted; undefined: not at all, so none may be backed up. */
  readonly secretsEncryption?: Encryption | undefined;

  private constructor(private readonly state: State) {
    this.secretsEncryption = state.secretsEncryption;
  }

  /** Its rules. */
  get rules(): readonly BackupRule[] {
    return [...this.state.rules];
  }

  /** Another plan: this one with some changes. Throws a `ConfigError` when a value is unusable. */
  with(changes: BackupPlanChanges): BackupPlan {
    return new BackupPlan({
      rules: changes.rules ?? this.state.rules,
      fullSchedule: changes.verification?.fullSchedule ?? this.state.fullSchedule,
      pruneSchedule: changes.prune?.schedule ?? this.state.pruneSchedule,
      drillSchedule: this.state.drillSchedule,
      rest: withChanges(this.state.rest, dataOf(changes)),
      secretsEncryption: changes.secretsEncryption ?? this.secretsEncryption,
    });
  }

  /**
   * Volume snapshots that the plain data asks for and no recommended plan has: they must be added by `TempoBackup.addVolumeSnapshots()`.
   *
   * @internal
   */
  get _askedVolumeSnapshots(): readonly VolumeSnapshotRule[] {
    const usual = recommendedPlan().volumeSnapshots.map((rule) => JSON.stringify(rule));
    return this.state.rest.volumeSnapshots.filter((rule) => !usual.includes(JSON.stringify(rule)));
  }

  /**
   * The plain data that the runner reads, with schedules moved by some minutes.
   *
   * @internal
   */
  _resolve(minutes: number, rules: readonly BackupRule[], volumeSnapshots: readonly VolumeSnapshotRule[]): Plan {
    const { rest, fullSchedule, pruneSchedule, drillSchedule } = this.state;
    return {
      ...rest,
      rules: rules.map((rule) => rule._resolve(minutes)),
      volumeSnapshots: [...volumeSnapshots],
      verification: { ...rest.verification, fullSchedule: fullSchedule?._resolve(minutes) ?? null },
      prune: { ...rest.prune, schedule: pruneSchedule._resolve(minutes) },
      drill: { ...rest.drill, schedule: drillSchedule?._resolve(minutes) ?? null },
    };
  }
}

function ruleFrom(rule: Rule, usual: Rule | undefined): BackupRule {
  return new BackupRule({
    ...rule,
    schedule: scheduleFrom(rule.schedule, usual?.schedule),
    deleteAfter: Duration.millis(parseDuration(rule.deleteAfter)),
    allowedRunTime: rule.allowedRunTime === null ? undefined : Duration.millis(parseDuration(rule.allowedRunTime)),
  });
}

function nullable(schedule: PlanSchedule | null, usual: PlanSchedule | null): Schedule | null {
  return schedule === null ? null : scheduleFrom(schedule, usual ?? undefined);
}

function scheduleFrom(schedule: PlanSchedule, usual: PlanSchedule | undefined): Schedule {
  const recommended = schedule.cron === usual?.cron && schedule.timeZone === usual.timeZone;
  return recommended ? Schedule._recommended(schedule) : Schedule.cron(schedule.cron, schedule);
}

function dataOf({ verification, prune, objectives, detectionWindow }: BackupPlanChanges): PlanInput {
  return {
    verification: { afterBackup: verification?.afterBackup },
    prune: { grace: textOf(prune?.grace), maxShare: prune?.maxShare },
    objectives: Object.fromEntries(
      Object.entries(objectives ?? {}).map(([name, { recoveryPoint, recoveryTime }]) => [
        name,
        { recoveryPoint: textOf(recoveryPoint), recoveryTime: textOf(recoveryTime) },
      ]),
    ),
    detectionWindow: textOf(detectionWindow),
  };
}

function textOf<Absent extends null | undefined>(duration: Duration | Absent): string | Absent {
  return duration instanceof Duration ? formatDuration(duration.toMilliseconds()) : duration;
}
