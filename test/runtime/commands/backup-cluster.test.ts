import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as openpgp from 'openpgp';
import { kubernetesSchema } from '../../../lib/contract/kubernetes-config';
import { kubernetesRights } from '../../../lib/contract/kubernetes-rights';
import type { Manifest } from '../../../lib/contract/manifest';
import type { ClusterObject } from '../../../runtime/cluster/cluster-api';
import { ClusterDouble } from '../../helpers/cluster-double';
import { TEMPO_NAMES, TEMPO_YAML, tempoObjects } from '../../helpers/cluster/tempo-objects';
import { Workplace } from '../../helpers/command-runner';

const RIGHTS = kubernetesRights('backup', kubernetesSchema.parse(TEMPO_NAMES));
const SECRET_TEXT = /hunter2|aHVudGVyMi1odW50ZXIy/;

// Deriving keys of passphrases is slow on purpose.
jest.setTimeout(60_000);

let workplace: Workplace;
let cluster: ClusterDouble;
let recipient: { readonly publicKey: string; readonly privateKey: string };

beforeAll(async () => {
  const userIDs = [{ name: 'platform' }];
  recipient = await openpgp.generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs, format: 'armored' });
});

beforeEach(async () => {
  workplace = await Workplace.withFixture('tempo-2.9');
  cluster = await ClusterDouble.start({ objects: tempoObjects(), rights: RIGHTS });
  workplace.cluster = cluster;
  writeFileSync(join(workplace.folder, 'platform.asc'), recipient.publicKey);
  await configure();
});

afterEach(async () => {
  await cluster.stop();
  await workplace.remove();
});

async function configure({ encryption = {}, ...names }: Record<string, unknown> = {}): Promise<void> {
  const kubernetes = { ...TEMPO_NAMES, ...names };
  const readers = { recipients: [join(workplace.folder, 'platform.asc')], ...(encryption as object) };
  const extra = `kubernetes: ${JSON.stringify(kubernetes)}\nencryption: ${JSON.stringify(readers)}`;
  await workplace.configure({ extra });
}

function manifestOf(id: string): Manifest {
  return JSON.parse(readFileSync(join(workplace.repository, 'points', `${id}.json`), 'utf8')) as Manifest;
}

function secretIn(id: string): Manifest['config'][number] | undefined {
  return manifestOf(id).config.find(({ name }) => name === 'Secret/tempo-s3');
}

function stored(): string[] {
  return readdirSync(join(workplace.repository, 'config')).sort();
}

function put(kind: string, name: string, changes: object): void {
  cluster.put({ ...(cluster.find(kind, name) as ClusterObject), ...changes });
}

