import { Bucket, BucketPolicy } from '@pulumi/aws/s3';
import { AuditTrail, BackupBucket, RunnerRole } from '../../../lib/aws/index';
import { recommendedPlan } from '../../../lib/contract/index';

export const TOPIC = 'arn:aws:sns:us-east-1:123456789012:alarms';

export interface LogsArgs {
  /** Whether the bucket of the access logs lets S3 write there. */
  readonly mayWrite: boolean;
  readonly names: { readonly backups: string; readonly logs: string; readonly audit: string; readonly trail: string };
}

/** A bucket with access logs, a role by pod identity, and a trail with alarms. */
export function program({ mayWrite, names }: LogsArgs): () => Promise<Record<string, unknown>> {
  return async () => {
    const accessLogs = { bucket: logBucket(names.logs, mayWrite) };
    const backups = new BackupBucket('tempo-backups', { plan: recommendedPlan(), bucket: names.backups, accessLogs });
    const serviceAccount = 'tempo-prune';
    const prune = new RunnerRole(serviceAccount, { cluster: 'prod', namespace: 'observability', serviceAccount });
    backups.grant('prune', prune);
    const alarms = { topicArn: TOPIC, deletingRoleArns: [prune.arn] };
    const { trailArn } = new AuditTrail(names.trail, { buckets: [backups], bucket: names.audit, alarms });
    return { pruneArn: prune.arn, trail: trailArn };
  };
}

/** As S3 wants it. */
function logBucket(bucket: string, mayWrite: boolean): Bucket['bucket'] {
  const made = new Bucket('access-logs', { bucket });
  if (!mayWrite) return made.bucket;
  const Principal = { Service: 'logging.s3.amazonaws.com' };
  const Resource = `arn:aws:s3:::${bucket}/tempo-backups/*`;
  const Statement = [{ Sid: 'Logs', Effect: 'Allow', Principal, Action: 's3:PutObject', Resource }];
  const policy = new BucketPolicy('access-logs', { bucket: made.bucket, policy: JSON.stringify({ Statement }) });
  return policy.bucket;
}
