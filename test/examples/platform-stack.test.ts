import * as pulumi from '@pulumi/pulumi';
import type * as example from '../../examples/platform-stack/index';
import { RecordingEngine, valueOf } from '../helpers/recording-engine';

const CONFIGURED = {
  'project:cluster': 'prod',
  'project:alarmTopicArn': 'arn:aws:sns:eu-west-1:123456789012:alarms',
};

describe('the example of a platform stack', () => {
  let engine: RecordingEngine & { readonly made: typeof example };
  beforeAll(async () => {
    pulumi.runtime.setAllConfig(CONFIGURED);
    // A Pulumi program defines its resources while it is loaded.
    engine = await RecordingEngine.run(() => jest.requireActual<typeof example>('../../examples/platform-stack/index'));
  }, 60_000);

  it("composes the library's components below one of its own", () => {
    const platform = engine.find('tempo', 'TempoBackups');
    const parts = engine.resources.filter(({ parent }) => parent === platform.urn);
    expect(parts.map(({ type, name }) => `${type.split(':').at(-1) ?? ''} ${name}`).sort()).toEqual([
      'AuditTrail tempo-audit',
      'BackupBucket tempo-repository',
      'RunnerRole tempo-backup',
      'RunnerRole tempo-prune',
      'RunnerRole tempo-replica-restore',
      'RunnerRole tempo-restore',
      'RunnerRole tempo-restore-mover',
      'RunnerRole tempo-verify',
      'TempoBucketProtection tempo-traces',
    ]);
  });

  it('exports where the repository is, and lets another account read it', async () => {
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://tempo-repository-0a1b2c3?region=eu-west-1');
    const policy = String(engine.find('tempo-repository-policy', 'BucketPolicy').inputs['policy']);
    expect(policy).toContain('arn:aws:iam::222222222222:role/recovery');
    expect(String(engine.find('tempo-repository-replica-restore', 'RolePolicy').inputs['policy'])).toContain(
      'arn:aws:s3:::tempo-repository-replica-0a1b2c3/blocks/*',
    );
  });
});
