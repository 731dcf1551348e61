import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { parse } from 'yaml';
import type * as example from '../../examples/platform-stack/index';
import { RecordingEngine, valueOf } from '../helpers/recording-engine';

const CONFIGURED = {
  'project:cluster': 'prod',
  'project:tempoBucket': 'acme-tempo',
  'project:recoveryRoleArn': 'arn:aws:iam::222222222222:role/recovery',
  'project:alarmTopicArn': 'arn:aws:sns:eu-west-1:123456789012:alarms',
};

const ROOT = join(__dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/platform-stack');

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

describe("the example's folder", () => {
  const text = (...path: string[]) => readFileSync(join(...path), 'utf8');

  it('says in Pulumi.yaml what each key means that the program reads, and in README.md how to set it', () => {
    const read = Array.from(text(EXAMPLE, 'index.ts').matchAll(/config\.require\('(\w+)'\)/g), ([, key]) => key).sort();
    const { config } = parse(text(EXAMPLE, 'Pulumi.yaml')) as { config: Record<string, object> };
    expect(Object.keys(config).sort()).toEqual(read);
    const set = Array.from(text(EXAMPLE, 'README.md').matchAll(/pulumi config set (\w+) /g), ([, key]) => key).sort();
    expect(set).toEqual(read);
  });

  it('depends on the versions that this project is tested with, and on the project where it lies', () => {
    const own = JSON.parse(text(EXAMPLE, 'package.json')) as Package;
    const { devDependencies } = JSON.parse(text(ROOT, 'package.json')) as Package;
    const { 'tempo-backup': project, ...others } = { ...own.dependencies, ...own.devDependencies };
    expect(project).toBe('file:../..');
    expect(devDependencies).toMatchObject(others);
    // A link would have the project's own copy of Pulumi beside the program's.
    expect(text(EXAMPLE, '.npmrc')).toBe('install-links=true\n');
  });
});

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

  it('gives pods their roles in the regions of their clusters', () => {
    const regionOf = (role: string) => engine.find(`${role}-association`, 'PodIdentityAssociation').inputs['region'];
    expect(regionOf('tempo-backup')).toBe('eu-west-1');
    expect(regionOf('tempo-replica-restore')).toBe('eu-central-1');
  });

  it('exports where the repository is, and lets another account read it', async () => {
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://tempo-repository-0a1b2c3?region=eu-west-1');
    const policy = String(engine.find('tempo-repository-policy', 'BucketPolicy').inputs['policy']);
    expect(policy).toContain('arn:aws:iam::222222222222:role/recovery');
    expect(String(engine.find('tempo-repository-replica-restore', 'RolePolicy').inputs['policy'])).toContain(
      'arn:aws:s3:::tempo-repository-replica-0a1b2c3/blocks/*',
    );
  });

  it('exports what the role of the other account needs there, on the bucket and its key', async () => {
    const policy = await valueOf(engine.made.recoveryPolicy);
    expect(policy).toContain('arn:aws:s3:::tempo-repository-0a1b2c3/blocks/*');
    expect(policy).toContain('kms:Decrypt');
    expect(policy).not.toContain('s3:PutObject');
  });
});
