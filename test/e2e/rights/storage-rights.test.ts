import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { BackupBucket, S3Compatible } from '../../../lib/aws/index';
import {
  type CommandName,
  recommendedPlan,
  STORAGE_ACTIONS,
  STORAGE_COMMANDS,
  STORAGE_RIGHTS,
  type StorageRight,
} from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { type MinioServer, MinioUsers } from './minio-users';
import { GRACE_SECONDS, type Ran, RightsScene } from './rights-scene';
import { S3Recorder } from './s3-recorder';

const { TEST_S3_ENDPOINT, TEST_MC, TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const absent = ['TEST_S3_ENDPOINT', 'TEST_MC'].filter((name) => !process.env[name]);
if (absent.length > 0) {
  const line = `rights on a MinIO skipped: ${absent.join(' and ')} not set`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
} else {
  const root = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
  describe('the rights of each command on a MinIO', () =>
    rightsSuite({ mc: TEST_MC ?? '', endpoint: TEST_S3_ENDPOINT ?? '', root }));
}

const RIGHTS = ['list', 'get', 'put', 'delete'] as const;

function rightsSuite(server: MinioServer): void {
  let recorder: S3Recorder;
  let users: MinioUsers;
  let scene: RightsScene;
  const runs: { readonly what: string; readonly ran: Ran }[] = [];

  const undo: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    recorder = await S3Recorder.before(server.endpoint);
    undo.push(() => recorder.close());
    users = await MinioUsers.on(server);
    undo.push(() => users.remove());
    scene = await RightsScene.make(recorder, server);
    undo.push(
      () => scene.remove(),
      () => removeVersions(scene),
    );
    const policies = await policiesOfComponent(scene.bucket);
    for (const [command, policy] of policies) scene.users.set(command, await users.add(command, policy));
    const run = async (command: CommandName, ...args: string[]): Promise<Ran> => {
      const ran = await scene.run(command, ...args);
      runs.push({ what: [command, ...args].join(' '), ran });
      return ran;
    };
    await liveThrough(scene, recorder, run);
  }, 300_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    expect(failures).toEqual([]);
  }, 120_000);

  it('let every command run its whole way', () => {
    const failed = runs.filter(({ ran }) => ran.exitCode !== 0 && ran.exitCode !== 12);
    expect(failed.map(({ what, ran }) => `${what}: ${ran.exitCode} ${ran.stderr}`)).toEqual([]);
    // Only those that met the damage which was done on purpose.
    expect(runs.filter(({ ran }) => ran.exitCode === 12).map(({ what }) => what)).toEqual([DAMAGED_VERIFY]);
    expect(new Set(runs.map(({ what }) => what.split(' ')[0]))).toEqual(new Set(STORAGE_COMMANDS));
  });

  it('are never asked for more: the policy has every call that the runner makes', () => {
    const refused = runs.flatMap(({ what, ran }) =>
      ran.calls.filter(({ status }) => status === 403).map(({ action, key }) => `${what}: ${action} ${key}`),
    );
    expect(refused).toEqual([]);
    const unlisted = STORAGE_COMMANDS.flatMap((command) =>
      (scene.called.get(command) ?? [])
        .filter(({ action, key }) => !isListed(command, action, key))
        .map(({ action, key }) => `${command}: ${action} ${key}`),
    );
    expect(unlisted).toEqual([]);
  });

  it.each(STORAGE_COMMANDS)('of %s are all used', (command) => {
    const calls = scene.called.get(command) ?? [];
    const unused = RIGHTS.flatMap((right) =>
      STORAGE_RIGHTS[command][right]
        .filter((pattern) => !calls.some(({ action, key }) => belongsTo(right, action) && matches(pattern, key)))
        .map((pattern) => `${right} ${pattern}`),
    );
    expect(unused).toEqual([]);
  });

  it('hold no action that no command calls', () => {
    const called = new Set([...scene.called.values()].flatMap((calls) => calls.map(({ action }) => action)));
    const granted = RIGHTS.flatMap((right) => [
      ...STORAGE_ACTIONS[right].onObjects,
      ...STORAGE_ACTIONS[right].onBucket,
    ]);
    expect([...called].sort()).toEqual([...new Set(granted)].sort());
  });

  describe.each(STORAGE_COMMANDS)('of %s', (command) => {
    it('refuse every other kind of call on every kind of object', async () => {
      const client = clientOf(command);
      const attempts = RIGHTS.flatMap((right) =>
        SAMPLES.filter((key) => !STORAGE_RIGHTS[command][right].some((pattern) => matches(pattern, key))).map(
          async (key) => `${right} ${key}: ${await attempt(client, right, key)}`,
        ),
      );
      const permitted = (await Promise.all(attempts)).filter((line) => !line.endsWith(': AccessDenied'));
      expect(attempts.length).toBeGreaterThanOrEqual(20);
      expect(permitted).toEqual([]);
    });

    it('refuse to delete or bring out a version', async () => {
      const [version = { Key: '', VersionId: '' }] = await scene.versions();
      const remove = new DeleteObjectCommand({ Bucket: scene.bucket, ...version });
      await expect(clientOf(command).send(remove)).rejects.toMatchObject({ name: 'AccessDenied' });
      const all = new DeleteObjectsCommand({ Bucket: scene.bucket, Delete: { Objects: [version] } });
      const outcome = await clientOf(command)
        .send(all)
        .then(({ Errors = [] }) => Errors.map(({ Code }) => Code))
        .catch((error: Error) => [error.name]);
      expect(outcome).toEqual(['AccessDenied']);
    });
  });

  it('refuse what would hurt most, whatever the table says', async () => {
    const point = (await scene.keys('points/'))[0] ?? '';
    const data = (await scene.keys('blocks/')).find((key) => key.endsWith('data.parquet')) ?? '';
    expect([point, data]).not.toContain('');
    const outcomes = {
      'backup deletes a block': await attempt(clientOf('backup'), 'delete', data),
      'backup deletes a point': await attempt(clientOf('backup'), 'delete', point),
      'prune reads data': await attempt(clientOf('prune'), 'get', data),
      'prune writes a point': await attempt(clientOf('prune'), 'put', 'points/2026-01-01T00-00-00Z-0000.json'),
      'restore writes': await attempt(clientOf('restore'), 'put', 'blocks/team-a/x/meta.json'),
      'restore deletes': await attempt(clientOf('restore'), 'delete', data),
      'verify writes a point': await attempt(clientOf('verify'), 'put', 'points/2026-01-01T00-00-00Z-0000.json'),
      'verify deletes': await attempt(clientOf('verify'), 'delete', data),
    };
    expect(Object.entries(outcomes).filter(([, outcome]) => outcome !== 'AccessDenied')).toEqual([]);
  });

  it('end at the repository: nothing beside its prefix can be read or written', async () => {
    for (const command of STORAGE_COMMANDS) {
      const get = new GetObjectCommand({ Bucket: scene.bucket, Key: 'points/other.json' });
      await expect(clientOf(command).send(get)).rejects.toMatchObject({ name: 'AccessDenied' });
      const list = new ListObjectsV2Command({ Bucket: scene.bucket, Prefix: 'points/' });
      await expect(clientOf(command).send(list)).rejects.toMatchObject({ name: 'AccessDenied' });
    }
  });

  function clientOf(command: CommandName): S3Client {
    const user = scene.users.get(command);
    if (!user) throw new Error(`there is no user for ${command}`);
    return scene.client(user);
  }

  async function attempt(client: S3Client, right: StorageRight, key: string): Promise<string> {
    const Bucket = scene.bucket;
    const Key = scene.prefix + key;
    const attempts = {
      list: () => client.send(new ListObjectsV2Command({ Bucket, Prefix: Key })),
      get: () => client.send(new GetObjectCommand({ Bucket, Key })),
      put: () => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' })),
      delete: () => client.send(new DeleteObjectCommand({ Bucket, Key })),
    };
    try {
      await attempts[right]();
      return 'permitted';
    } catch (error) {
      return (error as Error).name;
    }
  }
}

