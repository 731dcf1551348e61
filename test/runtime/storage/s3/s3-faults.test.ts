import { IntegrityError, RunnerError, StorageError, UsageError } from '../../../../runtime/errors';
import { openS3Storage, type S3StorageOptions } from '../../../../runtime/storage/s3';
import { type Storage } from '../../../../runtime/storage/storage';
import { digestOf } from '../../../../runtime/streams/digest';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { breakingSource, bytesOf, sourceOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3Fault, type S3Operation } from '../../../helpers/s3-double';

jest.setTimeout(30_000);

const MIB = 1024 * 1024;
const SLOW_DOWN: S3Fault = { kind: 'refuse', status: 503, code: 'SlowDown' };
const INTERNAL: S3Fault = { kind: 'refuse', status: 500, code: 'InternalError' };
const RESET: S3Fault = { kind: 'reset-request' };
const LOST: S3Fault = { kind: 'lose-response' };

const small = bytesOf(1000, 'small');
const large = bytesOf(9 * MIB, 'large');

let double: S3Double;
let storage: Storage;
let restoreEnvironment: () => void;

async function open(options: S3StorageOptions = {}): Promise<Storage> {
  return openS3Storage(double.url(), { sleep: async () => undefined, ...options });
}

beforeEach(async () => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'top-secret' });
  double = await S3Double.start();
  storage = await open();
});

afterEach(async () => {
  expect(double.uploads.size).toBe(0);
  await storage.close();
  await double.stop();
  restoreEnvironment();
});

function stored(key: string): Buffer | undefined {
  return double.objects.get(`backups/${key}`)?.bytes;
}

async function failureOf(work: Promise<unknown>): Promise<RunnerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RunnerError)) throw new Error(`expected a RunnerError, got ${String(error)}`);
  expect(error.message).not.toMatch(/\n|top-secret/);
  return error;
}

