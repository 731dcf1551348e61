import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Bucket, BucketVersioning } from '@pulumi/aws/s3';
import { AuditTrail, BackupBucket, RunnerRole, TempoBucketProtection } from '../../../lib/aws/index';
import { type Plan, parseDuration, recommendedPlan, withChanges } from '../../../lib/contract/index';
import { readBack } from './read-back';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'Pulumi engine suite skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('the components on a real engine', () => engineSuite(AWS_ENDPOINT_URL ?? ''));
}

const REPLICA_REGION = 'eu-central-1';
const ISSUER = 'https://oidc.example.com/id/1';
const DAY = 24 * 60 * 60 * 1000;

function engineSuite(endpoint: string): void {
  const suffix = randomBytes(5).toString('hex');
  const names = { backups: `backups-${suffix}`, tempo: `tempo-${suffix}`, audit: `audit-${suffix}` };
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  let stack: StackUnderTest;
  let calls: string;
  let plan = recommendedPlan();

  beforeAll(async () => {
    calls = join(await mkdtemp(join(tmpdir(), 'tempo-backup-calls-')), 'calls.jsonl');
    stack = await StackUnderTest.make('components', { TESTBED_PROVIDER_LOG: calls });
    // Tempo's own bucket was there before.
    await s3.send(new CreateBucketCommand({ Bucket: names.tempo }));
  });

  afterAll(async () => {
    s3.destroy();
    await stack.remove();
    await rm(dirname(calls), { recursive: true });
  });

  const program = (protect: boolean) => async (): Promise<Record<string, unknown>> => {
    const backups = new BackupBucket('tempo-backups', {
      plan,
      bucket: names.backups,
      objectLock: { mode: 'GOVERNANCE', days: 7 },
      encryption: { kms: true },
      replica: { region: REPLICA_REGION, storageClass: 'GLACIER_IR' },
      protect,
    });
    const protection = new TempoBucketProtection('traces', { plan, bucket: names.tempo, protect });
    const oidcProvider = { arn: 'arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1', url: ISSUER };
    for (const command of ['backup', 'verify', 'restore', 'prune'] as const) {
      const serviceAccount = `tempo-${command}`;
      const role = new RunnerRole(serviceAccount, { oidcProvider, namespace: 'observability', serviceAccount });
      backups.grant(command, role);
    }
    const audit = new AuditTrail('tempo-audit', { buckets: [backups, protection], bucket: names.audit, protect });
    const { repositoryUrl, replicaBucket } = backups;
    return { repositoryUrl, replicaBucket, trail: audit.trailArn };
  };

  const changesOf = async (protect = true): Promise<Record<string, number>> =>
    (await (await stack.with(program(protect))).preview()).changeSummary;

  it('preview changes nothing', async () => {
    const changes = await changesOf();
    expect(changes['create']).toBeGreaterThan(40);
    await expect(s3.send(new HeadBucketCommand({ Bucket: names.backups }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('make what the plan says', async () => {
    const { outputs } = await (await stack.with(program(true))).up();
    expect(outputs['repositoryUrl']?.value).toBe(`s3://${names.backups}?region=us-east-1`);
    const found = await readBack(endpoint, names.backups);
    expectSafeguards(found);
    expectLifecycle(found.lifecycle, plan);
    expect(found.encryption?.[0]).toMatchObject({
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' },
      BucketKeyEnabled: true,
    });
    expect(found.lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 7 });
    const replicaName = String(outputs['replicaBucket']?.value);
    const replica = await readBack(endpoint, replicaName);
    expectSafeguards(replica);
    expect(replica.region).toBe(REPLICA_REGION);
    expect(replica.lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 7 });
    expectReplication(found.replication, { bucket: replicaName, keyArn: keyOf(replica) });
    expect(await sentReplicationRule(calls)).toMatchObject({
      SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
    });
    expect(keyOf(replica)).not.toBe(keyOf(found));
  });

  it('belong together: each resource has its component for a parent, or what it is a part of', async () => {
    const exported = await (await stack.with(program(true))).exportStack();
    const { resources } = exported.deployment as { resources: { urn: string; parent?: string }[] };
    const nameOf = (urn = ''): string => urn.split('::').slice(-2).join('::').replace(/^.*\$/, '');
    const parents = new Map(resources.map(({ urn, parent }) => [nameOf(urn), nameOf(parent)]));
    const safeguards = 'tempo-backup:aws:BucketSafeguards::tempo-backups';
    const replica = 'tempo-backup:aws:BucketReplication::tempo-backups-replica';
    const chains = {
      'aws:s3/bucketVersioning:BucketVersioning::tempo-backups-versioning': safeguards,
      [safeguards]: 'tempo-backup:aws:BackupBucket::tempo-backups',
      'aws:kms/key:Key::tempo-backups-key': 'tempo-backup:aws:BackupBucket::tempo-backups',
      'aws:iam/rolePolicy:RolePolicy::tempo-backups-prune': 'tempo-backup:aws:BackupBucket::tempo-backups',
      'aws:s3/bucketReplicationConfig:BucketReplicationConfig::tempo-backups-replica-configuration': replica,
      [replica]: 'tempo-backup:aws:BackupBucket::tempo-backups',
      'aws:s3/bucket:Bucket::traces': 'tempo-backup:aws:TempoBucketProtection::traces',
      'aws:iam/role:Role::tempo-prune': 'tempo-backup:aws:RunnerRole::tempo-prune',
      'aws:cloudtrail/trail:Trail::tempo-audit': 'tempo-backup:aws:AuditTrail::tempo-audit',
      'tempo-backup:aws:BackupBucket::tempo-backups': 'pulumi:pulumi:Stack::components-test',
    };
    expect(Object.fromEntries(Object.keys(chains).map((name) => [name, parents.get(name)]))).toEqual(chains);
    const orphans = [...parents].filter(([, parent]) => parent.startsWith('pulumi:pulumi:Stack')).map(([name]) => name);
    expect(orphans.filter((name) => !/^(tempo-backup:aws|pulumi:providers):/.test(name))).toEqual([]);
  });

  it("protect Tempo's own bucket and leave the bucket itself alone", async () => {
    const found = await readBack(endpoint, names.tempo);
    expect(found.versioning).toBe('Enabled');
    expect(found.policy).toBeUndefined();
    expect(found.lifecycle.map(({ ID }) => ID)).toEqual(['noncurrent-versions', 'incomplete-uploads']);
    expect(found.lifecycle.some(({ Transitions }) => Transitions?.length)).toBe(false);
    const exported = await (await stack.with(program(true))).exportStack();
    const resources = (exported.deployment as { resources: { type: string; id?: string; external?: boolean }[] })
      .resources;
    const bucket = resources.find(({ type, id }) => type === 'aws:s3/bucket:Bucket' && id === names.tempo);
    expect(bucket?.external).toBe(true);
  });

  it('lock the audit trail away', async () => {
    const found = await readBack(endpoint, names.audit);
    expectSafeguards(found);
    expect(found.lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 365 });
    expect(found.policy?.Statement.filter(({ Effect }) => Effect === 'Allow').map(({ Sid }) => Sid)).toEqual([
      'TrailLooks',
      'TrailWrites',
    ]);
  });

  it('change nothing the second time', async () => {
    const { summary } = await (await stack.with(program(true))).up({ expectNoChanges: true });
    expect(summary.resourceChanges).toEqual({ same: expect.any(Number) });
  });

  it('follow a changed plan in place', async () => {
    const [move, , ...rest] = plan.storage.lifecycle;
    const longer = { ...(plan.storage.lifecycle[1] as Plan['storage']['lifecycle'][number]), after: '400d' };
    plan = withChanges(plan, { storage: { lifecycle: move ? [move, longer, ...rest] : [] } });
    const { summary } = await (await stack.with(program(true))).up();
    // Of the bucket, its replica and Tempo's own.
    expect(summary.resourceChanges).toEqual({ same: expect.any(Number), update: 3 });
    expectLifecycle((await readBack(endpoint, names.backups)).lifecycle, plan);
  });

  it('refuse to be destroyed', async () => {
    await expect((await stack.with(program(true))).destroy()).rejects.toThrow(/cannot be deleted/);
    expect((await readBack(endpoint, names.backups)).versioning).toBe('Enabled');
  });

  it('stay as they are when an unprotected stack is destroyed', async () => {
    await (await stack.with(program(false))).up();
    await (await stack.with(program(false))).destroy();
    const found = await readBack(endpoint, names.backups);
    expectSafeguards(found);
    expectLifecycle(found.lifecycle, plan);
    expect((await readBack(endpoint, names.tempo)).versioning).toBe('Enabled');
  });

  it('take over what a program had made itself, without replacing or deleting any of it', async () => {
    const bucket = `former-${suffix}`;
    const former = await StackUnderTest.make('former');
    try {
      const before = async (): Promise<void> => {
        const made = new Bucket('tempo-backups', { bucket });
        const versioning = { bucket: made.bucket, versioningConfiguration: { status: 'Enabled' } };
        new BucketVersioning('tempo-backups', versioning);
      };
      const after = async (): Promise<void> => {
        new BackupBucket('tempo-backups', { plan, bucket });
      };
      await (await former.with(before)).up();
      const { summary } = await (await former.with(after)).up();
      expect(summary.resourceChanges).not.toHaveProperty('delete');
      expect(summary.resourceChanges).not.toHaveProperty('replace');
      expectSafeguards(await readBack(endpoint, bucket));
    } finally {
      await former.remove();
    }
  });

  it('take an existing bucket over, which `import` names', async () => {
    const existing = `existing-${suffix}`;
    await s3.send(new CreateBucketCommand({ Bucket: existing }));
    const importing = await StackUnderTest.make('importing');
    try {
      const adopt = (args: { readonly import?: string }) => async (): Promise<void> => {
        new BackupBucket('tempo-backups', { plan, bucket: existing, ...args });
      };
      const { summary } = await (await importing.with(adopt({ import: existing }))).up();
      expect(summary.resourceChanges).toMatchObject({ import: 1 });
      expectSafeguards(await readBack(endpoint, existing));
      await (await importing.with(adopt({}))).up({ expectNoChanges: true });
    } finally {
      await importing.remove();
    }
  });
}

/** What S3 is told to copy, and how it says that it keeps up. */
function expectReplication(
  found: Found['replication'],
  replica: { readonly bucket: string; readonly keyArn: string },
): void {
  expect(found?.Role).toMatch(/:role\/tempo-backups-replica-role/);
  expect(found?.Rules).toHaveLength(1);
  const [rule] = found?.Rules ?? [];
  expect(rule).toMatchObject({
    ID: 'replica',
    Status: 'Enabled',
    Filter: { Prefix: '' },
    Destination: {
      Bucket: expect.stringMatching(new RegExp(`:${replica.bucket}$`)) as unknown,
      StorageClass: 'GLACIER_IR',
      EncryptionConfiguration: { ReplicaKmsKeyID: replica.keyArn },
      Metrics: { Status: 'Enabled', EventThreshold: { Minutes: 15 } },
      ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } },
    },
  });
}