const DAMAGED_VERIFY = 'verify --level quick';

/** One key of each kind. */
const SAMPLES = [
  'repository.json',
  'blocks/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/data.parquet',
  'rewritten/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/0123456789abcdef/data.parquet',
  'wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001',
  'config/00.yaml',
  'indexes/00.json.gz',
  'points/2026-01-01T00-00-00Z-0000.json',
  'points/2026-01-01T00-00-00Z-0000.damaged.json',
  'points/other',
  'verifications/2026-01-01T00-00-00Z-0000.json.gz',
  'condemned/2026-01-01T00-00-00Z-0000.json.gz',
  'elsewhere',
];

/** The policies exactly as the component hands them out. */
async function policiesOfComponent(bucket: string): Promise<Map<CommandName, string>> {
  const endpoint = S3Compatible.minio({ url: 'https://minio.example.com' });
  const engine = await RecordingEngine.run(() => {
    const backups = new BackupBucket('tempo-backups', { plan: recommendedPlan(), bucket, prefix: 'prod', endpoint });
    for (const command of STORAGE_COMMANDS) backups.grant(command, { name: `tempo-${command}` });
  });
  return new Map(
    STORAGE_COMMANDS.map((command) => {
      const { inputs } = engine.find(`tempo-backups-${command}`, 'RolePolicy');
      return [command, String(inputs['policy'])] as const;
    }),
  );
}

