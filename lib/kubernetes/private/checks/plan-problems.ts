import {
  assertValidPlan,
  parseDuration,
  type Plan,
  type Rule,
  shortestGap,
  formatDuration,
  type VolumeSnapshotRule,
} from '../../../contract/index';
import { type BackupPlan } from '../../plan/backup-plan';
import { type Tempo } from '../../tempo/tempo';
import { problemsOf } from '../configuration';

/** What contradicts itself in a plan, or doesn't fit the Tempo that it is for: both values, and the fix. */
export function planProblems(plan: Plan, tempo: Tempo, given: BackupPlan): string[] {
  const { secretsEncryption } = given;
  const secrets = secretsEncryption === undefined ? tempo.secrets : [];
  return [
    ...(plan.rules.length > 0 ? [] : ["the plan has no rule, so nothing is ever backed up; call 'addRule()'"]),
    ...problemsOf(() => assertValidPlan(plan, { storage: tempo.storage.backend, walVolume: tempo.storage.holdsWal })),
    ...plan.rules.flatMap((rule) => runTimeProblems(rule, 'rules')),
    ...plan.rules.flatMap((rule) => graceProblems(rule, plan.prune)),
    ...plan.volumeSnapshots.flatMap((rule) => runTimeProblems(rule, 'volumeSnapshots')),
    ...missingVolumeSnapshots(plan, given),
    ...secrets.map(
      (secret) =>
        `'tempo.secrets' names '${secret}', but the plan has no 'secretsEncryption': Secrets are never stored in clear; ` +
        "pass 'plan: BackupPlan.recommended().with({ secretsEncryption: Encryption.openPgp({ recipients }) })' or leave it out",
    ),
  ];
}

/** A plan that is shared with others has them as data, but here they need a class, which is a construct. */
function missingVolumeSnapshots({ volumeSnapshots }: Plan, { _askedVolumeSnapshots: asked }: BackupPlan): string[] {
  const same = (one: VolumeSnapshotRule, other: VolumeSnapshotRule): boolean =>
    one.name === other.name && parseDuration(one.deleteAfter) === parseDuration(other.deleteAfter);
  return asked
    .filter((rule) => !volumeSnapshots.some((made) => same(rule, made)))
    .map(
      ({ name, deleteAfter, schedule }) =>
        `'plan.volumeSnapshots.${name}' asks for volume snapshots at '${schedule.cron}', kept ${deleteAfter}, and nothing makes such ones; ` +
        `call 'addVolumeSnapshots()' with that name, schedule and 'deleteAfter', or take it out of the plan`,
    );
}

function runTimeProblems({ name, schedule, allowedRunTime }: Rule | VolumeSnapshotRule, list: string): string[] {
  const interval = shortestGap(schedule);
  if (allowedRunTime === null || parseDuration(allowedRunTime) < interval) return [];
  return [
    `'plan.${list}.${name}.allowedRunTime' must be shorter than the interval, got ${allowedRunTime} with ${formatDuration(interval)}: ` +
      'the next run would be skipped; shorten it or run the rule less often',
  ];
}

/** It would be stopped after the grace, whatever the rule says. */
function graceProblems({ name, allowedRunTime }: Rule, { grace }: Plan['prune']): string[] {
  if (allowedRunTime === null || parseDuration(allowedRunTime) <= parseDuration(grace)) return [];
  return [
    `'plan.rules.${name}.allowedRunTime' must not be longer than 'plan.prune.grace', got ${allowedRunTime} with ${grace}: ` +
      `a backup that ran for longer wouldn't commit; shorten it or raise the grace`,
  ];
}
