import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ConfigMap } from '@pulumi/pulumi/automation';
import { ProviderInFront } from './provider-in-front';
import { StackUnderTest } from './stack-under-test';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'preview of the AWS stack skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  describe('on a real engine', () => previewSuite(AWS_ENDPOINT_URL ?? '', PULUMI_HOME));
}

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:alarms';

function previewSuite(endpoint: string, pulumiHome: string): void {
  let provider: ProviderInFront;

  beforeAll(async () => {
    provider = await ProviderInFront.start(endpoint, pulumiHome);
    const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
    // Tempo's own bucket is there before.
    await s3.send(new CreateBucketCommand({ Bucket: 'acme-tempo' }));
    s3.destroy();
  });

  afterAll(() => provider.stop());

  /** How many resources the program would make. */
  async function preview(project: string, load: () => Record<string, unknown>, config: ConfigMap): Promise<number> {
    const stack = await StackUnderTest.make(project, provider.env);
    try {
      const made = await stack.with(async () => load());
      await made.setAllConfig(config);
      const begun = performance.now();
      const { changeSummary } = await made.preview();
      console.info(`preview of ${project}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      return changeSummary['create'] ?? 0;
    } finally {
      await stack.remove();
    }
  }

  it('the AWS stack can be previewed with all that its configuration has', async () => {
    const load = () => jest.requireActual<Record<string, unknown>>('../../../stacks/aws/index');
    const made = await preview('tempo-backup', load, {
      replicaRegion: { value: 'eu-central-1' },
      kms: { value: 'true' },
      lockDays: { value: '7' },
      tempoBucket: { value: 'acme-tempo' },
      tempoPrefix: { value: 'single' },
      eksCluster: { value: 'prod' },
      alarmTopicArn: { value: TOPIC },
    });
    expect(made).toBeGreaterThan(70);
  });

  it('the example of a platform stack can be previewed', async () => {
    const load = () => jest.requireActual<Record<string, unknown>>('../../../examples/platform-stack/index');
    const made = await preview('platform', load, { cluster: { value: 'prod' }, alarmTopicArn: { value: TOPIC } });
    expect(made).toBeGreaterThan(60);
  });
}
