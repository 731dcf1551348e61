import { AuditTrail, BackupBucket, TempoBucketProtection } from '../../lib/aws/index';
import { settings } from '../settings';
import { makeRoles } from './runner-roles';
import { stackSettings } from './stack-settings';

const { bucket, region, plan, context } = settings;
const { replicaRegion, kms, lockDays, tempoBucket, tempoPrefix, tempoKeyArn, alarmTopicArn, protect } = stackSettings();

const replica = replicaRegion === undefined ? undefined : { region: replicaRegion };

const backups = new BackupBucket('tempo-backups', {
  plan,
  context,
  bucket,
  region,
  replica,
  encryption: { kms },
  objectLock: lockDays === 0 ? undefined : { days: lockDays },
  protect,
});

const protection =
  tempoBucket === undefined
    ? undefined
    : new TempoBucketProtection('traces', {
        bucket: tempoBucket,
        prefix: tempoPrefix,
        keyArn: tempoKeyArn,
        plan,
        context,
        region,
        replica,
        protect,
      });

const roles = makeRoles(backups, protection);

const { bucket: auditBucket } = new AuditTrail('tempo-backup-audit', {
  buckets: protection ? [backups, protection] : [backups],
  region,
  alarms: alarmTopicArn === undefined ? undefined : { topicArn: alarmTopicArn, deletingRoleArns: pruneRole() },
  protect,
});

function pruneRole() {
  const prune = roles.get('prune');
  return prune ? [prune.arn] : [];
}

/** Where the runner keeps its recovery points: `repository.url` of its configuration. */
export const repositoryUrl = backups.repositoryUrl;
/** The same of the replica, for a restore without the region. */
export const replicaRepositoryUrl = backups.replicaRepositoryUrl;
/** ARN of the role of each identity, for the annotations of service accounts. */
export const roleArns = Object.fromEntries([...roles].map(([identity, { arn }]) => [identity, arn]));
/** Who did what with recovery points is recorded here. */
export const auditBucketName = auditBucket;
