import { RunnerError } from '../../../../../runtime/errors';
import { openS3Bucket, openS3Storage } from '../../../../../runtime/storage/s3';
import type { Bucket } from '../../../../../runtime/storage/bucket';
import type { PutResult, Storage } from '../../../../../runtime/storage/storage';
import { useAwsEnvironment } from '../../../../helpers/aws-environment';
import { bytesOf, sourceOf } from '../../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions, type S3Operation } from '../../../../helpers/s3-double';

const bytes = bytesOf(5000, 'copied');

let double: S3Double;
let storage: Storage;
let bucket: Bucket;
let restoreEnvironment: () => void;

/** The first request is always made by the SDK: from then on it is known how. */
async function start(options: S3DoubleOptions = {}): Promise<void> {
  double = await S3Double.start(options);
  storage = await openS3Storage(double.url('backups'), { sleep: async () => undefined });
  bucket = openS3Bucket(double.url('tempo'), { sleep: async () => undefined });
  await storage.put('first', sourceOf('first'));
  double.place('tempo/a', bytes);
  double.log.length = 0;
  double.headers.length = 0;
}

beforeEach(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'top-secret' });
});
afterEach(async () => {
  await storage.close();
  await bucket.close();
  await double.stop();
  restoreEnvironment();
});

const operations = (): S3Operation[] => double.log.map(({ operation }) => operation);
const pastTheSdk = (): boolean[] =>
  double.headers.map((headers) => headers['user-agent']?.startsWith('tempo-backup/') === true);

async function copy(key: string, isFresh = false): Promise<PutResult> {
  const [object] = await listed();
  if (!object) throw new Error('nothing to copy');
  const source = bucket.source(object, () => new RangeError('changed'));
  double.log.length = 0;
  double.headers.length = 0;
  return storage.put(key, source, { isFresh });
}

async function listed() {
  const found = [];
  for await (const object of bucket.list('')) found.push(object);
  return found;
}

describe('a copy by the server', () => {
  it.each(['aws', 'minio', 'silent'] as const)(
    'and its heads are sent past the SDK to a server like %s, over one connection',
    async (copies) => {
      await start({ copies });
      const before = double.connections;
      const first = await copy("b's (odd)! ü+&");
      expect(first).toMatchObject({ created: true, copied: true, size: 5000 });
      expect(operations()).toEqual(
        copies === 'silent' ? ['HeadObject', 'CopyObject', 'HeadObject'] : ['HeadObject', 'CopyObject'],
      );
      expect(pastTheSdk()).not.toContain(false);
      expect(double.objects.get("backups/b's (odd)! ü+&")?.bytes.equals(bytes)).toBe(true);
      // That one lists the bucket, so its connection isn't among these.
      expect(double.connections - before).toBeLessThanOrEqual(2);
      const second = await copy("b's (odd)! ü+&");
      expect(second).toEqual({ ...first, created: false });
    },
  );

  it('takes neither metadata nor tags along, which would take more rights', async () => {
    await start();
    await copy('b');
    expect(double.headers[operations().indexOf('CopyObject')]).toMatchObject({
      'x-amz-metadata-directive': 'REPLACE',
      'x-amz-tagging-directive': 'REPLACE',
    });
  });

  it('is the same by the SDK, which makes the first request', async () => {
    await start();
    const direct = await copy('b', true);
    const other = await openS3Storage(double.url('backups'));
    const [object] = await listed();
    if (!object) throw new Error('nothing to copy');
    const bySdk = await other.put(
      'c',
      bucket.source(object, () => new RangeError('changed')),
      { isFresh: true },
    );
    await other.close();
    expect(bySdk).toEqual(direct);
    const [one, two] = ['b', 'c'].map((key) => double.objects.get(`backups/${key}`));
    expect({ ...one, modifiedAt: 0 }).toEqual({ ...two, modifiedAt: 0 });
  });

  it('of a source that changed, or is gone, is told as such, asked once', async () => {
    await start();
    const [object] = await listed();
    if (!object) throw new Error('nothing to copy');
    const source = bucket.source(object, () => new RangeError('changed'));
    double.place('tempo/a', bytesOf(5000, 'other'));
    await expect(storage.put('b', source, { isFresh: true })).rejects.toThrow(RangeError);
    expect(operations().filter((operation) => operation === 'CopyObject')).toHaveLength(1);
    double.drop('tempo/a');
    await expect(storage.put('b', source, { isFresh: true })).rejects.toThrow(RangeError);
    expect(double.objects.has('backups/b')).toBe(false);
  });

  it.each([
    ['denied access', 'AccessDenied', /access denied/],
    ['an archived source', 'InvalidObjectState', /is in an archive class/],
  ])('that is refused is explained: %s', async (_, code, message) => {
    await start({ chunked: 'refusals' });
    double.fail({ on: 'CopyObject', fault: { kind: 'refuse', status: 403, code } });
    const error: unknown = await copy('b', true).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RunnerError);
    expect((error as RunnerError).message).toMatch(message);
    expect(operations()).toEqual(['CopyObject']);
  });

  it('that failed after the server began to answer is made again', async () => {
    await start();
    double.fail({ on: 'CopyObject', fault: { kind: 'error-in-200', code: 'InternalError' } });
    expect(await copy('b', true)).toMatchObject({ created: true, copied: true });
    expect(operations()).toEqual(['CopyObject', 'CopyObject']);
  });

  it('whose answer got lost is found to be ours', async () => {
    await start({ copies: 'aws' });
    double.fail({ on: 'CopyObject', fault: { kind: 'lose-response' } });
    expect(await copy('b', true)).toMatchObject({ created: true, copied: true });
  });

  it('is understood from an answer in chunks', async () => {
    await start({ chunked: 'all', copies: 'aws' });
    expect(await copy('b', true)).toMatchObject({ created: true, copied: true });
    expect(operations()).toEqual(['CopyObject']);
  });
});

describe('a small object of a bucket', () => {
  it('is read past the SDK, with its ETag', async () => {
    await start();
    const [object] = await listed();
    double.headers.length = 0;
    const read = await bucket.get('a', 100_000);
    expect(read?.bytes.equals(bytes)).toBe(true);
    expect(read?.etag).toBe(object?.etag);
    expect(pastTheSdk()).toEqual([true]);
    expect(await bucket.get('absent', 100_000)).toBeUndefined();
  });

  it('is read by the SDK when it turns out to be large, and so are all that follow', async () => {
    await start();
    const large = bytesOf(50_000, 'large');
    double.place('tempo/large', large);
    await listed();
    double.headers.length = 0;
    expect((await bucket.get('large', 100_000))?.bytes.equals(large)).toBe(true);
    expect((await bucket.get('a', 100_000))?.bytes.equals(bytes)).toBe(true);
    expect(pastTheSdk()).toEqual([true, false, false]);
  });
});

describe('a head', () => {
  it('tells the same as by the SDK, of what is there and what is not, over a connection that stays', async () => {
    await start();
    await storage.put('whole', sourceOf(bytes));
    const other = await openS3Storage(double.url('backups'));
    const bySdk = await other.head('whole');
    await other.close();
    await storage.head('absent');
    const before = double.connections;
    double.headers.length = 0;
    expect(await storage.head('absent')).toBeUndefined();
    expect(await storage.head('whole')).toEqual(bySdk);
    expect(pastTheSdk()).toEqual([true, true]);
    expect(double.connections).toBe(before);
  });
});