type Run = (command: CommandName, ...args: string[]) => Promise<Ran>;

/** A repository's life, with everything in it that makes a command call what it calls seldom. */
async function liveThrough(scene: RightsScene, recorder: S3Recorder, run: Run): Promise<void> {
  const backup = (): Promise<Ran> => run('backup', '--rule', 'short');
  const big = scene.addBlock();
  const wal = 'wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001';
  // Keys that are taken: by other bytes, so that an upload is aborted and another place is found, and by the same.
  await scene.put(`blocks/team-a/${big.id}/data.parquet`, Buffer.alloc(big.data.length, 7));
  await scene.put(wal, 'other bytes');
  await scene.put(await scene.changeTempoConfig('# first\n'), '# first\n');
  recorder.answersToLose = 1;
  await backup();
  // As if the first had been killed before its manifest: the next one adopts what it finds.
  for (const key of await scene.keys('points/')) await scene.delete(key);
  await backup();
  await scene.put('rewritten/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/0123456789abcdef/meta.json', '{}');
  await scene.changeTempoConfig('# second\n');
  scene.addBlock();
  await backup();
  for (let record = 0; record < 3; record++) await run('verify', '--level', 'full');
  await run('list');
  await run('show', 'latest');
  await run('restore', '--recovery-point', 'latest', '--target', scene.target);
  await sleep(GRACE_SECONDS * 1000);
  await run('prune');
  await loseAnIndex(scene, run, backup);
  await run('verify', '--level', 'full');
  await sleep(2 * GRACE_SECONDS * 1000);
  await run('prune');
  await scene.forgetTempoConfig();
  await run('restore', '--recovery-point', 'latest', '--target', scene.target, '--dry-run');
}

/** Verification finds it, the next backup looks among what is condemned for what it may use again; then it comes back. */
async function loseAnIndex(scene: RightsScene, run: Run, backup: () => Promise<Ran>): Promise<void> {
  const [point = ''] = (await scene.keys('points/')).sort().reverse();
  const manifest = JSON.parse((await scene.get(point)).toString('utf8')) as { tenants: { index: { key: string } }[] };
  const lost = manifest.tenants[0]?.index.key ?? '';
  const bytes = await scene.get(lost);
  await scene.delete(lost);
  await run('verify', '--level', 'quick');
  scene.addBlock();
  await backup();
  await scene.put(lost, bytes);
}

async function removeVersions(scene: RightsScene): Promise<void> {
  for (let left = await scene.versions(); left.length > 0; left = await scene.versions())
    await scene.root.send(new DeleteObjectsCommand({ Bucket: scene.bucket, Delete: { Objects: left, Quiet: true } }));
  await scene.root.send(new DeleteBucketCommand({ Bucket: scene.bucket }));
}

function isListed(command: CommandName, action: string, key: string): boolean {
  return RIGHTS.some(
    (right) =>
      belongsTo(right, action) &&
      (STORAGE_ACTIONS[right].onBucket.includes(action) && right === 'put'
        ? STORAGE_RIGHTS[command].put.length > 0
        : STORAGE_RIGHTS[command][right].some((pattern) => matches(pattern, key))),
  );
}

function belongsTo(right: StorageRight, action: string): boolean {
  const { onObjects, onBucket } = STORAGE_ACTIONS[right];
  return onObjects.includes(action) || onBucket.includes(action);
}

/** As IAM understands `*`. */
function matches(pattern: string, key: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+()[\]{}^$|\\?]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(key);
}
