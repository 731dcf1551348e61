import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openS3Storage } from '../../../../../runtime/storage/s3';
import { useAwsEnvironment } from '../../../../helpers/aws-environment';

let server: Server;
let answer: string;
let restoreEnvironment: () => void;
beforeAll(async () => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' });
  server = createServer((_, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  restoreEnvironment();
});

async function keysOf(text: string): Promise<string[]> {
  answer = text;
  const { port } = server.address() as AddressInfo;
  const url = `s3://bucket?endpoint=http://127.0.0.1:${port}&region=us-east-1&pathStyle=true`;
  const storage = await openS3Storage(url, { sleep: async () => undefined });
  try {
    const keys: string[] = [];
    for await (const { key } of storage.list('')) keys.push(key);
    return keys;
  } finally {
    await storage.close();
  }
}

const entry = '<Key>a%20b</Key><LastModified>2026-11-23T08:30:00.000Z</LastModified><ETag>"e"</ETag><Size>1</Size>';
const result = (inner: string): string => `<ListBucketResult>${inner}</ListBucketResult>`;

describe('an answer to a listing', () => {
  it.each([
    ['in the usual form', `<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>${entry}</Contents>`],
    ['in another form', `<IsTruncated>false</IsTruncated><Contents type="x">${entry}</Contents>`],
  ])('is understood %s', async (_, inner) => {
    expect(await keysOf(result(inner))).toEqual(['a b']);
  });

  it.each([
    ['a login page', '<html><body>Sign in</body></html>', 'it is no listing'],
    ['nothing', '', 'it is no listing'],
    ['an error', '<Error><Code>AccessDenied</Code><Message>no</Message></Error>', 'access denied'],
    ['more to come, but not from where', result('<IsTruncated>true</IsTruncated>'), 'has no NextContinuationToken'],
  ])('that is %s is no listing of nothing', async (_, text, message) => {
    await expect(keysOf(text)).rejects.toThrow(message);
  });
});
