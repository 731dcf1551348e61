import * as pulumi from '@pulumi/pulumi';
import { AuditTrail, BackupBucket, RunnerRole, TempoBucketProtection } from 'tempo-backup/aws';
import { recommendedPlan, withChanges } from 'tempo-backup/contract';

const config = new pulumi.Config();
const REGION = 'eu-west-1';
const REPLICA_REGION = 'eu-central-1';

// The same value is given to the constructs: as recommended, but one run of prune may remove a quarter at most.
const plan = withChanges(recommendedPlan(), { prune: { maxShare: 0.25 } });

/** All that a platform does for one Tempo: one component of its own, composed of those of the library. */
class TempoBackups extends pulumi.ComponentResource {
  readonly repositoryUrl: pulumi.Output<string>;
  /** What the role of the recovery account must be granted in that account. */
  readonly recoveryPolicy: pulumi.Output<string>;

  constructor(name: string, args: { readonly tempoBucket: string }, options?: pulumi.ComponentResourceOptions) {
    super('acme:platform:TempoBackups', name, {}, options);
    const own = { parent: this };
    const backups = new BackupBucket(
      `${name}-repository`,
      {
        plan,
        region: REGION,
        replica: { region: REPLICA_REGION, storageClass: 'GLACIER_IR' },
        objectLock: { mode: 'GOVERNANCE', days: 7 },
        encryption: { kms: true },
        // A role of another account restores from here, whoever can't log in to this one. Bucket and replica are this account's and are
        // lost with it: for that case keep a copy in another account, by the runner's command `replicate`.
        crossAccountGrants: [{ command: 'restore', principalArn: config.require('recoveryRoleArn') }],
      },
      own,
    );
    const traces = new TempoBucketProtection(`${name}-traces`, { bucket: args.tempoBucket, plan, region: REGION }, own);
    const roleOf = (identity: string) =>
      new RunnerRole(
        `${name}-${identity}`,
        {
          cluster: config.require('cluster'),
          region: REGION,
          namespace: 'monitoring',
          serviceAccount: `tempo-${identity}`,
        },
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
      {
        // Tempo's deletions in its own bucket are recorded, and raise no alarm.
        buckets: [backups, traces],
        region: REGION,
        alarms: { topicArn: config.require('alarmTopicArn'), deletingRoleArns },
      },
      own,
    );
    this.repositoryUrl = backups.repositoryUrl;
    this.recoveryPolicy = backups.policyFor('restore');
    this.registerOutputs({ repositoryUrl: this.repositoryUrl, recoveryPolicy: this.recoveryPolicy });
  }
}

/** Where a restore runs when the region is gone. */
function recoveryCluster() {
  return { cluster: 'recovery', region: REPLICA_REGION, namespace: 'monitoring', serviceAccount: 'tempo-restore' };
}

export const { repositoryUrl, recoveryPolicy } = new TempoBackups('tempo', {
  tempoBucket: config.require('tempoBucket'),
});
