import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { RunnerError } from '../../../../../runtime/errors';
import { openS3Storage } from '../../../../../runtime/storage/s3';
import type { Storage } from '../../../../../runtime/storage/storage';
import { useAwsEnvironment } from '../../../../helpers/aws-environment';
import { bytesOf, sourceOf } from '../../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions, type S3Fault } from '../../../../helpers/s3-double';

const MIB = 1024 * 1024;
const CERTIFICATES = join(__dirname, '../../../../fixtures/tls');
const bytes = bytesOf(2 * MIB, 'direct');

let double: S3Double;
let storage: Storage;
let restoreEnvironment: () => void;

/** The first request is always made by the SDK: from then on it is known how. */
async function start(options: S3DoubleOptions = {}, key = 'a', parameters: Record<string, string> = {}): Promise<void> {
  double = await S3Double.start(options);
  storage = await openS3Storage(double.url('backups', parameters), { sleep: async () => undefined });
  await storage.put(key, sourceOf(bytes));
}

beforeEach(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'top-secret' });
});
afterEach(async () => {
  await storage.close();
  await double.stop();
  restoreEnvironment();
});

async function read(key: string, offset: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length);
  await storage.read(key, offset, into);
  return into;
}

const directRequests = (): S3Double['headers'] =>
  double.headers.filter((headers) => headers['user-agent']?.startsWith('tempo-backup/'));

describe('a range of an object', () => {
  it('is read past the SDK, over one connection that is used again', async () => {
    await start();
    const before = double.connections;

    const parts = [await read('a', 0, MIB), await read('a', MIB, 1000), await read('a', 0, 1), await read('a', 5, 10)];

    expect(parts.map((part) => part.length)).toEqual([MIB, 1000, 1, 10]);
    expect(Buffer.compare(parts[0] ?? Buffer.alloc(0), bytes.subarray(0, MIB))).toBe(0);
    expect(Buffer.compare(parts[1] ?? Buffer.alloc(0), bytes.subarray(MIB, MIB + 1000))).toBe(0);
    expect(directRequests()).toHaveLength(4);
    expect(double.connections - before).toBe(1);
  });

  it('is read beside others, each over a connection of its own', async () => {
    await start();
    const offsets = Array.from({ length: 40 }, (_, index) => index * 50_000);

    const parts = await Promise.all(offsets.map((offset) => read('a', offset, 50_000)));

    parts.forEach((part, index) => {
      expect(part.equals(bytes.subarray(index * 50_000, (index + 1) * 50_000))).toBe(true);
    });
    expect(double.mostAtOnce).toBeLessThanOrEqual(32);
  });

  it.each(["it's (odd)!*", 'ümlaut and 日本', 'a+b=c&d?e#f%25', 'tenant/with/folders~._-', 'a\'b"c<d>'])(
    'is found by the key %j',
    async (key) => {
      await start({}, key);

      expect((await read(key, 1, 5)).equals(bytes.subarray(1, 6))).toBe(true);

      expect(directRequests()).toHaveLength(1);
    },
  );

  it('is asked for by a signature that covers the range', async () => {
    await start();
    await read('a', 3, 4);

    const [headers] = directRequests();
    expect(headers?.range).toBe('bytes=3-6');
    expect(headers?.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=.*SignedHeaders=host;range;/);
    expect(headers?.['x-amz-content-sha256']).toHaveLength(64);
  });

  it('comes over TLS from a server whose authority caBundle names', async () => {
    const pem = (name: string): string => readFileSync(join(CERTIFICATES, name), 'utf8');
    const caBundle = join(CERTIFICATES, 'loopback.pem');
    await start({ tls: { cert: pem('loopback.pem'), key: pem('key.pem') } }, 'a', { caBundle });

    const whole = await Promise.all([read('a', 0, 2 * MIB), read('a', 0, 2 * MIB)]);

    expect(whole.every((part) => part.equals(bytes))).toBe(true);
    expect(directRequests()).toHaveLength(2);
  });
});

