import { AuditTrail, BackupBucket, RunnerRole, TempoBucketProtection } from '../../../lib/aws/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { plan } from './component-scene';

const HOME = 'eu-west-1';
const REPLICA = 'eu-central-1';
const replica = { region: REPLICA };

describe('a component that is given a region', () => {
  it.each<[string, () => unknown]>([
    [
      'a BackupBucket',
      () =>
        new BackupBucket('all', {
          plan,
          region: HOME,
          replica,
          objectLock: { days: 7 },
          encryption: { kms: true },
          accessLogs: { bucket: 'logs' },
        }),
    ],
    [
      'a TempoBucketProtection',
      () =>
        new TempoBucketProtection('all', {
          bucket: 'acme-tempo',
          plan,
          region: HOME,
          replica,
          keyArn: 'arn:aws:kms:eu-west-1:123456789012:key/1',
          policyStatements: [],
        }),
    ],
    [
      'an AuditTrail',
      () =>
        new AuditTrail('all', {
          buckets: [{ arn: 'arn:aws:s3:::a' }],
          region: HOME,
          alarms: { topicArn: 'arn:aws:sns:eu-west-1:123456789012:alarms' },
        }),
    ],
    ['a RunnerRole', () => new RunnerRole('all', { cluster: 'a', namespace: 'b', serviceAccount: 'c', region: HOME })],
  ])('makes all that has a region there, the replica aside: %s', async (_, make) => {
    const engine = await RecordingEngine.run(make);
    const regional = engine.resources.filter(({ type, read }) => /^aws:(?!iam)/.test(type) && !read);
    expect(regional.length).toBeGreaterThan(0);
    const regions = regional.map(({ type, name, inputs }) => [type.split(':').at(-1), name, inputs['region']]);
    const inReplica = (name: string) => name.startsWith('all-replica') && name !== 'all-replica-configuration';
    const expected = regional.map(({ type, name }) => [type.split(':').at(-1), name, inReplica(name) ? REPLICA : HOME]);
    expect(regions).toEqual(expected);
  });
});
