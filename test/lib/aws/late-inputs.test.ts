import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { STORAGE_CALLERS } from '../../../lib/contract/index';

type Report = Readonly<Record<string, { readonly failures: string[]; readonly registered: string[] }>>;

describe('an input that is known only later', () => {
  let report: Report;
  beforeAll(() => {
    const program = join(__dirname, 'late-inputs.ts');
    // It ends with an error, as failed registrations leave promises behind.
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', program], { encoding: 'utf8' });
    report = JSON.parse(stdout) as Report;
  }, 60_000);

  it.each([
    ['a lock', /must not be longer than the shortest 'deleteAfter', got 8d/, 'BucketObjectLockConfiguration'],
    ['a replica', /must be another region than the bucket's, got 'eu-west-1' for both/, 'BucketReplicationConfig'],
    ['a bucket name', /must be 3 to 63 lower-case letters, digits, dots and dashes, got 'No'/, 'Bucket'],
    [
      'too many principals',
      /^crossAccountGrants: must fit into a bucket policy of 20480 bytes, got \d+/,
      'BucketPolicy',
    ],
    ['too many statements', /^policyStatements: must fit into a bucket policy of 20480 bytes, got \d+/, 'BucketPolicy'],
    [
      'a long prefix',
      /must leave room for the policy of 10240 characters, got one of \d+; use a shorter/,
      'RolePolicy',
    ],
    [
      'a key of another region',
      /must be a key of the bucket's region 'eu-west-1', got '.*eu-central-1.*'/,
      'BucketServerSideEncryptionConfiguration',
    ],
    [
      'a region that is not the bucket’s',
      /must be that of the bucket 'acme-tempo', 'eu-west-1', got 'eu-central-1'/,
      'BucketVersioning',
    ],
    [
      'more roles that may delete than fit',
      /must fit into a pattern of 1024 characters together with .*, got one of \d{4}; name fewer roles, or use/,
      'LogMetricFilter audit-deletes',
    ],
    [
      'a topic of another region',
      /must be a topic of the trail's region 'eu-west-1', got 'arn:aws:sns:eu-central-1:123456789012:alarms'/,
      'MetricAlarm',
    ],
    ['a service account', /must not be empty, got ''/, 'Role'],
  ])('is checked then, and what it is for is not made: %s', (name, message, type) => {
    const { failures, registered } = report[name] ?? { failures: [], registered: [] };
    expect(failures.join('\n')).toMatch(message);
    expect(registered.filter((each) => `${each} `.startsWith(`${type} `))).toEqual([]);
  });

  it('is refused when the policies of a role are too large together, as IAM counts them', () => {
    const { failures, registered } = report['everything for one role'] ?? { failures: [], registered: [] };
    expect(failures.join('\n')).toMatch(
      /must have room for the policies of all its grants, 10240 characters together, got \d+; use a role for each/,
    );
    const grants = registered.filter((each) => each.startsWith('RolePolicy '));
    expect(grants.length).toBeGreaterThan(3);
    expect(grants.length).toBeLessThan(STORAGE_CALLERS.length);
  });

  it('is used when it is sound', () => {
    expect(report['a sound lock']).toEqual({
      failures: [],
      registered: expect.arrayContaining(['BucketObjectLockConfiguration tempo-backups-lock']),
    });
  });
});
