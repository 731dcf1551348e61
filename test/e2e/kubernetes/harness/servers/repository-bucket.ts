import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { Forwarder } from './forwarder';

const {
  TEST_S3_ENDPOINT = '',
  TEST_S3_ACCESS_KEY = '',
  TEST_S3_SECRET_KEY = '',
  TEST_S3_REGION: region = 'us-east-1',
} = process.env;

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Keys of the S3 server, as the runner takes them from its environment. */
export const S3_KEYS = { AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_KEY };

/** A bucket for one repository. Pods reach it through a forwarder on this machine, the test itself directly. */
export class RepositoryBucket {
  private constructor(
    readonly name: string,
    /** The way that pods take; closed, the bucket is away. */
    readonly way: Forwarder,
    private readonly client: S3Client,
    private readonly address: string,
  ) {}

  /** At an address of this machine that pods reach; the API server's is one when it runs here. */
  static async create(address: string): Promise<RepositoryBucket> {
    const way = await Forwarder.listen(address, new URL(TEST_S3_ENDPOINT)).catch((cause: unknown) => {
      throw new Error(`listen on '${address}': name an address of this machine that pods reach by E2E_HOST_ADDRESS`, {
        cause,
      });
    });
    const credentials = { accessKeyId: TEST_S3_ACCESS_KEY, secretAccessKey: TEST_S3_SECRET_KEY };
    const client = new S3Client({ endpoint: TEST_S3_ENDPOINT, region, forcePathStyle: true, credentials });
    const name = `e2e-${randomBytes(6).toString('hex')}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return new RepositoryBucket(name, way, client, address);
  }

  /** Where the repository is for pods. */
  get inCluster(): { readonly endpoint: string; readonly bucket: string; readonly region: string } {
    return { endpoint: `http://${this.address}:${this.way.port}`, bucket: this.name, region };
  }

  /** URL of the repository here. */
  get url(): string {
    return `s3://${this.name}/tempo?region=${region}&endpoint=${encodeURIComponent(TEST_S3_ENDPOINT)}`;
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.name, Prefix: `tempo/${prefix}`, ContinuationToken: token }),
      );
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice('tempo/'.length)])));
      token = page.NextContinuationToken;
    }
    return keys;
  }

  /** IDs of the recovery points. */
  async points(): Promise<string[]> {
    return (await this.keys('points/'))
      .filter((key) => /^points\/[^/]+\.json$/.test(key))
      .map((key) => key.slice(7, -5));
  }

  async remove(): Promise<void> {
    await this.way.end();
    for (let keys = await this.keys(''); keys.length > 0; keys = keys.slice(1000)) {
      const Objects = keys.slice(0, 1000).map((key) => ({ Key: `tempo/${key}` }));
      await this.client.send(new DeleteObjectsCommand({ Bucket: this.name, Delete: { Objects } }));
    }
    await this.client.send(new DeleteBucketCommand({ Bucket: this.name }));
    this.client.destroy();
  }
}
