import * as pulumi from '@pulumi/pulumi';
import { BackupBucket, type BackupBucketArgs } from '../../../lib/aws/index';
import { type Plan, type PlanInput, recommendedPlan, withChanges } from '../../../lib/contract/index';
import { type Registered, RecordingEngine } from '../../helpers/recording-engine';

// Pulumi is loaded while the first test runs, which takes a busy machine long.
jest.setTimeout(30_000);

export const plan = recommendedPlan();

// The logical names are public: with another one Pulumi would replace a bucket.
export const DEFAULT_NAMES = [
  'Bucket tempo-backups',
  'BucketLifecycleConfiguration tempo-backups-lifecycle',
  'BucketOwnershipControls tempo-backups-ownership',
  'BucketPolicy tempo-backups-policy',
  'BucketPublicAccessBlock tempo-backups-public-access-block',
  'BucketServerSideEncryptionConfiguration tempo-backups-encryption',
  'BucketVersioning tempo-backups-versioning',
];
export const COMPONENTS = ['BackupBucket tempo-backups', 'BucketSafeguards tempo-backups'];

export function planned(changes: PlanInput): Plan {
  return withChanges(plan, changes);
}

/** A program with one bucket. */
export function make(args: Partial<BackupBucketArgs> = {}): Promise<RecordingEngine & { readonly made: BackupBucket }> {
  return RecordingEngine.run(() => new BackupBucket('tempo-backups', { plan, ...args }));
}

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action: unknown;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Of the policy document among a resource's inputs. */
export function statementsOf({ inputs }: Registered, key = 'policy'): Statement[] {
  return (JSON.parse(String(inputs[key])) as { Statement: Statement[] }).Statement;
}

export interface Refusal {
  readonly propertyPath: string;
  readonly reason: string;
}

/** How a program is refused. */
export async function refusalBy(program: () => unknown): Promise<Refusal> {
  const outcome = await RecordingEngine.run(program).catch((error: unknown) => error);
  if (pulumi.InputPropertyError.isInstance(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error('nothing was refused');
}

/** How a bucket is refused. */
export function refusalOf(args: Partial<BackupBucketArgs>): Promise<Refusal> {
  return refusalBy(() => new BackupBucket('tempo-backups', { plan, ...args }));
}
