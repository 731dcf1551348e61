import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openS3Storage } from '../../../../runtime/storage/s3';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { sourceOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double } from '../../../helpers/s3-double';

const TOKEN = 'token-of-the-service-account';
const EXPIRES = new Date(Date.now() + 3_600_000).toISOString();

describe('the identity of a pod', () => {
  let folder: string;
  let double: S3Double;
  let restoreEnvironment: () => void;
  let issuer: Server | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'identity-'));
    writeFileSync(join(folder, 'token'), TOKEN);
    double = await S3Double.start();
    restoreEnvironment = useAwsEnvironment({});
  });

  afterEach(async () => {
    restoreEnvironment();
    issuer?.closeAllConnections();
    await new Promise((resolve) => (issuer ? issuer.close(resolve) : resolve(undefined)));
    issuer = undefined;
    await double.stop();
    rmSync(folder, { recursive: true });
  });

  /** A server that trades a token for credentials, and remembers what it was shown. */
  async function startIssuer(answer: string, type: string): Promise<{ url: string; shown: string[] }> {
    const shown: string[] = [];
    issuer = createServer((request, response) => {
      void read(request).then((body) => {
        shown.push(`${request.headers.authorization ?? ''} ${decodeURIComponent(body)}`);
        response.writeHead(200, { 'content-type': type }).end(answer);
      });
    });
    const server = issuer;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, shown };
  }

  async function putOne(): Promise<void> {
    const storage = await openS3Storage(double.url());
    await expect(storage.put('a', sourceOf('a'))).resolves.toMatchObject({ created: true });
    await storage.close();
  }

  it('is proven by a web identity token (IRSA)', async () => {
    const { url, shown } = await startIssuer(assumedRole(), 'text/xml');
    process.env['AWS_ROLE_ARN'] = 'arn:aws:iam::123456789012:role/tempo-backup';
    process.env['AWS_WEB_IDENTITY_TOKEN_FILE'] = join(folder, 'token');
    process.env['AWS_ENDPOINT_URL_STS'] = url;

    await putOne();

    expect(shown).toHaveLength(1);
    expect(shown[0]).toContain('Action=AssumeRoleWithWebIdentity');
    expect(shown[0]).toContain('RoleArn=arn:aws:iam::123456789012:role/tempo-backup');
    expect(shown[0]).toContain(`WebIdentityToken=${TOKEN}`);
  });

  it('is proven by a token of the pod identity agent', async () => {
    const credentials = {
      AccessKeyId: DOUBLE_ACCESS_KEY,
      SecretAccessKey: 'secret',
      Token: 'session',
      Expiration: EXPIRES,
    };
    const { url, shown } = await startIssuer(JSON.stringify(credentials), 'application/json');
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${url}/v1/credentials`;
    process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] = join(folder, 'token');

    await putOne();

    expect(shown).toEqual([`${TOKEN} `]);
  });
});

function assumedRole(): string {
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
    <AccessKeyId>${DOUBLE_ACCESS_KEY}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
    <Expiration>${EXPIRES}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
