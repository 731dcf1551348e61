import { randomBytes } from 'node:crypto';
import { GetBucketLoggingCommand, S3Client } from '@aws-sdk/client-s3';
import { associations, cloudWatch, iam, logs, trails } from './further-types';
import { program, TOPIC } from './logs-program';
import { ProviderInFront } from './provider-in-front';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'logs and alarms on a Pulumi engine skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('access logs, alarms and pod identity on a real engine', () =>
    engineSuite(AWS_ENDPOINT_URL ?? '', PULUMI_HOME));
}

/** Of the double: it keeps what it is told, but no service writes logs, counts events, or hands out roles to pods there. */
function engineSuite(endpoint: string, pulumiHome: string): void {
  const suffix = randomBytes(5).toString('hex');
  const names = {
    backups: `logged-${suffix}`,
    logs: `access-${suffix}`,
    audit: `audit-${suffix}`,
    trail: `trail-${suffix}`,
  };
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  let provider: ProviderInFront;
  let stack: StackUnderTest;

  beforeAll(async () => {
    provider = await ProviderInFront.start(endpoint, pulumiHome);
    stack = await StackUnderTest.make('logs', provider.env);
  });

  afterAll(async () => {
    s3.destroy();
    await stack.remove();
    provider.stop();
  });

  it('say so when the bucket of the logs lets nobody write them', async () => {
    const refusal = await stack.refusal(require.resolve('./logs-program'), { mayWrite: false, names });
    expect(refusal).toMatch(/InvalidTargetBucketForLogging/);
  });

  it('are made as the components say, and stay as they are', async () => {
    const { outputs } = await (await stack.with(program({ mayWrite: true, names }))).up();
    const { LoggingEnabled } = await s3.send(new GetBucketLoggingCommand({ Bucket: names.backups }));
    expect(LoggingEnabled).toMatchObject({ TargetBucket: names.logs, TargetPrefix: 'tempo-backups/' });

    const groups = JSON.parse(await logs(endpoint, 'DescribeLogGroups', { logGroupNamePrefix: names.trail })) as object;
    expect(groups).toMatchObject({ logGroups: [{ logGroupName: `${names.trail}-events`, retentionInDays: 90 }] });
    const logGroupName = `${names.trail}-events`;
    const found = JSON.parse(await logs(endpoint, 'DescribeMetricFilters', { logGroupName })) as Filters;
    expect(found.metricFilters.map(({ filterPattern }) => filterPattern).sort()).toEqual([
      '{ ($.eventSource = "s3.amazonaws.com") && ($.errorCode = "AccessDenied") }',
      '{ ($.eventSource = "s3.amazonaws.com") && ($.eventName = "DeleteObject*") && ($.errorCode NOT EXISTS)' +
        ' && (($.userIdentity.sessionContext.sessionIssuer.arn NOT EXISTS)' +
        ` || (($.userIdentity.sessionContext.sessionIssuer.arn != "${String(outputs['pruneArn']?.value)}"))) }`,
    ]);
    const alarms = await cloudWatch(endpoint, 'DescribeAlarms', { AlarmNamePrefix: names.trail });
    const all = (tag: string) =>
      Array.from(alarms.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g')), ([, text]) => text);
    // An alarm watches what a filter counts.
    const counted = found.metricFilters.flatMap((filter) =>
      filter.metricTransformations.map(({ metricName }) => metricName),
    );
    expect(all('MetricName').sort()).toEqual(counted.sort());
    expect(new Set(all('Namespace'))).toEqual(new Set(['TempoBackup']));
    expect(new Set(all('TreatMissingData'))).toEqual(new Set(['notBreaching']));
    expect(alarms.split(`<member>${TOPIC}</member>`)).toHaveLength(3);

    const { Trail } = JSON.parse(
      await trails(endpoint, 'GetTrail', { Name: String(outputs['trail']?.value) }),
    ) as Trails;
    expect(Trail).toMatchObject({
      // By this name the policy of its bucket knows it.
      Name: names.trail,
      LogFileValidationEnabled: true,
      IsMultiRegionTrail: true,
      S3BucketName: names.audit,
    });
    const selectors = await trails(endpoint, 'GetEventSelectors', { TrailName: String(outputs['trail']?.value) });
    expect(JSON.parse(selectors)).toMatchObject({
      AdvancedEventSelectors: [
        {
          FieldSelectors: [
            { Field: 'eventCategory', Equals: ['Data'] },
            { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
            // Of which buckets, the provider's double leaves out: it knows no `startsWiths`.
            { Field: 'resources.ARN' },
          ],
        },
      ],
    });

    const again = await (await stack.with(program({ mayWrite: true, names }))).up({ expectNoChanges: true });
    expect(again.summary.resourceChanges).toEqual({ same: expect.any(Number) });
  });

  it('associate the role with its service account, and with no other', async () => {
    const { value: roleArn = '' } =
      (await (await stack.with(program({ mayWrite: true, names }))).outputs())['pruneArn'] ?? {};
    expect(associations).toEqual([
      expect.objectContaining({
        clusterName: 'prod',
        namespace: 'observability',
        serviceAccount: 'tempo-prune',
        roleArn,
      }),
    ]);
    const role = await iam(endpoint, 'GetRole', { RoleName: String(roleArn).split('/').at(-1) ?? '' });
    const [, trust = ''] = /<AssumeRolePolicyDocument>([^<]*)</.exec(role) ?? [];
    const document = JSON.parse(decodeURIComponent(trust)) as { Statement: { Principal: object; Condition: object }[] };
    expect(document.Statement).toEqual([
      expect.objectContaining({
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Condition: {
          StringEquals: {
            'aws:RequestTag/eks-cluster-name': 'prod',
            'aws:RequestTag/kubernetes-namespace': 'observability',
            'aws:RequestTag/kubernetes-service-account': 'tempo-prune',
          },
        },
      }),
    ]);
  });
}

interface Trails {
  readonly Trail: object;
}

interface Filters {
  readonly metricFilters: readonly {
    readonly filterPattern: string;
    readonly metricTransformations: readonly { readonly metricName: string }[];
  }[];
}
