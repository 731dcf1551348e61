import { randomBytes } from 'node:crypto';
import { BackupBucket, type CrossAccountGrant } from '../../../lib/aws/index';
import { recommendedPlan } from '../../../lib/contract/index';
import { iam } from './further-types';
import { readKeyPolicy } from './key-policy';
import { readBack } from './read-back';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'grants across accounts skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('a grant across accounts on a real engine', () => engineSuite(AWS_ENDPOINT_URL ?? ''));
}

function engineSuite(endpoint: string): void {
  const suffix = randomBytes(5).toString('hex');
  const buckets = [`accounts-${suffix}`, `accounts-copy-${suffix}`] as const;
  const principalArn = 'arn:aws:iam::222222222222:role/recovery';
  let stack: StackUnderTest;

  beforeAll(async () => {
    stack = await StackUnderTest.make('accounts');
  });
  afterAll(() => stack.remove());

  const granting =
    (...crossAccountGrants: CrossAccountGrant[]) =>
    async (): Promise<void> => {
      new BackupBucket('tempo-backups', {
        ...{ plan: recommendedPlan(), bucket: buckets[0], region: 'us-east-1', crossAccountGrants, protect: false },
        replica: { region: 'eu-central-1', bucket: buckets[1] },
        encryption: { kms: true },
      });
    };

  /** Statements of the policies of a bucket and its key that let the other account in. */
  async function others(bucket: string): Promise<string[]> {
    const { policy, encryption } = await readBack(endpoint, bucket);
    const keyArn = encryption?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? '';
    const { Statement: ofKey } = await readKeyPolicy(endpoint, keyArn);
    const statements = [...(policy?.Statement ?? []), ...ofKey];
    return statements.filter((each) => JSON.stringify(each).includes(principalArn)).map(({ Sid }) => Sid);
  }

  it('lets the principal into bucket, replica and both keys', async () => {
    const grant: CrossAccountGrant = { command: 'restore', principalArn, on: 'both' };
    await (await stack.with(granting(grant))).up();
    const all = ['RestoreList0', 'RestoreLearnThatObjectsAreAbsent0', 'RestoreGet0', 'RestoreUseKey0'];
    for (const bucket of buckets) expect(await others(bucket)).toEqual(all);
  });

  it('is gone from all four when it is taken back, and nothing else changes', async () => {
    const { summary } = await (await stack.with(granting())).up();
    expect(summary.resourceChanges).toEqual({ same: expect.any(Number), update: 4 });
    for (const bucket of buckets) expect(await others(bucket)).toEqual([]);
  });

  it('leaves the role that replicates when the stack is destroyed, as the replication stays', async () => {
    await (await stack.with(granting())).destroy();
    const { replication } = await readBack(endpoint, buckets[0]);
    const RoleName = replication?.Role?.split('/').at(-1) ?? '';
    expect(await iam(endpoint, 'ListRolePolicies', { RoleName })).toContain('tempo-backups-replica-role');
  });
}