/** What the provider sent to S3: the double of AWS forgets which objects are to be selected. */
async function sentReplicationRule(calls: string): Promise<unknown> {
  type Sent = { op: string; input: { ReplicationConfiguration?: { Rules: unknown[] } } };
  const sent = (await readFile(calls, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sent);
  return sent.find(({ op }) => op === 'PutBucketReplication')?.input.ReplicationConfiguration?.Rules[0];
}

function keyOf({ encryption }: Found): string {
  return encryption?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? '';
}

type Found = Awaited<ReturnType<typeof readBack>>;

function expectSafeguards({ versioning, publicAccess, ownership, policy }: Found): void {
  const all = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true };
  const denied = policy?.Statement.filter(({ Effect }) => Effect === 'Deny').map(({ Condition }) => Condition);
  expect({ versioning, publicAccess, ownership, denied }).toEqual({
    versioning: 'Enabled',
    publicAccess: all,
    ownership: 'BucketOwnerEnforced',
    denied: [{ Bool: { 'aws:SecureTransport': 'false' } }, { NumericLessThan: { 's3:TlsVersion': '1.2' } }],
  });
}

/** Compares what the server says with the plan, without the code that made it. */
function expectLifecycle(rules: Found['lifecycle'], { storage }: Plan): void {
  const found = rules.flatMap((rule) => [
    ...(rule.NoncurrentVersionTransitions ?? []).map(
      ({ NoncurrentDays, StorageClass }) => `noncurrent ${NoncurrentDays} ${StorageClass}`,
    ),
    ...(rule.Transitions ?? []).map(({ Days, StorageClass }) => `current ${Days} ${StorageClass}`),
    ...(rule.NoncurrentVersionExpiration
      ? [`noncurrent ${rule.NoncurrentVersionExpiration.NoncurrentDays} expire`]
      : []),
    ...(rule.AbortIncompleteMultipartUpload
      ? [`incomplete-uploads ${rule.AbortIncompleteMultipartUpload.DaysAfterInitiation} expire`]
      : []),
  ]);
  const wanted = storage.lifecycle.map(
    ({ objects, after, storageClass }) => `${objects} ${parseDuration(after) / DAY} ${storageClass ?? 'expire'}`,
  );
  expect(found.sort()).toEqual(wanted.sort());
  expect(rules.filter(({ Expiration }) => Expiration?.Days ?? Expiration?.Date)).toEqual([]);
}
