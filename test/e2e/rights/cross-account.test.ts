import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand, type S3Client } from '@aws-sdk/client-s3';
import { BackupBucket } from '../../../lib/aws/index';
import type { PolicyDocument } from '../../../lib/aws/bucket-grants';
import { recommendedPlan } from '../../../lib/contract/index';
import { RecordingEngine } from '../../helpers/recording-engine';
import { type ForbiddenCall, permittedOf } from './forbidden-calls';
import type { Credentials } from './minio-users';
import { PolicyCheck } from './policy-check';
import { RightsScene } from './rights-scene';
import { S3Recorder } from './s3-recorder';

const { TEST_VGW_ENDPOINT, TEST_VGW = '', TEST_S3_ACCESS_KEY = '', TEST_S3_SECRET_KEY = '' } = process.env;
const ROOT: Credentials = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
/** Other servers that have been looked at bind no user by a bucket's policy. */
const COMMANDS = ['backup', 'list', 'verify', 'restore', 'prune'] as const;
type GrantedCommand = (typeof COMMANDS)[number];
/** By that server, for nobody. */
const NOT_IMPLEMENTED: readonly ForbiddenCall[] = [
  'changes the lifecycle',
  'deletes the lifecycle',
  'changes the encryption',
];
const absence = absenceOf(TEST_VGW_ENDPOINT);
if (absence === undefined) {
  describe('the rights of other accounts, in the policy of the bucket on a versitygw', () =>
    crossAccountSuite(TEST_VGW_ENDPOINT ?? ''));
} else {
  const line = `rights of other accounts on a versitygw skipped: ${absence}`;
  console.info(line);
  const skippedWithoutServer = it.skip;
  skippedWithoutServer(line, () => undefined);
}

function crossAccountSuite(endpoint: string): void {
  let scene: RightsScene;
  let policy: PolicyDocument;
  const undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const recorder = await S3Recorder.before(endpoint);
    undo.push(() => recorder.close());
    scene = await RightsScene.make(recorder, { endpoint, root: ROOT });
    undo.push(async () => expect(await scene.remove()).toEqual([]));
    policy = await policyOfComponent(scene.bucket);
    for (const command of COMMANDS) {
      const user = makeAccount();
      undo.push(async () => admin('delete-user', '--access', user.accessKeyId));
      scene.users.set(command, user);
    }
    // Before the account that it names.
    undo.push(() => scene.root.send(new DeleteBucketPolicyCommand({ Bucket: scene.bucket })));
  }, 120_000);

  // Each of them, also where another one fails: a server that is left open keeps the process alive.
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const step of undo.reverse()) await step().catch((error: unknown) => failures.push(error));
    expect(failures).toEqual([]);
  }, 120_000);

  // In the order in which they need each other.
  describe.each(COMMANDS)('of %s', (command) => {
    beforeAll(() => grantOnly(command));

    it('let the command run its whole way', async () => {
      if (command === 'backup') scene.addBlock();
      const { exitCode, stderr, calls } = await scene.run(command, ...argumentsOf(command));
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
      expect(calls.filter(({ status }) => status === 403)).toEqual([]);
      expect(new PolicyCheck([JSON.stringify(policyOn(command))]).lacks(calls)).toEqual([]);
    });

    it('refuse to change the bucket, its versions and its locks', async () => {
      const versions = await scene.versions();
      const data = versions.find(({ Key }) => Key.endsWith('data.parquet')) ?? { Key: '', VersionId: '' };
      expect(await permittedOf(clientOf(command), { Bucket: scene.bucket, ...data }, NOT_IMPLEMENTED)).toEqual([]);
      expect(await scene.versions()).toEqual(versions);
    });
  });

  function argumentsOf(command: GrantedCommand): string[] {
    if (command === 'backup') return ['--rule', 'all'];
    if (command === 'verify') return ['--level', 'full'];
    return command === 'restore' ? ['--recovery-point', 'latest', '--target', scene.target] : [];
  }

  /** The server keeps its policies in attributes of folders, which are small: there is room for one grant. */
  async function grantOnly(command: GrantedCommand): Promise<void> {
    const { accessKeyId } = scene.users.get(command) ?? { accessKeyId: '' };
    const { Version, Statement } = policyOn(command);
    // There, accounts have no ARNs.
    const bound = Statement.map((each) => ({ ...each, Principal: { AWS: [accessKeyId] } }));
    const Policy = JSON.stringify({ Version, Statement: bound });
    await scene.root.send(new PutBucketPolicyCommand({ Bucket: scene.bucket, Policy }));
  }

  /** What the bucket's policy says of the command, named as in other policies: in it, names have a command before and an index behind. */
  function policyOn(command: GrantedCommand): PolicyDocument {
    const own = policy.Statement.filter(({ Principal }) => principalOf(Principal) === arnOf(command));
    const named = (sid: string): string => sid.slice(command.length).replace(/\d+$/, '');
    return { ...policy, Statement: own.map(({ Principal: _, ...rest }) => ({ ...rest, Sid: named(rest.Sid) })) };
  }

  function clientOf(command: GrantedCommand): S3Client {
    const user = scene.users.get(command);
    if (!user) throw new Error(`there is no user for ${command}`);
    return scene.client(user);
  }
}

function arnOf(command: string): string {
  return `arn:aws:iam::222222222222:role/${command}`;
}

function principalOf(principal: PolicyDocument['Statement'][number]['Principal']): string {
  return typeof principal === 'object' ? String(principal['AWS']) : '';
}

/** The bucket's policy exactly as the component makes it, but for TLS, which no test server speaks. */
async function policyOfComponent(bucket: string): Promise<PolicyDocument> {
  const crossAccountGrants = COMMANDS.map((command) => ({ command, principalArn: arnOf(command) }));
  const engine = await RecordingEngine.run(
    () => new BackupBucket('backups', { plan: recommendedPlan(), bucket, prefix: 'prod', crossAccountGrants }),
  );
  const [{ inputs } = { inputs: {} }] = engine.ofType('BucketPolicy');
  const policy = JSON.parse(String((inputs as Record<string, unknown>)['policy'])) as PolicyDocument;
  return { ...policy, Statement: policy.Statement.filter(({ Principal }) => Principal !== '*') };
}

function makeAccount(): Credentials {
  const user = {
    accessKeyId: `rights-${randomBytes(6).toString('hex')}`,
    secretAccessKey: randomBytes(16).toString('hex'),
  };
  admin('create-user', '--access', user.accessKeyId, '--secret', user.secretAccessKey, '--role', 'user');
  return user;
}

function admin(...args: string[]): void {
  const url = ['--endpoint-url', TEST_VGW_ENDPOINT ?? ''];
  const credentials = ['--access', ROOT.accessKeyId, '--secret', ROOT.secretAccessKey];
  execFileSync(TEST_VGW, ['admin', ...credentials, ...url, ...args], { timeout: 10_000, stdio: 'pipe' });
}

/** The address of the server says nothing of whether it is up. */
function absenceOf(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || TEST_VGW === '') return 'TEST_VGW_ENDPOINT or TEST_VGW is not set';
  try {
    admin('list-users');
    return undefined;
  } catch {
    return `none answers at ${endpoint}`;
  }
}
