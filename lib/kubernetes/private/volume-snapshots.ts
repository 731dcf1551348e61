import { Construct } from 'constructs';
import { toArguments, type Schedule, type VolumeSnapshotRule } from '../../contract/index';
import { type RunnerIdentity } from '../runner-identity';
import { CONFIG_FILE } from './configuration';
import { onSchedule } from './deadlines';
import { type PodSettings } from './pod';
import { RunnerCronJob } from './runner-cron-job';

/** Who makes volume snapshots. */
export interface VolumeSnapshotsProps {
  /** What its pods have in common with the others. */
  readonly pods: PodSettings;
  /** Who makes and prunes them. */
  readonly identity: RunnerIdentity;
  /** When those past their retention are removed. */
  readonly pruneSchedule: Schedule;
}

/** The CronJobs that make and prune volume snapshots. */
export class VolumeSnapshots extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: VolumeSnapshotsProps,
  ) {
    super(scope, id);
    const { pods, identity, pruneSchedule } = props;
    new RunnerCronJob(this, 'Prune', {
      name: `${identity.name}-prune`,
      pods,
      identity,
      timing: onSchedule({ schedule: pruneSchedule }),
      args: toArguments('snapshot', { action: 'prune', config: CONFIG_FILE, output: 'json' }),
    });
  }

  /** Makes volume snapshots by one more rule. */
  addRule(rule: VolumeSnapshotRule): RunnerCronJob {
    const { pods, identity } = this.props;
    return new RunnerCronJob(this, `Rule-${rule.name}`, {
      name: `${identity.name}-${rule.name}`,
      pods,
      identity,
      rule: rule.name,
      timing: onSchedule(rule),
      args: toArguments('snapshot', { action: 'create', rule: rule.name, config: CONFIG_FILE, output: 'json' }),
    });
  }
}
