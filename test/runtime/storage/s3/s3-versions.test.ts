import { openS3Versions } from '../../../../runtime/storage/s3';
import type { ObjectVersion, VersionedBucket } from '../../../../runtime/storage/bucket';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { bytesOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double } from '../../../helpers/s3-double';

const MIB = 1024 * 1024;

let double: S3Double;
let bucket: VersionedBucket;
let restoreEnvironment: () => void;
beforeEach(async () => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
  double = await S3Double.start({ versioning: 'Enabled' });
  bucket = openS3Versions(double.url('tempo'), { largestCopy: 10 * MIB, sleep: async () => undefined });
});
afterEach(async () => {
  await bucket.close();
  await double.stop();
  restoreEnvironment();
});

async function versionsOf(key: string): Promise<ObjectVersion[]> {
  const found: ObjectVersion[] = [];
  for await (const version of bucket.versions(key)) found.push(version);
  return found;
}

describe('a version', () => {
  it.each([
    ['in one request', 1000],
    ['in parts when it is too large for that', 20 * MIB],
  ])('is brought back by the server, %s, and known again', async (_, size) => {
    const bytes = bytesOf(size, 'first');
    double.place('tempo/key', bytes);
    double.place('tempo/key', bytesOf(size, 'second'));
    const first = (await versionsOf('key')).find(({ isLatest }) => !isLatest);
    if (!first) throw new Error('no earlier version');
    expect(await bucket.isBack(first)).toBe(false);
    await bucket.bringBack(first);
    expect(double.objects.get('tempo/key')?.bytes.equals(bytes)).toBe(true);
    expect(await bucket.isBack(first)).toBe(true);
    expect(await versionsOf('key')).toHaveLength(3);
    expect(double.count('GetObject')).toBe(0);
  });

  it('is read, but not when it is larger than expected', async () => {
    double.place('tempo/key', Buffer.from('first'));
    const [version] = await versionsOf('key');
    if (!version) throw new Error('no version');
    expect(await bucket.readVersion(version, 5)).toEqual(Buffer.from('first'));
    await expect(bucket.readVersion(version, 4)).rejects.toThrow('has 5 bytes where at most 4 are expected');
  });

  it('stays when its key is hidden', async () => {
    double.place('tempo/key', Buffer.from('first'));
    await bucket.hide('key');
    const versions = await versionsOf('');
    expect(versions.map(({ content, isLatest, key }) => [key, content?.size, isLatest])).toEqual([
      ['key', 5, false],
      ['key', undefined, true],
    ]);
  });

  it('leaves no upload open when its copy fails', async () => {
    double.place('tempo/key', bytesOf(20 * MIB, 'first'));
    const [version] = await versionsOf('key');
    if (!version) throw new Error('no version');
    double.fail({ on: 'UploadPartCopy', fault: { kind: 'refuse', status: 403, code: 'AccessDenied' } });
    await expect(bucket.bringBack(version)).rejects.toThrow('access denied');
    expect(double.uploads.size).toBe(0);
  });
});
