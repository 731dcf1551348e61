import * as pulumi from '@pulumi/pulumi';
import type { PlanContext } from '../../contract/plan/plan-validation';
import type { BackupBucketArgs } from '../backup-bucket-args';
import type { LockArgs } from '../bucket/bucket-safeguards';
import { STORAGE_CALLERS } from '../../contract/storage-rights';
import type { S3Feature } from '../s3-compatible';
import * as checks from './checks';
import { folderPrefix } from './folder-prefix';
import { checkPlan, checkReplicaClass, lockContradiction, plannedLockDays } from './plan-checks';
import { refuse, validated } from './validated-input';

/** S3 locks no longer than a hundred years. */
const MOST_LOCK_DAYS = 36_500;

/** Throws what is wrong with values that must be known when the program runs. */
export function checkBackupBucket(args: BackupBucketArgs, context: PlanContext): void {
  checkPlan(args.plan, context);
  const { prefix = '', replica, encryption, crossAccountGrants = [], endpoint, accessLogs } = args;
  folderPrefix(prefix);
  if (encryption?.kms === false && encryption.keyArn !== undefined)
    refuse('encryption.kms', "must not be false when 'encryption.keyArn' is given; leave one of them out");
  if (replica) checkReplicaClass(args.plan, replica.storageClass ?? 'STANDARD_IA');
  crossAccountGrants.forEach(({ command }, index) => {
    if (!STORAGE_CALLERS.includes(command))
      refuse(
        `crossAccountGrants.${index}.command`,
        `must be a command that works on a repository (${STORAGE_CALLERS.join(', ')}), got '${command}'`,
      );
  });
  const asked: readonly (readonly [string, S3Feature, boolean])[] = [
    ['replica', 'replication', replica !== undefined],
    ['accessLogs', 'access-logs', accessLogs !== undefined],
    ['encryption', 'encryption', encryption !== undefined],
    ['crossAccountGrants', 'bucket-policy', crossAccountGrants.length > 0],
  ];
  for (const [path, feature, wanted] of asked) {
    if (wanted && endpoint?.without.includes(feature))
      refuse(path, `must be left out: 'endpoint' says that the server lacks '${feature}'`);
  }
}

/** The lock that arguments and plan ask for, together; undefined: none. */
export function lockOf({ plan, objectLock }: BackupBucketArgs, context: PlanContext): LockArgs | undefined {
  const planned = plannedLockDays(plan);
  if (!objectLock && planned === undefined) return undefined;
  const days = objectLock?.days ?? planned;
  if (days === undefined)
    return refuse('objectLock.days', "must be given, as the plan has no 'storage.lockPeriod', but is missing");
  const range = checks.wholeNumber(1, MOST_LOCK_DAYS);
  return {
    mode: validated('objectLock.mode', objectLock?.mode ?? 'GOVERNANCE', checks.oneOf('GOVERNANCE', 'COMPLIANCE')),
    days: validated('objectLock.days', days, (value) => range(value) ?? lockContradiction(plan, context, value)),
  };
}

/** What the server lacks of what would be configured; each update says so. */
export function switchedOff(component: pulumi.Resource, { endpoint }: BackupBucketArgs): readonly string[] {
  const lacking = endpoint?.without ?? [];
  if (lacking.length > 0)
    void pulumi.log.info(
      `not configured, as 'endpoint' says that the server lacks it: ${lacking.join(', ')}`,
      component,
    );
  return lacking;
}
