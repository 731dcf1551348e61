import { BackupBucket, type BackupBucketArgs } from '../../../lib/aws/index';
import { recommendedPlan } from '../../../lib/contract/index';

/** A program with one bucket. */
export function program(args: Partial<BackupBucketArgs>): () => Promise<void> {
  return async () => {
    new BackupBucket('tempo-backups', { plan: recommendedPlan(), ...args });
  };
}