describe('a request that fails', () => {
  const refusals: [string, S3Fault, RegExp][] = [
    ['a missing object', { kind: 'refuse', status: 404, code: 'NoSuchKey' }, /'a'/],
    ['a missing bucket', { kind: 'refuse', status: 404, code: 'NoSuchBucket' }, /the bucket does not exist/],
    ['denied access', { kind: 'refuse', status: 403, code: 'AccessDenied' }, /access denied/],
    ['expired credentials', { kind: 'refuse', status: 403, code: 'ExpiredToken' }, /expired/],
    [
      'an archived object',
      { kind: 'refuse', status: 403, code: 'InvalidObjectState' },
      /is in an archive class and must be thawed/,
    ],
    ['a wrong clock', { kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' }, /the clock here says/],
    [
      'a redirect',
      { kind: 'refuse', status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-9' } },
      /is in region 'eu-west-9'/,
    ],
  ];

  it.each(refusals)('is explained as the SDK would: %s', async (_, fault, message) => {
    for (const chunked of [undefined, 'refusals'] as const) {
      await start({ chunked });
      const before = double.log.length;
      double.fail({ on: 'GetObject', fault });

      const error: unknown = await read('a', 0, 10).catch((reason: unknown) => reason);

      expect(error).toBeInstanceOf(RunnerError);
      expect((error as RunnerError).message).toMatch(message);
      // Once: what was answered isn't asked for again.
      expect(double.log.length - before).toBe(1);
      expect(directRequests()).toHaveLength(1);
      await storage.close();
      await double.stop();
    }
    await start();
  });

  it.each<[string, S3Fault]>([
    ['503 SlowDown', { kind: 'refuse', status: 503, code: 'SlowDown' }],
    ['500', { kind: 'refuse', status: 500, code: 'InternalError' }],
    ['a connection that breaks before the answer', { kind: 'lose-response' }],
    ['a connection that breaks within the answer', { kind: 'reset-response' }],
    ['an answer that ends early', { kind: 'truncate' }],
  ])('is repeated after %s', async (_, fault) => {
    await start();
    double.fail({ on: 'GetObject', fault, times: 2 });

    expect((await read('a', 0, 2 * MIB)).equals(bytes)).toBe(true);

    expect(directRequests()).toHaveLength(3);
    expect(storage.requests.get).toBe(3);
  });

  it('goes on where the connection broke', async () => {
    await start();
    double.fail({ on: 'GetObject', fault: { kind: 'truncate' } });

    await read('a', 0, 2 * MIB);

    expect(directRequests().map(({ range }) => range)).toEqual(['bytes=0-2097151', 'bytes=1048576-2097151']);
  });

  it('ends at once when it is aborted, and writes to its memory no more', async () => {
    await start();
    const stop = new AbortController();
    const other = await openS3Storage(double.url(), { signal: stop.signal, sleep: async () => undefined });
    await other.head('a');
    double.fail({ on: 'GetObject', fault: { kind: 'delay', milliseconds: 50 } });
    const into = Buffer.alloc(MIB);

    const reading = other.read('a', 0, into);
    setTimeout(() => stop.abort(new Error('stopped')), 20);

    await expect(reading).rejects.toThrow('stopped');
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(into.equals(Buffer.alloc(MIB))).toBe(true);
    await other.close();
  });
});

describe('a server that answers in another way', () => {
  it('is left to the SDK for good', async () => {
    await start();
    await storage.close();
    await double.stop();
    double = await S3Double.start({ chunked: 'all' });
    storage = await openS3Storage(double.url(), { sleep: async () => undefined });
    await storage.put('a', sourceOf(bytes));

    const failures = [await read('a', 0, 10).catch(String), await read('a', 0, 10).catch(String)];

    // The SDK needs a length too; what matters is that it was asked, and the direct way only once.
    expect(failures).toEqual([expect.stringContaining('ContentLength'), expect.stringContaining('ContentLength')]);
    expect(directRequests()).toHaveLength(1);
    expect(double.count('GetObject')).toBe(3);
  });
});

describe('credentials that are renewed', () => {
  let issuer: Server;
  let issued = 0;

  beforeEach(async () => {
    issued = 0;
    issuer = createServer((_, response) => {
      issued++;
      // So close to its end that the SDK asks for the next one each time.
      const Expiration = new Date(Date.now() + 30_000).toISOString();
      const keys = { AccessKeyId: `key-${issued}`, SecretAccessKey: 's', Token: `token-${issued}`, Expiration };
      response.end(JSON.stringify(keys));
    });
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    const { port } = issuer.address() as AddressInfo;
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${port}/`;
  });
  afterEach(() => new Promise((resolve) => issuer.close(resolve)));

  it('are used from the next request on', async () => {
    await start({ accepts: (accessKey) => accessKey.startsWith('key-') });

    await read('a', 0, 10);
    const first = issued;
    await new Promise((resolve) => setTimeout(resolve, 20));
    await read('a', 0, 10);
    await read('a', 0, 10);

    const keyOf = (authorization = ''): string => /Credential=([^/]+)/.exec(authorization)?.[1] ?? '';
    const used = directRequests().map(({ authorization }) => keyOf(authorization));
    expect(used).toHaveLength(3);
    expect(issued).toBeGreaterThan(first);
    expect(used[2]).not.toBe(used[0]);
    expect(directRequests()[0]?.['x-amz-security-token']).toBe(used[0]?.replace('key', 'token'));
  });
});
