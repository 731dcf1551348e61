import { openS3Bucket, openS3Storage, openS3Versions } from '../../../../runtime/storage/s3';
import type { ObjectVersion, VersionedBucket } from '../../../../runtime/storage/bucket';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { bytesOf, sourceOf } from '../../../helpers/buffer-source';
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

describe('a listing while the server asks to slow down', () => {
  const busy = { kind: 'refuse', status: 503, code: 'SlowDown' } as const;

  it('goes on with the page that it was refused, and shows every version once', async () => {
    for (let version = 0; version < 2100; version++) double.place('tempo/key', Buffer.from(String(version)));
    double.fail({ on: 'ListObjectVersions', fault: busy, skip: 1, times: 3 });
    const found = await versionsOf('');
    expect(new Set(found.map(({ id }) => id)).size).toBe(2100);
    expect(found).toHaveLength(2100);
    expect(double.count('ListObjectVersions')).toBe(3 + 3);
  });

  it("goes on in Tempo's bucket, with folders and with objects", async () => {
    for (let block = 0; block < 5; block++) double.place(`tempo/tenant-${block}/a`, Buffer.from('a'));
    const tempo = openS3Bucket(double.url('tempo'), { sleep: async () => undefined });
    double.fail({ on: 'ListObjectsV2', fault: busy, skip: 1, times: 3 });
    const folders: string[] = [];
    for await (const folder of tempo.folders('')) folders.push(folder);
    expect(folders).toEqual(['tenant-0', 'tenant-1', 'tenant-2', 'tenant-3', 'tenant-4']);
    double.fail({ on: 'ListObjectsV2', fault: busy, times: 3 });
    const keys: string[] = [];
    for await (const { key } of tempo.list('')) keys.push(key);
    expect(keys).toHaveLength(5);
    await tempo.close();
  });
});

describe('a repository in a bucket with versions', () => {
  it('has what was deleted in no listing, and takes the key again', async () => {
    const storage = await openS3Storage(double.url('backups'), { sleep: async () => undefined });
    for (const key of ['blocks/a', 'blocks/b']) await storage.put(key, sourceOf(key));
    await storage.delete(['blocks/a']);
    const listed = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const { key } of storage.list('')) keys.push(key);
      return keys;
    };
    expect(await listed()).toEqual(['blocks/b']);
    expect(await storage.head('blocks/a')).toBeUndefined();
    expect(await storage.put('blocks/a', sourceOf('again'))).toMatchObject({ created: true });
    expect(await listed()).toEqual(['blocks/a', 'blocks/b']);
    expect(double.history.versions.get('backups/blocks/a')).toHaveLength(3);
    await storage.close();
  });
});
