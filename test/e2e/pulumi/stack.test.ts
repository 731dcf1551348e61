import { StackUnderTest } from './stack-under-test';

const { PULUMI_HOME, AWS_ENDPOINT_URL } = process.env;
const isLoopback = /^http:\/\/(127\.|localhost)/.test(AWS_ENDPOINT_URL ?? '');
if (!PULUMI_HOME || !isLoopback) {
  const line = 'preview of the AWS stack skipped: PULUMI_HOME and a loopback AWS_ENDPOINT_URL are not set';
  console.info(line);
  const skippedWithoutEngine = it.skip;
  skippedWithoutEngine(line, () => undefined);
} else {
  it('the AWS stack can be previewed as it is', async () => {
    const stack = await StackUnderTest.make('tempo-backup');
    try {
      const program = async () => jest.requireActual<Record<string, unknown>>('../../../stacks/aws/index');
      const made = await stack.with(program);
      await made.setAllConfig({
        replicaRegion: { value: 'eu-central-1' },
        lockDays: { value: '7' },
        tempoBucket: { value: 'none' },
        oidcProviderArn: { value: 'arn:aws:iam::123456789012:oidc-provider/x' },
        oidcProviderUrl: { value: 'https://oidc.example.com/x' },
      });
      const begun = performance.now();
      const { changeSummary } = await made.preview();
      console.info(`preview of the AWS stack: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      expect(changeSummary['create']).toBeGreaterThan(40);
    } finally {
      await stack.remove();
    }
  });
}
