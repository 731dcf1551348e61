import * as pulumi from '@pulumi/pulumi';
import type * as awsStack from '../../../stacks/aws/index';

interface Created {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const created: Created[] = [];
let repositoryUrl: string;

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      created.push({ type, name, inputs: inputs as Record<string, unknown> });
      return { id: `${name}-id`, state: inputs as Record<string, unknown> };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  });
  // Loaded only now: a Pulumi program defines its resources while it is loaded.
  const stack = jest.requireActual<typeof awsStack>('../../../stacks/aws/index');
  repositoryUrl = await new Promise((resolve) => stack.repositoryUrl.apply(resolve));
  await pulumi.runtime.disconnect();
});

describe('the AWS stack', () => {
  it('defines one bucket, versioned and private', () => {
    expect(created.map(({ type, name }) => [type, name]).sort()).toEqual([
      ['aws:s3/bucket:Bucket', 'tempo-backups'],
      ['aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock', 'tempo-backups'],
      ['aws:s3/bucketVersioning:BucketVersioning', 'tempo-backups'],
    ]);
    const inputs = (type: string) => created.find((resource) => resource.type.endsWith(`:${type}`))?.inputs;
    expect(inputs('BucketVersioning')).toMatchObject({
      bucket: 'acme-tempo-backups',
      versioningConfiguration: { status: 'Enabled' },
    });
    expect(inputs('BucketPublicAccessBlock')).toMatchObject({
      bucket: 'acme-tempo-backups',
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
  });

  it("exports the repository's URL as the runner reads it", () => {
    expect(repositoryUrl).toBe('s3://acme-tempo-backups?region=eu-west-1');
  });
});
