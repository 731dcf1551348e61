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
  STORAGE_CALLERS,
  STORAGE_RIGHTS,
  type StorageCaller,
} from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { type MinioServer, MinioUsers } from './minio-users';
import { GRACE_SECONDS, RightsScene } from './rights-scene';
import type { RanProgram as Ran } from './run-program';
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

/** Those of a bucket that locks nothing. */
const RIGHTS = ['list', 'get', 'put', 'delete'] as const;
type Right = (typeof RIGHTS)[number];

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
      () => removeVersions(scene, scene.bucket),
      () => removeVersions(scene, scene.targetBucket),
    );
    const policies = await policiesOfComponent(scene.bucket);
    const onCopy = await policiesOfComponent(scene.targetBucket);
    for (const [caller, policy] of policies) {
      const others = caller === 'replicate' ? [onCopy.get('replicate-target') ?? ''] : [];
      scene.users.set(caller, await users.add(caller, policy, ...others));
    }
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
    const failed = runs.filter(({ what, ran }) => ran.exitCode !== (EXPECTED_EXITS[what] ?? 0));
    expect(failed.map(({ what, ran }) => `${what}: ${ran.exitCode} ${ran.stderr}`)).toEqual([]);
    const callers = new Set([...runs.map(({ what }) => what.split(' ')[0]), 'replicate-target']);
    expect(callers).toEqual(new Set(STORAGE_CALLERS));
  });

  it('are never asked for more: the policy has every call that the runner makes', () => {
    const refused = runs.flatMap(({ what, ran }) =>
      ran.calls.filter(({ status }) => status === 403).map(({ action, key }) => `${what}: ${action} ${key}`),
    );
    expect(refused).toEqual([]);
    const unlisted = STORAGE_CALLERS.flatMap((command) =>
      (scene.called.get(command) ?? [])
        .filter(({ action, key }) => !isListed(command, action, key))
        .map(({ action, key }) => `${command}: ${action} ${key}`),
    );
    expect(unlisted).toEqual([]);
  });

  it.each(STORAGE_CALLERS)('of %s are all used', (command) => {
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

  describe.each(STORAGE_CALLERS)('of %s', (command) => {
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
    for (const command of STORAGE_CALLERS) {
      const get = new GetObjectCommand({ Bucket: scene.bucket, Key: 'points/other.json' });
      await expect(clientOf(command).send(get)).rejects.toMatchObject({ name: 'AccessDenied' });
      const list = new ListObjectsV2Command({ Bucket: scene.bucket, Prefix: 'points/' });
      await expect(clientOf(command).send(list)).rejects.toMatchObject({ name: 'AccessDenied' });
    }
  });

  function clientOf(command: StorageCaller): S3Client {
    const user = scene.users.get(command);
    if (!user) throw new Error(`there is no user for ${command}`);
    return scene.client(user);
  }

  async function attempt(client: S3Client, right: Right, key: string): Promise<string> {
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

/** Of runs before there is a repository, and of those that met the damage which was done on purpose. */
const EXPECTED_EXITS: Readonly<Record<string, number>> = { 'snapshot list': 10, 'verify --level quick': 12 };

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
  'pvc-snapshots/data-tempo-0-20260101-000000.json',
  'probes/x',
  'elsewhere',
];

/** The policies exactly as the component hands them out. */
async function policiesOfComponent(bucket: string): Promise<Map<StorageCaller, string>> {
  const endpoint = S3Compatible.minio({ url: 'https://minio.example.com' });
  const engine = await RecordingEngine.run(() => {
    const backups = new BackupBucket('tempo-backups', { plan: recommendedPlan(), bucket, prefix: 'prod', endpoint });
    for (const command of STORAGE_CALLERS) backups.grant(command, { name: `tempo-${command}` });
  });
  return new Map(
    STORAGE_CALLERS.map((command) => {
      const { inputs } = engine.find(`tempo-backups-${command}`, 'RolePolicy');
      return [command, String(inputs['policy'])] as const;
    }),
  );
}

type Run = (command: CommandName, ...args: string[]) => Promise<Ran>;

/** A repository's life, with everything in it that makes a command call what it calls seldom. */
async function liveThrough(scene: RightsScene, recorder: S3Recorder, run: Run): Promise<void> {
  const backup = (rule = 'all'): Promise<Ran> => run('backup', '--rule', rule);
  await run('snapshot', 'list');
  const big = scene.addBlock();
  const wal = 'wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/0000000001';
  // Keys that are taken: by other bytes, so that an upload is aborted and another place is found, and by the same.
  await scene.put(`blocks/team-a/${big.id}/data.parquet`, Buffer.alloc(big.data.length, 7));
  await scene.put(wal, 'other bytes');
  await scene.put(await scene.changeTempoConfig('# first\n'), '# first\n');
  recorder.answersToLose.push((method, { searchParams }) => method === 'POST' && searchParams.has('uploads'));
  await backup();
  // As if the first had been killed before its manifest: the next one adopts what it finds.
  for (const key of await scene.keys('points/')) await scene.delete(key);
  await backup();
  await scene.put('rewritten/team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/0123456789abcdef/meta.json', '{}');
  await scene.changeTempoConfig('# second\n');
  scene.addBlock();
  await backup();
  for (const scope of ['data', 'wal', 'config']) await backup(scope);
  for (let record = 0; record < 3; record++) await run('verify', '--level', 'full');
  await run('list');
  await run('show', 'latest');
  const [oldest = ''] = (await scene.keys('points/')).filter((key) => key.endsWith('.json')).sort();
  await run('show', 'latest', '--config-diff', oldest.slice('points/'.length, -'.json'.length));
  await run('restore', '--recovery-point', 'latest-verified', '--target', scene.target);
  await takeVolumeSnapshots(run);
  await sleep(GRACE_SECONDS * 1000);
  await run('prune');
  await replicateTwice(scene, recorder, run);
  await loseAnIndex(scene, run, backup);
  await run('verify', '--level', 'full');
  await sleep(2 * GRACE_SECONDS * 1000);
  await run('prune');
  await scene.forgetTempoConfig();
  await run('restore', '--recovery-point', 'latest', '--target', scene.target, '--dry-run');
}

/** The second finds more than the first left, and what prune there has condemned. */
async function replicateTwice(scene: RightsScene, recorder: S3Recorder, run: Run): Promise<void> {
  // Who doesn't know whether a put was done looks the key up.
  for (const kind of ['points', 'blocks', 'rewritten', 'wal', 'config', 'indexes'])
    recorder.answersToLose.push(
      (method, { pathname }) => method === 'PUT' && pathname.startsWith(`/${scene.targetBucket}/prod/${kind}/`),
    );
  await run('replicate', '--to', scene.copyUrl);
  const [record = ''] = await scene.keys('condemned/');
  await scene.put(record, await scene.get(record), scene.targetBucket);
  scene.addBlock();
  await run('backup', '--rule', 'all');
  await run('replicate', '--to', scene.copyUrl);
}

/** Of a cluster that makes each at once. */
async function takeVolumeSnapshots(run: Run): Promise<void> {
  await run('snapshot', 'create', '--rule', 'daily');
  await run('snapshot', 'prune');
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

async function removeVersions(scene: RightsScene, Bucket: string): Promise<void> {
  for (let left = await scene.versions(Bucket); left.length > 0; left = await scene.versions(Bucket))
    await scene.root.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: left, Quiet: true } }));
  await scene.root.send(new DeleteBucketCommand({ Bucket }));
}

function isListed(command: StorageCaller, action: string, key: string): boolean {
  return RIGHTS.some(
    (right) =>
      belongsTo(right, action) &&
      (STORAGE_ACTIONS[right].onBucket.includes(action) && right !== 'list'
        ? STORAGE_RIGHTS[command][right].length > 0
        : STORAGE_RIGHTS[command][right].some((pattern) => matches(pattern, key))),
  );
}

function belongsTo(right: Right, action: string): boolean {
  const { onObjects, onBucket } = STORAGE_ACTIONS[right];
  return onObjects.includes(action) || onBucket.includes(action);
}

/** As IAM understands `*`. */
function matches(pattern: string, key: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+()[\]{}^$|\\?]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(key);
}