describe('a backup with Kubernetes objects', () => {
  it('takes each by name, with the rights that it is given, and nothing else', async () => {
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(0);
    const { config, components, bytes } = manifestOf(result.recoveryPoint.id);
    expect(config.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'ConfigMap/tempo configmap.json',
      'Secret/tempo-s3 secret.json.pgp',
      'Service/tempo service.json',
      'Service/tempo-headless service.json',
      'PersistentVolumeClaim/storage-tempo-0 persistentvolumeclaim.json',
      'StatefulSet/tempo statefulset.json',
    ]);
    expect(config[0]).toMatchObject({
      object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'monitoring', name: 'tempo' },
      key: `config/${config[0]?.sha256 ?? ''}.configmap.json`,
    });
    expect(components).toEqual(['blocks', 'wal', 'configuration', 'secrets']);
    expect(bytes).toBe(result.bytes.total);
    const used = cluster.calls.map(({ verb, group, resource, name = '' }) => `${verb} ${group}/${resource}/${name}`);
    const granted = RIGHTS.flatMap(({ verbs, group, resource, names = [] }) =>
      verbs.flatMap((verb) => names.map((name) => `${verb} ${group}/${resource}/${name}`)),
    );
    expect([...used].sort()).toEqual([...granted].sort());
  });

  it('sends and asks for nothing while nothing changed, the Secret included', async () => {
    await workplace.run('backup');
    const before = stored();
    const { result } = await workplace.run('backup', '--scope', 'wal');
    expect(result.requests).toMatchObject({ put: 1, get: 2, list: 1, head: 0 });
    expect(stored()).toEqual(before);
    expect(manifestOf(result.recoveryPoint.id).config).toHaveLength(6);
  });

  it('sends one object when one changed', async () => {
    await workplace.run('backup');
    put('ConfigMap', 'tempo', { data: { 'tempo.yaml': TEMPO_YAML.replace('24h', '48h') } });
    const { result } = await workplace.run('backup', '--scope', 'wal');
    expect(result.requests).toMatchObject({ put: 2 });
    expect(stored()).toHaveLength(7);
  });

  it('encrypts a Secret anew when it changed, or its readers did', async () => {
    await workplace.run('backup');
    const secrets = (): string[] => stored().filter((name) => name.endsWith('.secret.json.pgp'));
    put('Secret', 'tempo-s3', { data: { S3_SECRET_KEY: 'bmV3' } });
    await workplace.run('backup');
    expect(secrets()).toHaveLength(2);
    writeFileSync(join(workplace.folder, 'passphrase'), 'correct horse\n');
    await configure({ encryption: { passphraseFile: join(workplace.folder, 'passphrase') } });
    await workplace.run('backup');
    await workplace.run('backup');
    expect(secrets()).toHaveLength(3);
  });

  it('encrypts a Secret anew when verify found its message lost', async () => {
    await workplace.run('backup');
    const [lost = ''] = stored().filter((name) => name.endsWith('.pgp'));
    rmSync(join(workplace.repository, 'config', lost));
    expect((await workplace.run('verify')).exitCode).toBe(12);
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(0);
    expect(secretIn(result.recoveryPoint.id)?.key).not.toBe(`config/${lost}`);
    expect((await workplace.run('verify', '--level', 'full')).exitCode).toBe(0);
  });

  it('stores nothing of a Secret in clear, nor anything that depends on its content alone', async () => {
    const { result, stderr, stdout } = await workplace.run('backup');
    const files = readdirSync(workplace.repository, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    expect([...files, stderr, stdout].filter((text) => SECRET_TEXT.test(text))).toEqual([]);
    const entry = secretIn(result.recoveryPoint.id);
    const secret = cluster.find('Secret', 'tempo-s3')?.metadata;
    expect(entry?.encryption).toEqual({
      recipients: [{ file: expect.any(String), fingerprints: [expect.any(String)] }],
      passphrase: null,
      uid: secret?.uid,
      resourceVersion: secret?.resourceVersion,
    });
    // Another repository has another message of the same Secret, so that no digest of it tells what it holds.
    const other = await Workplace.withFixture('tempo-2.9');
    const first = workplace;
    workplace = other;
    other.cluster = cluster;
    writeFileSync(join(other.folder, 'platform.asc'), recipient.publicKey);
    await configure();
    const again = secretIn((await other.run('backup')).result.recoveryPoint.id);
    expect(again?.size).toBe(entry?.size);
    expect(again?.sha256).not.toBe(entry?.sha256);
    await first.remove();
  });

  it('is refused before anything is stored when Secrets would be in clear', async () => {
    await configure({ encryption: { recipients: [] } });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(2);
    expect(result.error.message).toMatch(
      /^back up Secrets: they are only stored encrypted; set 'encryption.recipients'/,
    );
    expect(cluster.calls).toEqual([]);
    await configure({ encryption: { recipients: [] }, secrets: [] });
    expect((await workplace.run('backup')).exitCode).toBe(0);
  });

  it.each([
    [
      'ConfigMap',
      { data: { 'tempo.yaml': 'storage: {trace: {s3: {secret_key: hunter2hunter2}}}' } },
      "the configuration lacks ConfigMap 'tempo': 'storage.trace.s3.secret_key' of 'tempo.yaml' is a secret in clear",
    ],
    [
      'ConfigMap',
      { data: { 'start.sh': 'tempo\nexport S3=https://x:hunter2@minio\n' } },
      "the configuration lacks ConfigMap 'tempo': 'line 2' of 'start.sh' is a secret in clear",
    ],
    [
      'StatefulSet',
      {
        spec: {
          template: { spec: { containers: [{ name: 'tempo', env: [{ name: 'S3_SECRET_KEY', value: 'hunter2' }] }] } },
        },
      },
      "the configuration lacks StatefulSet 'tempo': env S3_SECRET_KEY of container 'tempo' is a secret in clear",
    ],
    [
      'StatefulSet',
      {
        spec: {
          template: { spec: { containers: [{ name: 'tempo', args: ['--storage.trace.s3.secret_key=hunter2'] }] } },
        },
      },
      "the configuration lacks StatefulSet 'tempo': argument 1 of container 'tempo' is a secret in clear",
    ],
  ])(
    'leaves out a %s with a secret in clear, by its name and not its value, and saves the data',
    async (kind, changes, message) => {
      put(kind, 'tempo', changes);
      const { exitCode, result, stderr } = await workplace.run('backup');
      expect(exitCode).toBe(12);
      expect(result.blocks.total).toBe(3);
      expect(result.recoveryPoint.suspectReasons).toEqual([expect.stringContaining(message)]);
      expect(manifestOf(result.recoveryPoint.id).config).toHaveLength(5);
      expect(`${stderr}${JSON.stringify(result)}`).not.toMatch(SECRET_TEXT);
    },
  );

  it.each([
    ['ConfigMap', 'tempo', 'configmaps/tempo'],
    ['Secret', 'tempo-s3', 'secrets/tempo-s3'],
    ['PersistentVolumeClaim', 'storage-tempo-0', 'persistentvolumeclaims/storage-tempo-0'],
    ['StatefulSet', 'tempo', 'statefulsets/tempo'],
  ])('saves the data and says so when there is no %s', async (kind, name, resource) => {
    cluster.remove(cluster.find(kind, name) as ClusterObject);
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(12);
    expect(result.blocks.total).toBe(3);
    expect(result.recoveryPoint.suspectReasons).toEqual([
      `the configuration lacks '${resource}' in namespace 'monitoring': there is none; correct 'kubernetes' in the configuration`,
    ]);
    expect(manifestOf(result.recoveryPoint.id).config).toHaveLength(5);
  });

  it('saves the data and says which verb on what it may not do', async () => {
    cluster.rights = RIGHTS.filter(({ resource }) => resource !== 'secrets');
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(12);
    expect(result.recoveryPoint.suspectReasons).toEqual([
      "the configuration is not whole: call the Kubernetes API: may not 'get' 'secrets/tempo-s3' in namespace 'monitoring'; grant it to ServiceAccount 'tempo-backup'",
    ]);
    expect(result.blocks.total).toBe(3);
  });

  it('saves the data when a Secret can not be encrypted, and stores it nowhere', async () => {
    writeFileSync(join(workplace.folder, 'platform.asc'), recipient.privateKey);
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(12);
    expect(result.blocks.total).toBe(3);
    expect(result.recoveryPoint.suspectReasons).toEqual([
      expect.stringMatching(/^the configuration lacks Secret 'tempo-s3': .* holds the private key/),
    ]);
    expect(stored().filter((name) => name.includes('secret'))).toEqual([]);
  });

  it('saves the data while the API is broken, and is sound again when it is back', async () => {
    cluster.fault = () => ({ status: 400 });
    const broken = await workplace.run('backup');
    expect(broken.exitCode).toBe(12);
    expect(broken.result.recoveryPoint.suspectReasons).toHaveLength(6);
    cluster.fault = () => undefined;
    expect((await workplace.run('backup')).exitCode).toBe(0);
  });

  it('tells what Tempo uses and nobody named, and is sound without it', async () => {
    expect((await workplace.run('backup')).stderr).not.toContain('which no recovery point has');
    const volumes = [
      { name: 'a', configMap: { name: 'tempo-runtime' } },
      { name: 'b', projected: { sources: [{ secret: { name: 'tempo-tls' } }, { configMap: { name: 'tempo' } }] } },
      { name: 'c', secret: { secretName: 'tempo-ca' } },
    ];
    const containers = [{ name: 'tempo', envFrom: [{ configMapRef: { name: 'tempo-env' } }] }];
    put('StatefulSet', 'tempo', { spec: { template: { spec: { containers, volumes } } } });
    const { exitCode, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      "StatefulSet 'tempo' uses ConfigMap 'tempo-env', ConfigMap 'tempo-runtime', Secret 'tempo-ca', Secret 'tempo-tls', which no recovery point has; " +
        "name them in 'kubernetes.configMaps' and 'kubernetes.secrets'",
    );
  });

  it("knows Tempo's retention from its ConfigMaps", async () => {
    const keepFor = (retention: string): void =>
      put('ConfigMap', 'tempo', {
        data: { 'tempo.yaml': `compactor: {compaction: {block_retention: ${retention}}}\n` },
      });
    keepFor('90000h');
    await workplace.run('backup');
    for (const folder of [workplace.traces, join(workplace.wal, 'blocks')])
      rmSync(join(folder, 'team-b'), { recursive: true });
    expect((await workplace.run('backup')).exitCode).toBe(14);
    // Blocks of the fixture are older than that, so it explains that they are gone.
    keepFor('1m');
    expect((await workplace.run('backup')).exitCode).toBe(0);
  });

  it('makes a point of a broken configuration too, and says that it is one', async () => {
    put('ConfigMap', 'tempo', { data: { 'tempo.yaml': 'storage: [\n' } });
    const { exitCode, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(0);
    expect(stderr).toContain("read 'configmaps/tempo: tempo.yaml': it isn't YAML");
  });
});

