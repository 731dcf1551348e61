import { UsageError } from '../../../../runtime/errors';
import { openS3Storage } from '../../../../runtime/storage/s3';
import type { ObjectLocks, Storage } from '../../../../runtime/storage/storage';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { sourceOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions } from '../../../helpers/s3-double';

const DAY = 24 * 60 * 60 * 1000;
const KEY = 'blocks/a';

let double: S3Double;
let storage: Storage;
let restoreEnvironment: () => void;

async function start(options: S3DoubleOptions): Promise<void> {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
  double = await S3Double.start(options);
  storage = await openS3Storage(double.url(), { sleep: async () => undefined });
}

afterEach(async () => {
  await storage.close();
  await double.stop();
  restoreEnvironment();
});

describe('a bucket that locks objects', () => {
  beforeEach(() => start({ lockDays: 3, versioning: 'Enabled' }));

  async function locks(): Promise<ObjectLocks> {
    const found = await storage.locks?.();
    if (!found) throw new Error('no locks');
    return found;
  }

  it('says for how long, and until when each object is locked', async () => {
    const before = Date.now();
    await storage.put(KEY, sourceOf('a'));
    const found = await locks();
    expect(found).toMatchObject({ period: 3 * DAY, mode: 'GOVERNANCE' });
    const lock = await found.lockOf(KEY);
    expect(lock?.mode).toBe('GOVERNANCE');
    expect((lock?.until.getTime() ?? 0) - before).toBeGreaterThanOrEqual(3 * DAY - 1000);
  });

  it('has no lock on what is absent or was stored before', async () => {
    await storage.put(KEY, sourceOf('a'));
    double.locks.locks.clear();
    expect(await (await locks()).lockOf(KEY)).toBeUndefined();
    double.fail({ on: 'GetObjectRetention', fault: { kind: 'refuse', status: 404, code: 'NoSuchKey' } });
    expect(await (await locks()).lockOf('blocks/absent')).toBeUndefined();
  });

  it('says what is under a legal hold, and asks again when it is busy', async () => {
    await storage.put(KEY, sourceOf('a'));
    const found = await locks();
    expect(await found.isHeld(KEY)).toBe(false);
    double.locks.held.add(`backups/${KEY}`);
    double.fail({ on: 'GetObjectLegalHold', fault: { kind: 'refuse', status: 503, code: 'SlowDown' }, times: 2 });
    expect(await found.isHeld(KEY)).toBe(true);
    double.fail({ on: 'GetObjectLegalHold', fault: { kind: 'refuse', status: 403, code: 'AccessDenied' } });
    await expect(found.isHeld(KEY)).rejects.toThrow(/^ask for the legal hold of 'blocks\/a' in bucket .*access denied/);
  });

  it('makes a lock longer, and says who refuses to make one shorter', async () => {
    await storage.put(KEY, sourceOf('a'));
    const found = await locks();
    const until = new Date(Date.now() + 9 * DAY);
    await found.lockUntil(KEY, { mode: 'GOVERNANCE', until });
    expect(double.locks.locks.get(`backups/${KEY}`)).toEqual({ mode: 'GOVERNANCE', until });
    const shorter = found.lockUntil(KEY, { mode: 'GOVERNANCE', until: new Date(0) });
    await expect(shorter).rejects.toThrow(
      /^lock 'blocks\/a' until 1970-01-01T00:00:00\.000Z in bucket .*access denied/,
    );
    expect(double.locks.locks.get(`backups/${KEY}`)?.until).toEqual(until);
  });

  it('is asked again when it is busy', async () => {
    const busy = { kind: 'refuse', status: 503, code: 'SlowDown' } as const;
    double.fail(
      { on: 'GetObjectLockConfiguration', fault: busy, times: 2 },
      { on: 'GetObjectRetention', fault: busy, times: 2 },
      { on: 'PutObjectRetention', fault: busy, times: 2 },
    );
    await storage.put(KEY, sourceOf('a'));
    const found = await locks();
    const until = new Date(Date.now() + 5 * DAY);
    await found.lockUntil(KEY, { mode: 'GOVERNANCE', until });
    expect((await found.lockOf(KEY))?.until).toEqual(until);
  });

  it('is no bucket without locks when the right to ask is missing', async () => {
    double.fail({
      on: 'GetObjectLockConfiguration',
      fault: { kind: 'refuse', status: 403, code: 'AccessDenied' },
      times: 2,
    });
    await expect(storage.locks?.()).rejects.toThrow(UsageError);
    await expect(storage.locks?.()).rejects.toThrow(/^ask whether objects are locked in bucket .*: access denied/);
  });
});

describe('a bucket that locks nothing', () => {
  it.each([
    ['as it was never told to', {}],
    ['as the server knows no locks', { code: 'NotImplemented', status: 501 }],
    ['as the server knows no such question', { code: 'MethodNotAllowed', status: 405 }],
  ])('says so, %s', async (_, refusal: { readonly code?: string; readonly status?: number }) => {
    await start({});
    const { code, status } = refusal;
    if (code !== undefined && status !== undefined)
      double.fail({ on: 'GetObjectLockConfiguration', fault: { kind: 'refuse', status, code } });
    expect(await storage.locks?.()).toBeUndefined();
    expect(double.count('GetObjectLockConfiguration')).toBe(1);
  });
});
