import {
  assertValidPlan,
  parseDuration,
  type Plan,
  type Rule,
  shortestGap,
  formatDuration,
  type VolumeSnapshotRule,
} from '../../contract/index';
import { type BackupPlan } from '../plan/backup-plan';
import { type Tempo } from '../tempo/tempo';
import { problemsOf } from './configuration';

/** What contradicts itself in a plan, or doesn't fit the Tempo that it is for: both values, and the fix. */
export function planProblems(plan: Plan, tempo: Tempo, { secretsEncryption }: BackupPlan): string[] {
  const secrets = secretsEncryption === undefined ? tempo.secrets : [];
  return [
    ...problemsOf(() => assertValidPlan(plan, { storage: tempo.storage.backend, walVolume: tempo.storage.holdsWal })),
    ...plan.rules.flatMap((rule) => runTimeProblems(rule, 'rules')),
    ...plan.volumeSnapshots.flatMap((rule) => runTimeProblems(rule, 'volumeSnapshots')),
    ...secrets.map(
      (secret) =>
        `'tempo.secrets' names '${secret}', but the plan has no 'secretsEncryption': Secrets are never stored in clear; ` +
        "pass 'plan: BackupPlan.recommended().with({ secretsEncryption: Encryption.openPgp({ recipients }) })' or leave it out",
    ),
  ];
}

function runTimeProblems({ name, schedule, allowedRunTime }: Rule | VolumeSnapshotRule, list: string): string[] {
  const interval = shortestGap(schedule);
  if (allowedRunTime === null || parseDuration(allowedRunTime) < interval) return [];
  return [
    `'plan.${list}.${name}.allowedRunTime' must be shorter than the interval, got ${allowedRunTime} with ${formatDuration(interval)}: ` +
      'the next run would be skipped; shorten it or run the rule less often',
  ];
}
