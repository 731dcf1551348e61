import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRunnerConfig, runnerConfigJsonSchema } from '../../../lib/contract/runner-config';
import { ConfigError } from '../../../lib/contract/values/config-error';
import { recommendedPlan } from '../../../lib/contract/plan/plan';

const REPOSITORY = { url: 'file:///srv/backup' };

function problemsOf(value: unknown): readonly string[] {
  try {
    parseRunnerConfig(value);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('needs nothing but the URL of the repository', () => {
    expect(parseRunnerConfig({ repository: REPOSITORY })).toEqual({
      tempo: {
        name: 'tempo',
        flush: { deadline: '10m' },
        storage: { backend: 'local', path: '/var/tempo/traces' },
        configFiles: [],
        configFolders: [],
      },
      encryption: { recipients: [] },
      repository: { url: 'file:///srv/backup', create: true },
      plan: recommendedPlan(),
    });
  });

  it('takes every key', () => {
    const tempo = {
      name: 'prod',
      url: 'https://tempo.monitoring:3200',
      flush: { deadline: '5m' },
      storage: { backend: 'local', path: '/data/traces', walPath: '/data/wal' },
      configFiles: ['/etc/tempo/tempo.yaml'],
      version: '2.10',
      retention: '336h0m0s',
      owner: '10001:10001',
    };
    const kubernetes = {
      namespace: 'monitoring',
      workload: { kind: 'StatefulSet', name: 'tempo' },
      configMaps: ['tempo'],
      secrets: ['tempo-s3'],
      services: ['tempo'],
      persistentVolumeClaims: ['storage-tempo-0'],
      volumeSnapshotClass: 'csi-hostpath',
      restore: { cronJob: 'a', moverCronJob: 'b', deadline: '1h' },
    };
    const encryption = {
      recipients: ['/keys/platform.asc'],
      passphraseFile: '/keys/passphrase',
      privateKeyFile: '/keys/restore.asc',
      privateKeyPassphraseFile: '/keys/restore-passphrase',
    };
    const config = parseRunnerConfig({
      ...{ tempo, kubernetes, encryption },
      repository: { ...REPOSITORY, create: false },
      plan: { prune: { grace: 'P2D' } },
    });
    expect(config).toMatchObject({ tempo, kubernetes, encryption });
    expect(config.repository.create).toBe(false);
    expect(config.plan.prune.grace).toBe('P2D');
  });

  it.each([[null], [undefined], [{}], [{ repository: { create: false } }]])(
    'takes the repository from a flag when the file is %j',
    (value) => {
      expect(parseRunnerConfig(value, { repository: 's3://bucket/prefix?region=eu-west-1' }).repository.url).toBe(
        's3://bucket/prefix?region=eu-west-1',
      );
    },
  );

  it('lets the flag win over the file', () => {
    expect(parseRunnerConfig({ repository: REPOSITORY }, { repository: 'file:///other' }).repository.url).toBe(
      'file:///other',
    );
  });

  it.each([
    [
      null,
      "'repository.url' must be a URL such as 'file:///srv/backup' (or given with --repository URL), but is missing",
    ],
    [
      { repository: {} },
      "'repository.url' must be a URL such as 'file:///srv/backup' (or given with --repository URL), but is missing",
    ],
    [
      { repository: 'file:///srv/backup' },
      '\'repository\' must be a mapping of keys to values, got "file:///srv/backup"',
    ],
    [
      { repository: { url: '/srv/backup' } },
      "'repository.url' must be the URL of a repository, got '/srv/backup'; did you mean 'file:///srv/backup'?",
    ],
    [
      { repository: { url: 'gs://bucket' } },
      "got 'gs://bucket'; write 'file:///srv/backup' or 's3://bucket/prefix?region=eu-west-1'",
    ],
    [5, 'the configuration must be a mapping of keys to values, got 5'],
    [[], 'the configuration must be a mapping of keys to values, got []'],
    [
      { repository: REPOSITORY, tempo: { nam: 'x' } },
      "'tempo.nam' is no key of the configuration; did you mean 'name'?",
    ],
    [
      { repositroy: REPOSITORY, repository: REPOSITORY },
      "'repositroy' is no key of the configuration; did you mean 'repository'?",
    ],
    [
      { repository: { ...REPOSITORY, bucket: 'x' } },
      "'repository.bucket' is no key of the configuration; known: url, create",
    ],
    [
      { repository: REPOSITORY, tempo: { url: 'http://admin:secret@tempo:3200' } },
      "'tempo.url' must be a URL such as 'http://tempo:3200', without credentials, got 'http://***@tempo:3200'",
    ],
    [
      { repository: REPOSITORY, kubernetes: { namespace: 'Monitoring', workload: { kind: 'StatefulSet', name: 't' } } },
      "'kubernetes.namespace' must be the name of a Kubernetes object",
    ],
    [
      { repository: REPOSITORY, kubernetes: { namespace: 'm', workload: { kind: 'DaemonSet', name: 't' } } },
      '\'kubernetes.workload.kind\' must be one of StatefulSet, Deployment, got "DaemonSet"',
    ],
    [
      { repository: REPOSITORY, encryption: { passphraseFile: 'passphrase' } },
      "'encryption.passphraseFile' must be an absolute path, such as '/keys/passphrase'",
    ],
    [
      { repository: REPOSITORY, tempo: { storage: { backend: 's4' } } },
      '\'tempo.storage.backend\' must be one of local, s3, got "s4"',
    ],
    [
      { repository: REPOSITORY, tempo: { storage: { path: 'traces' } } },
      'must be an absolute path, such as \'/var/tempo/traces\', got "traces"',
    ],
    [
      { repository: REPOSITORY, tempo: { version: 2.1 } },
      '\'tempo.version\' must be a quoted string, such as "2.10": without quotes YAML reads the number 2.1, got 2.1',
    ],
    [{ repository: REPOSITORY, tempo: { version: 'new' } }, 'must be a version such as \'2.9\', got "new"'],
    [
      { repository: REPOSITORY, tempo: { owner: 'tempo' } },
      'must be a user and a group number, such as \'10001:10001\', got "tempo"',
    ],
    [
      { repository: REPOSITORY, tempo: { retention: '14' } },
      "'tempo.retention' must be a duration: '14' is no duration; it needs a unit",
    ],
    [{ repository: REPOSITORY, plan: { prune: { maxShare: 2 } } }, "'plan.prune.maxShare' must be at most 1, got 2"],
    [{ repository: REPOSITORY, plan: { prune: { maxShare: 0 } } }, "'plan.prune.maxShare' must be more than 0, got 0"],
    [{ repository: REPOSITORY, plan: { rules: {} } }, "'plan.rules' must be a list, got {}"],
    [{ repository: REPOSITORY, plan: { rules: [{}] } }, "'plan.rules.0.name' must be a string, but is missing"],
    [
      { repository: REPOSITORY, plan: { rules: [{ name: 'x', schedul: 1 }] } },
      "'plan.rules.0.schedul' is no key of the configuration; did you mean 'schedule'?",
    ],
    [
      { repository: REPOSITORY, plan: { verification: { fullSchedule: { cron: '0 0 * * *', zone: 'UTC' } } } },
      'known: cron, timeZone',
    ],
  ])('throws when it is %j', (value, message) => {
    expect(problemsOf(value)).toContainEqual(expect.stringContaining(message));
  });

  it('names every problem, each in one line, the first in the message', () => {
    const value = { repository: { url: 'x' }, tempo: { nam: 1, version: 3 } };
    expect(problemsOf(value)).toHaveLength(3);
    expect(problemsOf(value).join('')).not.toContain('\n');
    expect(() => parseRunnerConfig(value)).toThrow(`${problemsOf(value)[0] ?? ''} (and 2 more)`);
  });
});