describe('faults that pass', () => {
  it.each<[string, S3Fault, number]>([
    ['a burst of 503 SlowDown', SLOW_DOWN, 5],
    ['a burst of 500', INTERNAL, 5],
    ['429', { kind: 'refuse', status: 429, code: 'TooManyRequests' }, 2],
    ['a connection that breaks', RESET, 2],
    ['a timeout that the server saw', { kind: 'refuse', status: 400, code: 'RequestTimeout' }, 2],
    ['a race that is not decided yet', { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' }, 2],
    ['a digest that was damaged on its way', { kind: 'refuse', status: 400, code: 'BadDigest' }, 1],
  ])('stores an object in spite of %s', async (_, fault, times) => {
    double.fail({ on: 'PutObject', fault, times });

    expect(await storage.put('a', sourceOf(small))).toEqual({ created: true, size: 1000, sha256: digestOf(small) });

    expect(stored('a')?.equals(small)).toBe(true);
    expect(storage.requests.put).toBe(times + 1);
  });

  it.each<[S3Operation, S3Fault]>(
    (['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const).flatMap((operation) =>
      [SLOW_DOWN, INTERNAL, RESET, LOST].map((fault): [S3Operation, S3Fault] => [operation, fault]),
    ),
  )('stores an object of several parts when %s meets %j', async (on, fault) => {
    double.fail({ on, fault, times: 2 });

    expect(await storage.put('a', sourceOf(large))).toEqual({
      created: true,
      size: large.length,
      sha256: digestOf(large),
    });

    expect(stored('a')?.equals(large)).toBe(true);
  });

  it.each<[string, S3Operation, S3Fault]>([
    ['a part got a wrong ETag', 'UploadPart', { kind: 'wrong-etag' }],
    ['somebody ended the upload', 'CompleteMultipartUpload', { kind: 'refuse', status: 404, code: 'NoSuchUpload' }],
    ['two writers met', 'CompleteMultipartUpload', { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' }],
  ])('sends all parts again when %s', async (_, on, fault) => {
    double.fail({ on, fault });

    expect(await storage.put('a', sourceOf(large))).toMatchObject({ created: true });

    expect(stored('a')?.equals(large)).toBe(true);
    expect(double.count('CreateMultipartUpload')).toBe(2);
  });

  it('repeats a completion that fails within an answer that began well', async () => {
    double.fail({ on: 'CompleteMultipartUpload', fault: { kind: 'error-in-200', code: 'InternalError' } });

    expect(await storage.put('a', sourceOf(large))).toMatchObject({ created: true });
  });

  it.each<[string, S3Fault]>([
    ['a connection that breaks in the middle', { kind: 'reset-response' }],
    ['an answer that ends in the middle', { kind: 'truncate' }],
    ['503 SlowDown', SLOW_DOWN],
  ])('reads an object in spite of %s', async (_, fault) => {
    await storage.put('a', sourceOf(large));
    double.fail({ on: 'GetObject', fault, times: 2 });
    double.fail({ on: 'GetObject', fault, skip: 1, times: 2 });
    const into = Buffer.alloc(8 * MIB);

    await storage.read('a', MIB, into);

    expect(into.equals(large.subarray(MIB, 9 * MIB))).toBe(true);
    expect((await storage.get('a')).equals(large)).toBe(true);
  });

  it('goes on where a connection broke', async () => {
    await storage.put('a', sourceOf(large));
    double.fail({ on: 'GetObject', fault: { kind: 'reset-response' }, times: 9 });

    // Each answer breaks in its middle: ten times all of it would never arrive.
    const into = Buffer.alloc(8 * MIB);
    await storage.read('a', 0, into);

    expect(into.equals(large.subarray(0, 8 * MIB))).toBe(true);
  });

  it.each<[string, S3Operation, () => Promise<unknown>]>([
    ['head', 'HeadObject', () => storage.head('a')],
    ['list', 'ListObjectsV2', () => storage.list('')[Symbol.asyncIterator]().next()],
    ['delete', 'DeleteObjects', () => storage.delete(['a'])],
    ['now', 'ListObjectsV2', () => storage.now()],
  ])('repeats %s', async (_, on, work) => {
    double.fail({ on, fault: SLOW_DOWN }, { on, fault: RESET }, { on, fault: LOST });

    await expect(work()).resolves.not.toThrow();

    expect(double.count(on)).toBe(4);
  });

  it('repeats the deletion of those keys only that could not be deleted', async () => {
    for (const key of ['a', 'b', 'c']) await storage.put(key, sourceOf(small));
    double.fail({ on: 'DeleteObjects', fault: { kind: 'refuse-key', key: 'backups/b', code: 'InternalError' } });

    await storage.delete(['a', 'b', 'c']);

    expect(double.objects.size).toBe(0);
    expect(storage.requests.delete).toBe(2);
  });

  it.each([
    ['sends many requests at once', 0, 32],
    ['sends half as many requests at once after SlowDown', 1, 16],
    ['sends a quarter after it was asked again', 2, 8],
  ])('%s', async (_, times, limit) => {
    double.fail({ on: 'HeadObject', fault: SLOW_DOWN, times });
    await storage.head('a');
    double.fail({ on: 'PutObject', fault: { kind: 'delay', milliseconds: 100 }, times: 1000 });

    await Promise.all(Array.from({ length: 40 }, (_item, i) => storage.put(`k${i}`, sourceOf(small))));

    expect(double.mostAtOnce).toBeGreaterThanOrEqual(limit);
    // Each round of successes allows one more.
    expect(double.mostAtOnce).toBeLessThanOrEqual(limit + 4);
  });

  it('begins later attempts after a random share of a growing time', async () => {
    const waits: number[] = [];
    storage = await open({ sleep: async (milliseconds) => void waits.push(milliseconds) });
    double.fail({ on: 'HeadObject', fault: INTERNAL, times: 9 });

    await storage.head('a');

    expect(waits).toHaveLength(9);
    waits.forEach((wait, i) => expect(wait).toBeLessThanOrEqual(Math.min(20_000, 100 * 2 ** i)));
    expect(new Set(waits).size).toBeGreaterThan(1);
  });
});

describe('an answer that is lost after the object was created', () => {
  it.each<[string, S3Fault]>([
    ['lost', LOST],
    ['an error', { kind: 'refuse-after-commit', status: 500, code: 'InternalError' }],
  ])('is known to be our own object when it was %s', async (_, fault) => {
    double.fail({ on: 'PutObject', fault }, { on: 'CompleteMultipartUpload', fault });

    expect(await storage.put('small', sourceOf(small))).toMatchObject({ created: true });
    expect(await storage.put('large', sourceOf(large))).toMatchObject({ created: true });

    expect(stored('small')?.equals(small)).toBe(true);
    expect(stored('large')?.equals(large)).toBe(true);
  });

  it("is not taken for ours when another writer's bytes are there", async () => {
    await storage.put('small', sourceOf(bytesOf(1000, 'of another writer')));
    await storage.put('large', sourceOf(bytesOf(9 * MIB, 'of another writer')));
    double.fail({ on: 'PutObject', fault: INTERNAL }, { on: 'CompleteMultipartUpload', fault: INTERNAL });

    expect(await storage.put('small', sourceOf(small))).toMatchObject({ created: false, sha256: digestOf(small) });
    expect(await storage.put('large', sourceOf(large))).toMatchObject({ created: false, sha256: digestOf(large) });
  });

  it('is not asked for when the first attempt was refused for sure', async () => {
    await storage.put('small', sourceOf(small));
    double.fail({ on: 'PutObject', fault: SLOW_DOWN });

    expect(await storage.put('small', sourceOf(small))).toMatchObject({ created: false });

    expect(storage.requests.head).toBe(0);
  });
});

describe('faults that stay', () => {
  it.each<[string, S3Fault]>([
    ['503', SLOW_DOWN],
    ['500', INTERNAL],
    ['resets', RESET],
  ])('gives up on %s after ten attempts with a line that says what and where', async (_, fault) => {
    double.fail({ on: '*', fault, times: 1000 });

    const error = await failureOf(storage.put('blocks/a', sourceOf(small)));

    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toMatch(/^store 'blocks\/a' in bucket 'double-bucket': .+; .+[^.]$/);
    expect(error.exitCode).toBe(1);
    expect(storage.requests.put).toBe(10);
    expect(double.objects.size).toBe(0);
  });

  it.each<[S3Operation, S3Fault]>(
    (['UploadPart', 'CompleteMultipartUpload'] as const).flatMap((operation) =>
      [INTERNAL, RESET, { kind: 'refuse', status: 403, code: 'AccessDenied' } as const].map(
        (fault): [S3Operation, S3Fault] => [operation, fault],
      ),
    ),
  )('leaves no upload open and nothing readable when %s meets %j', async (on, fault) => {
    double.fail({ on, fault, times: 1000 });

    await failureOf(storage.put('a', sourceOf(large)));

    expect(double.objects.size).toBe(0);
    expect(double.count('CreateMultipartUpload')).toBe(1);
    expect(double.uploads.size).toBe(0);
  });

  it('finds the uploads whose creation was answered by nothing, and leaves older ones of other writers', async () => {
    double.uploads.set('older', { key: 'backups/a', initiatedAt: new Date(Date.now() - 60_000), parts: new Map() });
    double.uploads.set('other', { key: 'backups/a2', initiatedAt: new Date(), parts: new Map() });
    double.fail({ on: 'CreateMultipartUpload', fault: LOST, times: 1000 });

    await failureOf(storage.put('a', sourceOf(large)));

    expect([...double.uploads.keys()]).toEqual(['older', 'other']);
    double.uploads.clear();
  });

  it('leaves no upload open when the source breaks', async () => {
    const error = new Error('the source broke');

    await expect(storage.put('a', breakingSource(large, 8 * MIB, error))).rejects.toBe(error);

    expect(double.objects.size).toBe(0);
  });

  it("says that the server's disk is full, at once", async () => {
    double.fail({ on: 'PutObject', fault: { kind: 'refuse', status: 507, code: 'XMinioStorageFull' } });

    const error = await failureOf(storage.put('a', sourceOf(small)));

    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toContain('no space left');
    expect(storage.requests.put).toBe(1);
  });

  it('names the key that must not be deleted', async () => {
    await storage.put('a', sourceOf(small));
    double.fail({ on: 'DeleteObjects', fault: { kind: 'refuse-key', key: 'backups/a', code: 'AccessDenied' } });

    const error = await failureOf(storage.delete(['a', 'b']));

    expect(error.message).toContain(`'backups/a'`);
    expect(error).toBeInstanceOf(UsageError);
  });

  it('throws when an object ends before the bytes that are wanted, instead of asking for ever', async () => {
    await storage.put('a', sourceOf(small));

    await expect(storage.read('a', 990, Buffer.alloc(11))).rejects.toThrow(IntegrityError);

    expect(storage.requests.get).toBe(1);
  });
});

describe('a signal', () => {
  it.each<S3Operation>(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])(
    'ends an upload in the middle of %s, and the upload is not left open',
    async (on) => {
      const controller = new AbortController();
      storage = await open({ signal: controller.signal });
      double.fail({ on, fault: { kind: 'hang' } });
      const reason = new Error('stopped');
      const put = storage.put('a', sourceOf(large));
      const ended = expect(put).rejects.toBe(reason);

      while (double.count(on) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      controller.abort(reason);
      await ended;

      expect(double.objects.size).toBe(0);
    },
  );

  it('ends everything else too', async () => {
    const controller = new AbortController();
    storage = await open({ signal: controller.signal });
    double.fail({ on: '*', fault: { kind: 'hang' }, times: 1000 });
    const reason = new Error('stopped');
    const works = [storage.put('a', sourceOf(small)), storage.get('a'), storage.head('a'), storage.delete(['a'])];
    const ended = Promise.all(works.map((work) => expect(work).rejects.toBe(reason)));

    while (double.log.length < works.length) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(reason);

    await ended;
  });
});
