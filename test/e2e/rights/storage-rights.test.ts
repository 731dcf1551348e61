import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { BackupBucket } from '../../../lib/aws/index';
import { recommendedPlan, STORAGE_CALLERS, type StorageCaller } from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { ONLY_WITH_LOCKS, permittedOf, TIED_ON_MINIO } from './forbidden-calls';
import { type MinioServer, MinioUsers } from './minio-users';
import { PolicyCheck } from './policy-check';
import { RepositoryLife } from './repository-life';
import { RightsScene } from './rights-scene';
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

/** Those that are tried on a key of each kind. */
const ACTIONS = {
  list: 's3:ListBucket',
  get: 's3:GetObject',
  put: 's3:PutObject',
  delete: 's3:DeleteObject',
} as const;
type Attempt = keyof typeof ACTIONS;
const ATTEMPTS = Object.keys(ACTIONS) as Attempt[];

function rightsSuite(server: MinioServer): void {
  let scene: RightsScene;
  let life: RepositoryLife;
  let documents: ReadonlyMap<StorageCaller, readonly string[]>;

  const undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const recorder = await S3Recorder.before(server.endpoint);
    undo.push(() => recorder.close());
    const users = await MinioUsers.on(server);
    undo.push(() => users.remove());
    scene = await RightsScene.make(recorder, server);
    undo.push(async () => expect(await scene.remove()).toEqual([]));
    documents = await documentsOfComponents(scene);
    for (const [caller, policies] of documents) {
      const others = caller === 'replicate' ? (documents.get('replicate-target') ?? []) : [];
      scene.users.set(caller, await users.add(caller, ...policies, ...others));
    }
    life = new RepositoryLife(scene, recorder);
    await life.live();
  }, 900_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    expect(failures).toEqual([]);
  }, 120_000);

  it('let every command run its whole way', () => {
    const callers = new Set([...life.runs.map(({ what }) => what.split(' ')[0]), 'replicate-target']);
    expect(callers).toEqual(new Set(STORAGE_CALLERS));
  });

  it('suffice to see how far a replica is, and to use it', () => {
    const [compared] = life.runs.filter(({ what }) => what.startsWith('verify --replica'));
    expect(JSON.parse(compared?.ran.stdout ?? '{}')).toMatchObject({
      replica: { missing: { objects: 0 }, points: { missing: [], incomplete: [] } },
    });
    const kinds = new Set(
      compared?.ran.calls.flatMap(({ bucket, action, key }) =>
        bucket === scene.replicaBucket && action === 's3:ListBucket' ? [key.split('/')[1]] : [],
      ),
    );
    expect(kinds).toEqual(new Set(['points', 'blocks', 'rewritten', 'wal', 'config', 'indexes']));
  });

  it('are never asked for more: no call is refused', () => {
    const refused = life.runs.flatMap(({ what, ran }) =>
      ran.calls.filter(({ status }) => status === 403).map(({ action, key }) => `${what}: ${action} ${key}`),
    );
    expect(refused).toEqual([]);
  });

  describe.each(STORAGE_CALLERS)('of %s', (caller) => {
    it('have every call that was made in the policy that the component makes', () => {
      expect(check(caller).lacks(scene.called.get(caller) ?? [])).toEqual([]);
    });

    it('have nothing in that policy that was never called', () => {
      const calls = scene.called.get(caller) ?? [];
      expect(calls.length).toBeGreaterThan(0);
      expect(check(caller).unused(calls, [scene.bucket, scene.replicaBucket])).toEqual([]);
    });

    it('refuse every other kind of call on every kind of object', async () => {
      const bucket = scene.bucketOf(caller);
      const attempts = ATTEMPTS.flatMap((kind) =>
        SAMPLES.filter((key) => !check(caller).permits(requestOf(kind, bucket, key))).map(
          async (key) => `${kind} ${key}: ${await attempt(caller, kind, key)}`,
        ),
      );
      const permitted = (await Promise.all(attempts)).filter((line) => !line.endsWith(': AccessDenied'));
      expect(attempts.length).toBeGreaterThanOrEqual(20);
      expect(permitted).toEqual([]);
    });

    it('refuse to change the bucket, its versions and its locks', async () => {
      const Bucket = scene.bucketOf(caller);
      const versions = await scene.versions(Bucket);
      const data = versions.find(({ Key }) => Key.includes('/blocks/') && Key.endsWith('data.parquet'));
      expect(data).toBeDefined();
      const version = { Bucket, ...(data ?? { Key: '', VersionId: '' }) };
      const exceptions = [...TIED_ON_MINIO, ...ONLY_WITH_LOCKS];
      expect(await permittedOf(clientOf(caller), version, exceptions)).toEqual([]);
      expect(await scene.versions(Bucket)).toEqual(versions);
    });

    it('end at the repository: nothing beside its prefix can be read or listed', async () => {
      const Bucket = scene.bucketOf(caller);
      const get = new GetObjectCommand({ Bucket, Key: 'points/other.json' });
      await expect(clientOf(caller).send(get)).rejects.toMatchObject({ name: 'AccessDenied' });
      const list = new ListObjectsV2Command({ Bucket, Prefix: 'points/' });
      await expect(clientOf(caller).send(list)).rejects.toMatchObject({ name: 'AccessDenied' });
    });
  });

  it('refuse what would hurt most, whatever the policies say', async () => {
    const point = (await scene.keys('points/'))[0] ?? '';
    const data = (await scene.keys('blocks/')).find((key) => key.endsWith('data.parquet')) ?? '';
    expect([point, data]).not.toContain('');
    const outcomes = {
      'backup deletes a block': await attempt('backup', 'delete', data),
      'backup deletes a point': await attempt('backup', 'delete', point),
      'prune reads data': await attempt('prune', 'get', data),
      'prune writes a point': await attempt('prune', 'put', 'points/2026-01-01T00-00-00Z-0000.json'),
      'restore writes': await attempt('restore', 'put', 'blocks/team-a/x/meta.json'),
      'restore deletes': await attempt('restore', 'delete', data),
      'verify writes a point': await attempt('verify', 'put', 'points/2026-01-01T00-00-00Z-0000.json'),
      'verify deletes': await attempt('verify', 'delete', data),
    };
    expect(Object.entries(outcomes).filter(([, outcome]) => outcome !== 'AccessDenied')).toEqual([]);
  });

  function check(caller: StorageCaller): PolicyCheck {
    return new PolicyCheck(documents.get(caller) ?? []);
  }

  function clientOf(caller: StorageCaller): S3Client {
    const user = scene.users.get(caller);
    if (!user) throw new Error(`there is no user for ${caller}`);
    return scene.client(user);
  }

  function requestOf(kind: Attempt, bucket: string, key: string): Parameters<PolicyCheck['permits']>[0] {
    return { action: ACTIONS[kind], bucket, key: scene.prefix + key, isOnBucket: kind === 'list' };
  }

  async function attempt(caller: StorageCaller, kind: Attempt, key: string): Promise<string> {
    const client = clientOf(caller);
    const Bucket = scene.bucketOf(caller);
    const Key = scene.prefix + key;
    const attempts = {
      list: () => client.send(new ListObjectsV2Command({ Bucket, Prefix: Key })),
      get: () => client.send(new GetObjectCommand({ Bucket, Key })),
      put: () => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' })),
      delete: () => client.send(new DeleteObjectCommand({ Bucket, Key })),
    };
    try {
      await attempts[kind]();
      return 'permitted';
    } catch (error) {
      return (error as Error).name;
    }
  }
}

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

