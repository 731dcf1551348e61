import * as pulumi from '@pulumi/pulumi';
import {
  AuditTrail,
  BackupBucket,
  type BackupBucketArgs,
  RunnerRole,
  TempoBucketProtection,
} from '../../../lib/aws/index';
import { recommendedPlan, STORAGE_CALLERS } from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';

// A program of its own, as Pulumi reports what goes wrong in an output as an unhandled rejection, which fails any test.
const failures = new Set<unknown>();
process.on('unhandledRejection', (reason) => failures.add(reason));

/** Known a moment after it is asked for. */
function later<T extends string | number>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), 10));
}

const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/1';
const bucket = (args: Partial<BackupBucketArgs>) => (): void => {
  new BackupBucket('tempo-backups', { plan: recommendedPlan(), ...args });
};
const principals = Array.from({ length: 60 }, (_, index) => ({
  command: 'prune' as const,
  principalArn: `arn:aws:iam::222222222222:role/prune-${index}`,
}));

const PROGRAMS: Readonly<Record<string, () => void>> = {
  'a lock': bucket({ objectLock: { days: later(8) } }),
  'a sound lock': bucket({ objectLock: { days: later(7) } }),
  'a replica': bucket({ region: 'eu-west-1', replica: { region: later('eu-west-1') } }),
  'a bucket name': bucket({ bucket: later('No') }),
  'too many principals': bucket({ crossAccountGrants: principals }),
  'too many statements': () => {
    const policyStatements = principals.map(({ principalArn }, index) => ({
      ...{ Sid: `Own${index}`, Effect: 'Allow' as const, Principal: { AWS: principalArn } },
      ...{ Action: ['s3:GetObject', 's3:ListBucket', 's3:GetBucketLocation', 's3:GetObjectTagging'] },
      Resource: Array.from({ length: 4 }, (_, folder) => `arn:aws:s3:::acme-tempo/folder-${folder}/*`),
    }));
    new TempoBucketProtection('traces', { plan: recommendedPlan(), bucket: 'acme-tempo', policyStatements });
  },
  'a long prefix': () => {
    const backups = new BackupBucket('tempo-backups', { plan: recommendedPlan(), prefix: 'p'.repeat(900) });
    backups.grant('prune', { name: 'prune' });
  },
  'everything for one role': () => {
    const backups = new BackupBucket('tempo-backups', { plan: recommendedPlan() });
    const role = { name: 'all' };
    for (const command of STORAGE_CALLERS) backups.grant(command, role);
  },
  'a key of another region': bucket({ region: later('eu-west-1'), encryption: { keyArn: later(KEY) } }),
  'a region that is not the bucket’s': () => {
    new TempoBucketProtection('traces', { plan: recommendedPlan(), bucket: 'acme-tempo', region: 'eu-central-1' });
  },
  'more roles that may delete than fit': () => {
    const topicArn = 'arn:aws:sns:eu-west-1:123456789012:alarms';
    const deletingRoleArns = Array.from(
      { length: 9 },
      (_, index) => `arn:aws:iam::123456789012:role/prune-of-team-${index}`,
    );
    new AuditTrail('audit', { buckets: [{ arn: 'arn:aws:s3:::a' }], alarms: { topicArn, deletingRoleArns } });
  },
  'a topic of another region': () => {
    const topicArn = later('arn:aws:sns:eu-central-1:123456789012:alarms');
    new AuditTrail('audit', { buckets: [{ arn: 'arn:aws:s3:::a' }], alarms: { topicArn } });
  },
  'a service account': () => {
    new RunnerRole('tempo-backup', { cluster: 'prod', namespace: 'observability', serviceAccount: later('') });
  },
};

/** With the property that it is about. */
function told(failure: unknown): string {
  return pulumi.InputPropertyError.isInstance(failure) ? `${failure.propertyPath}: ${failure.reason}` : String(failure);
}

async function main(): Promise<void> {
  const report: Record<string, { failures: string[]; registered: string[] }> = {};
  for (const [name, program] of Object.entries(PROGRAMS)) {
    failures.clear();
    const engine = new RecordingEngine();
    let ended = false;
    const end = engine.execute(program).catch((error: unknown) => failures.add(error));
    void end.then(() => (ended = true));
    // A registration that fails is waited for in vain; what doesn't depend on it still comes.
    while (!ended && failures.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    report[name] = { failures: [...failures].map(told), registered: engine.names() };
  }
  console.log(JSON.stringify(report));
}

void main();