interface SchemaNode {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** Every key below a node with its path, its own node and whether it must be given. */
function keysOf(node: SchemaNode, path = ''): { path: string; node: SchemaNode; required: boolean }[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    { path: path + key, node: child, required: node.required?.includes(key) ?? false },
    ...keysOf(child, `${path}${key}.`),
  ]);
  return [
    ...own,
    ...[node.items, ...(node.anyOf ?? [])].flatMap((child) => (child === undefined ? [] : keysOf(child, path))),
  ];
}

describe("the configuration's JSON Schema", () => {
  const keys = keysOf(runnerConfigJsonSchema());

  it('is the committed file', () => {
    const file = join(__dirname, '../../../schema/runner-config.json');
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(runnerConfigJsonSchema(), undefined, 2)}\n`);
  });

  it('describes every key', () => {
    expect(keys.length).toBeGreaterThan(50);
    expect(keys.filter(({ node }) => node.description === undefined).map(({ path }) => path)).toEqual([]);
  });

  it("has a default for every key that isn't required, or says what its absence means", () => {
    const silent = keys.filter(
      ({ node, required }) => !required && node.default === undefined && !/Absent: /.test(node.description ?? ''),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('requires only what has no default', () => {
    const required = keys.filter((key) => key.required).map(({ path }) => path);
    expect([...new Set(required)]).toEqual([
      'repository',
      'repository.url',
      'kubernetes.namespace',
      'kubernetes.workload',
      'kubernetes.workload.kind',
      'kubernetes.workload.name',
      'plan.rules.name',
      'plan.rules.schedule',
      'plan.rules.schedule.cron',
      'plan.rules.deleteAfter',
      'plan.volumeSnapshots.name',
      'plan.volumeSnapshots.schedule',
      'plan.volumeSnapshots.schedule.cron',
      'plan.volumeSnapshots.deleteAfter',
      'plan.verification.fullSchedule.cron',
      'plan.drill.schedule.cron',
      'plan.prune.schedule.cron',
      'plan.storage.lifecycle.objects',
      'plan.storage.lifecycle.after',
      'plan.storage.lifecycle.action',
    ]);
  });
});
