import type { PlanContext } from '../../contract/plan/plan-validation';
import type { BackupBucketArgs } from '../backup-bucket-args';
import type { LockArgs } from '../bucket/bucket-safeguards';
import type { CrossAccountGrant } from '../bucket/cross-account';
import { checkThaw } from '../bucket/repository-grants';
import { STORAGE_CALLERS } from '../../contract/storage-rights';
import * as checks from './checks';
import { folderPrefix } from './folder-prefix';
import { checkPlan, checkReplicaClass, lockContradiction, plannedLockDays } from './plan-checks';
import { refuseWhatIsLacking } from './switched-off';
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
  crossAccountGrants.forEach((grant, index) =>
    checkCrossAccountGrant(grant, `crossAccountGrants.${index}`, replica !== undefined),
  );
  refuseWhatIsLacking(endpoint, {
    replica: ['replication', replica !== undefined],
    accessLogs: ['access-logs', accessLogs !== undefined],
    encryption: ['encryption', encryption !== undefined],
    crossAccountGrants: ['bucket-policy', crossAccountGrants.length > 0],
  });
  if (endpoint && encryption?.kms && encryption.keyArn === undefined)
    refuse(
      'encryption.kms',
      `must be left out with an 'endpoint', as it makes a key in AWS, which '${endpoint.url}' can't encrypt with; leave 'encryption' out for a key of the server`,
    );
}

function checkCrossAccountGrant(
  { command, thaw, on = 'bucket' }: CrossAccountGrant,
  path: string,
  hasReplica: boolean,
): void {
  if (!STORAGE_CALLERS.includes(command))
    refuse(
      `${path}.command`,
      `must be a command that works on a repository (${STORAGE_CALLERS.join(', ')}), got '${command}'`,
    );
  checkThaw(`${path}.thaw`, command, thaw);
  validated(`${path}.on`, on, checks.oneOf('bucket', 'replica', 'both'));
  if (on !== 'bucket' && !hasReplica)
    refuse(`${path}.on`, `must be 'bucket' without a 'replica', got '${on}'; add a replica or leave it out`);
}

/**
 * What the provider finds the existing bucket by: its name alone means the provider's own region.
 *
 * @see https://www.pulumi.com/registry/packages/aws/how-to-guides/aws-enhanced-region-support
 */
export function importIdOf({ import: name, region }: BackupBucketArgs): string | undefined {
  if (name === undefined || region === undefined || name.includes('@')) return name;
  if (typeof region !== 'string')
    return refuse(
      'import',
      `must be left out while 'region' is known only later, got '${name}'; write the region out, or leave it to the provider`,
    );
  return `${name}@${region}`;
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
