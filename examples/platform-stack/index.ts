import * as pulumi from '@pulumi/pulumi';
import { AuditTrail, BackupBucket, RunnerRole, TempoBucketProtection } from 'tempo-backup/aws';
import { recommendedPlan, withChanges } from 'tempo-backup/contract';

const config = new pulumi.Config();

// The same value is given to the constructs: as recommended, but one run of prune may remove a quarter at most.
const plan = withChanges(recommendedPlan(), { prune: { maxShare: 0.25 } });

/** All that a platform does for one Tempo: one component of its own, composed of those of the library. */
class TempoBackups extends pulumi.ComponentResource {
  readonly repositoryUrl: pulumi.Output<string>;

  constructor(name: string, args: { readonly tempoBucket: string }, options?: pulumi.ComponentResourceOptions) {
    super('acme:platform:TempoBackups', name, {}, options);
    const own = { parent: this };
    const backups = new BackupBucket(
      `${name}-repository`,
      {
        plan,
        region: 'eu-west-1',
        replica: { region: 'eu-central-1', storageClass: 'GLACIER_IR' },
        objectLock: { mode: 'GOVERNANCE', days: 7 },
        encryption: { kms: true },
        // The recovery account reads the backups even when this account is lost.
        crossAccountGrants: [{ command: 'restore', principalArn: 'arn:aws:iam::222222222222:role/recovery' }],
      },
      own,
    );
    const traces = new TempoBucketProtection(
      `${name}-traces`,
      { bucket: args.tempoBucket, plan, region: 'eu-west-1' },
      own,
    );
    const roleOf = (identity: string) =>
      new RunnerRole(
        `${name}-${identity}`,
        { cluster: config.require('cluster'), namespace: 'monitoring', serviceAccount: `tempo-${identity}` },
        own,
      );
    const roles = (['backup', 'verify', 'restore', 'prune'] as const).map((command) => {
      const role = roleOf(command);
      backups.grant(command, role);
      if (command === 'backup') traces.grant(command, role);
      return { command, role };
    });
    // The pods that move the data of a restore, to Tempo's bucket, too.
    const mover = roleOf('restore-mover');
    backups.grant('restore', mover, { suffix: 'mover' });
    traces.grant('restore', mover);
    backups.grantOnReplica('restore', new RunnerRole(`${name}-replica-restore`, recoveryCluster(), own));
    const deletingRoleArns = roles.filter(({ command }) => command === 'prune').map(({ role }) => role.arn);
    new AuditTrail(
      `${name}-audit`,
      { buckets: [backups, traces], alarms: { topicArn: config.require('alarmTopicArn'), deletingRoleArns } },
      own,
    );
    this.repositoryUrl = backups.repositoryUrl;
    this.registerOutputs({ repositoryUrl: this.repositoryUrl });
  }
}

/** Where a restore runs when the region is gone. */
function recoveryCluster() {
  return { cluster: 'recovery', namespace: 'monitoring', serviceAccount: 'tempo-restore' };
}

export const { repositoryUrl } = new TempoBackups('tempo', { tempoBucket: 'acme-tempo' });