/** The policies exactly as the components hand them out: on the repository, its replica where that is used, and the copy. */
async function documentsOfComponents({
  bucket,
  replicaBucket,
  targetBucket,
}: RightsScene): Promise<Map<StorageCaller, string[]>> {
  const plan = recommendedPlan();
  const onReplica = ['verify', 'restore'] as const;
  const engine = await RecordingEngine.run(() => {
    const replica = { region: 'eu-central-1', bucket: replicaBucket };
    const backups = new BackupBucket('backups', { plan, bucket, prefix: 'prod', replica });
    const copy = new BackupBucket('copy', { plan, bucket: targetBucket, prefix: 'prod' });
    for (const caller of STORAGE_CALLERS)
      (caller === 'replicate-target' ? copy : backups).grant(caller, { name: `tempo-${caller}` });
    for (const caller of onReplica) backups.grantOnReplica(caller, { name: `tempo-${caller}` });
  });
  const documents = new Map<StorageCaller, string[]>();
  for (const caller of STORAGE_CALLERS) {
    const granted = engine.ofType('RolePolicy').filter(({ inputs }) => inputs['role'] === `tempo-${caller}`);
    documents.set(
      caller,
      granted.map(({ inputs }) => String(inputs['policy'])),
    );
  }
  return documents;
}
