import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { parse } from 'yaml';
import type * as awsStack from '../../../stacks/aws/index';
import { stackSettings } from '../../../stacks/aws/stack-settings';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';

interface DocumentedKey {
  readonly type: string;
  readonly description: string;
  readonly default: unknown;
}

const ROOT = join(__dirname, '../../..');
const documented = (parse(readFileSync(join(ROOT, 'Pulumi.yaml'), 'utf8')) as { config: Record<string, DocumentedKey> })
  .config;

const CONFIGURED = {
  replicaRegion: 'eu-central-1',
  kms: 'true',
  lockDays: '7',
  tempoPrefix: 'single',
  tempoBucket: 'acme-tempo',
  tempoKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/tempo',
  oidcProviderArn: 'arn:aws:iam::123456789012:oidc-provider/x',
  oidcProviderUrl: 'https://oidc.example.com/x',
  alarmTopicArn: 'arn:aws:sns:eu-west-1:123456789012:alarms',
};

function configure(values: Readonly<Record<string, string>>): void {
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`project:${key}`, value])),
  );
}

describe('the configuration of the AWS stack', () => {
  it('is documented in Pulumi.yaml: every key that is read, with a default', () => {
    const source = readFileSync(join(ROOT, 'stacks/aws/stack-settings.ts'), 'utf8');
    const read = Array.from(source.matchAll(/(?:named|config\.\w+)\('(\w+)'/g), ([, key]) => key);
    expect(Object.keys(documented).sort()).toEqual([...new Set(read)].sort());
    const incomplete = Object.values(documented).filter((key) => key.description === '' || key.default === undefined);
    expect(incomplete).toEqual([]);
  });

  it('has the documented defaults where the engine fills in none', async () => {
    configure({});
    const { made } = await RecordingEngine.run(() => stackSettings());
    const defaults = Object.fromEntries(Object.entries(documented).map(([key, value]) => [key, value.default]));
    const unset = Object.fromEntries(
      Object.keys(defaults).flatMap((key) => (defaults[key] === 'none' ? [[key, undefined]] : [])),
    );
    const { oidcProviderArn, oidcProviderUrl, ...others } = { ...defaults, ...unset };
    expect([oidcProviderArn, oidcProviderUrl]).toEqual([undefined, undefined]);
    expect(made).toEqual({ ...others, oidcProvider: undefined });
  });

  it('is the same where the engine fills the defaults in', async () => {
    configure({});
    const { made: without } = await RecordingEngine.run(() => stackSettings());
    configure(Object.fromEntries(Object.entries(documented).map(([key, value]) => [key, String(value.default)])));
    const { made: filledIn } = await RecordingEngine.run(() => stackSettings());
    expect(filledIn).toEqual(without);
  });

  it.each([
    ['oidcProviderArn', 'oidcProviderUrl', 'arn:aws:iam::123456789012:oidc-provider/x'],
    ['oidcProviderUrl', 'oidcProviderArn', 'https://oidc.example.com/x'],
  ])('is refused when it has %s and not %s, be that missing or none', async (given, missing, value) => {
    for (const others of [{}, { [missing]: 'none' }]) {
      configure({ [given]: value, ...others });
      await expect(RecordingEngine.run(() => stackSettings())).rejects.toThrow(
        `'${missing}' must be set beside '${given}'`,
      );
    }
  });
});

describe('the AWS stack with everything configured', () => {
  let engine: RecordingEngine & { readonly made: typeof awsStack };
  beforeAll(async () => {
    configure(CONFIGURED);
    // Loaded only now: a Pulumi program defines its resources while it is loaded.
    engine = await RecordingEngine.run(() => jest.requireActual<typeof awsStack>('../../../stacks/aws/index'));
  }, 60_000);

  it("exports the repository's URL as the runner reads it", async () => {
    expect(await valueOf(engine.made.repositoryUrl)).toBe('s3://acme-tempo-backups?region=eu-west-1');
  });

  it('consists of these components', () => {
    const components = engine.resources.filter(({ type }) => type.startsWith('tempo-backup:') && !/\$/.test(type));
    const top = components
      .filter(({ parent }) => parent === '')
      .map(({ type, name }) => `${type.split(':')[2]} ${name}`);
    expect(top.sort()).toEqual([
      'AuditTrail tempo-backup-audit',
      'BackupBucket tempo-backups',
      'RunnerRole tempo-backup',
      'RunnerRole tempo-prune',
      'RunnerRole tempo-restore',
      'RunnerRole tempo-restore-mover',
      'RunnerRole tempo-snapshot',
      'RunnerRole tempo-verify',
      'TempoBucketProtection traces',
    ]);
  });

  it('grants the role of each service account its command, and raises no alarm on what prune deletes', () => {
    const grants = engine.ofType('RolePolicy').filter(({ name }) => /^tempo-backups-(?!replica)/.test(name));
    const byName = (policies: typeof grants) => policies.map(({ name, inputs }) => [name, inputs['role']]).sort();
    expect(byName(grants)).toEqual([
      ['tempo-backups-backup', 'tempo-backup-0a1b2c3'],
      ['tempo-backups-prune', 'tempo-prune-0a1b2c3'],
      ['tempo-backups-restore', 'tempo-restore-0a1b2c3'],
      ['tempo-backups-restore-mover', 'tempo-restore-mover-0a1b2c3'],
      ['tempo-backups-snapshot', 'tempo-snapshot-0a1b2c3'],
      ['tempo-backups-verify', 'tempo-verify-0a1b2c3'],
    ]);
    const onReplica = engine.ofType('RolePolicy').filter(({ name }) => /^tempo-backups-replica-(?!role)/.test(name));
    expect(byName(onReplica)).toEqual([
      ['tempo-backups-replica-restore', 'tempo-restore-0a1b2c3'],
      ['tempo-backups-replica-restore-mover', 'tempo-restore-mover-0a1b2c3'],
      ['tempo-backups-replica-verify', 'tempo-verify-0a1b2c3'],
    ]);
    const onTempo = engine.ofType('RolePolicy').filter(({ name }) => /^traces-(?!replica)/.test(name));
    expect(byName(onTempo)).toEqual([
      ['traces-backup', 'tempo-backup-0a1b2c3'],
      ['traces-restore', 'tempo-restore-mover-0a1b2c3'],
    ]);
    expect(engine.find('traces-backup', 'RolePolicy').inputs['policy']).toContain(':acme-tempo/single/*');
    const { inputs } = engine.find('tempo-backup-audit-deletes', 'LogMetricFilter');
    expect(inputs['pattern']).toContain('arn:aws:iam::123456789012:tempo-prune');
  });

  it('raises no alarm on what Tempo deletes in its own bucket', () => {
    const pattern = String(engine.find('tempo-backup-audit-deletes', 'LogMetricFilter').inputs['pattern']);
    expect(pattern).toContain('$.requestParameters.bucketName != "acme-tempo"');
    expect(pattern).not.toContain('acme-tempo-backups');
  });

  it("gives what works on Tempo's bucket the rights on its key, and replicates what that encrypts", () => {
    for (const grant of ['traces-backup', 'traces-restore'])
      expect(engine.find(grant, 'RolePolicy').inputs['policy']).toContain(CONFIGURED.tempoKeyArn);
    expect(engine.find('traces-replica-role', 'RolePolicy').inputs['policy']).toContain(CONFIGURED.tempoKeyArn);
  });

  it('locks, encrypts and replicates', () => {
    expect(engine.find('tempo-backups-lock', 'BucketObjectLockConfiguration').inputs['rule']).toEqual({
      defaultRetention: { mode: 'GOVERNANCE', days: 7 },
    });
    expect(engine.find('tempo-backups-replica-key', 'Key').inputs['region']).toBe('eu-central-1');
    expect(engine.find('traces-replica', 'Bucket').inputs['region']).toBe('eu-central-1');
  });
});