describe('show --config-diff', () => {
  async function change(changes: () => void | Promise<void>): Promise<string[]> {
    const first = await workplace.run('backup');
    await changes();
    const second = await workplace.run('backup');
    return [first.result.recoveryPoint.id, second.result.recoveryPoint.id];
  }

  it('shows what changed, line by line', async () => {
    const [first = '', second = ''] = await change(() =>
      put('ConfigMap', 'tempo', { data: { 'tempo.yaml': TEMPO_YAML.replace('24h', '48h') } }),
    );
    const { stdout } = await workplace.type('show', second, '--config-diff', first, '--config', workplace.config);
    expect(stdout).toContain(`--- ConfigMap/tempo  ${first}\n+++ ConfigMap/tempo  ${second}\n`);
    expect(stdout).toMatch(/^@@ -\d+,\d+ \+\d+,\d+ @@$/m);
    expect(stdout).toMatch(/^-\s+block_retention: 24h$\n^\+\s+block_retention: 48h$/m);
    expect(stdout).toMatch(/^-\s+overrides\.yaml:/m);
    expect(stdout).toContain(`1 part of the configuration changed from ${first} to ${second}, 5 unchanged`);
  });

  it('tells of a Secret that it changed, and nothing else', async () => {
    const [first = '', second = ''] = await change(() =>
      put('Secret', 'tempo-s3', { data: { S3_SECRET_KEY: 'bmV3' } }),
    );
    const { result } = await workplace.run('show', second, '--config-diff', first);
    expect(result.configDiff).toEqual({
      ...{ from: first, to: second, unchanged: 5 },
      changes: [{ name: 'Secret/tempo-s3', change: 'changed', hunks: [] }],
    });
  });

  it('finds a Secret unchanged that was only encrypted to others', async () => {
    const [first = '', second = ''] = await change(async () => {
      writeFileSync(join(workplace.folder, 'passphrase'), 'correct horse\n');
      await configure({ encryption: { passphraseFile: join(workplace.folder, 'passphrase') } });
    });
    const { result } = await workplace.run('show', second, '--config-diff', first);
    expect(result.configDiff).toMatchObject({ changes: [], unchanged: 6 });
  });

  it('names what came and went', async () => {
    const [first = '', second = ''] = await change(() => configure({ secrets: [], services: ['tempo'] }));
    const removed = await workplace.run('show', second, '--config-diff', first);
    expect(removed.result.configDiff?.changes).toMatchObject([
      { name: 'Secret/tempo-s3', change: 'removed', hunks: [] },
      { name: 'Service/tempo-headless', change: 'removed', hunks: [{ fromLine: 1, toLine: 1 }] },
    ]);
    const added = await workplace.run('show', first, '--config-diff', second);
    expect(added.result.configDiff?.changes.map(({ change: what }) => what)).toEqual(['added', 'added']);
  });

  it('lists the configuration of a point, and which parts are encrypted', async () => {
    await workplace.run('backup');
    const { result } = await workplace.run('show', 'latest');
    expect(result.configDiff).toBeNull();
    expect(result.recoveryPoint.config.filter(({ encrypted }) => encrypted)).toMatchObject([
      { name: 'Secret/tempo-s3', kind: 'secret.json.pgp' },
    ]);
  });
});
