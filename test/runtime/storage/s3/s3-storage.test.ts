import { openS3Storage } from '../../../../runtime/storage/s3';
import { digestOf } from '../../../../runtime/streams/digest';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { bytesOf, sourceOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions } from '../../../helpers/s3-double';
import { storageSuite, type StorageUnderTest } from '../../../helpers/storage-suite';

const MIB = 1024 * 1024;
const PREFIX = 'backups/prod';

let restoreEnvironment: () => void;
beforeAll(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
});
afterAll(() => restoreEnvironment());

async function openDouble(options: S3DoubleOptions = {}): Promise<StorageUnderTest & { double: S3Double }> {
  const double = await S3Double.start(options);
  const storage = await openS3Storage(double.url(PREFIX));
  return { double, storage, cleanUp: () => double.stop() };
}

storageSuite('S3 storage', openDouble, { manyObjects: 1001, timeoutMs: 60_000 });

describe('S3 storage', () => {
  it('writes below its prefix and sees nothing beside it', async () => {
    const { cleanUp, double, storage } = await openDouble();
    double.objects.set('backups/production/x', { bytes: Buffer.from('x'), modifiedAt: new Date(), metadata: {} });

    await storage.put('a/b', sourceOf('bytes'));

    expect([...double.objects.keys()]).toEqual(['backups/production/x', `${PREFIX}/a/b`]);
    const keys = [];
    for await (const { key } of storage.list('')) keys.push(key);
    expect(keys).toEqual(['a/b']);
    await cleanUp();
  });

  it('lists the same whoever reads the answer', async () => {
    const names = ['a b/ü+1', 'plain', "odd!'()*&<x>", 'percent%25'];
    const listed = async (options: S3DoubleOptions): Promise<unknown[]> => {
      const { cleanUp, double, storage } = await openDouble({ ...options, clock: () => new Date(0) });
      for (const name of names) double.place(`${PREFIX}/${name}`, Buffer.from(name));
      const objects = [];
      for await (const object of storage.list('')) objects.push(object);
      await cleanUp();
      return objects;
    };
    const read = await listed({});
    expect(read.map((object) => (object as { key: string }).key).sort()).toEqual([...names].sort());
    expect(await listed({ countsKeys: false })).toEqual(read);
  });

  it('keeps the digest with the object twice: as checksum, and in the metadata of objects of one part', async () => {
    const { cleanUp, double, storage } = await openDouble();
    const [small, large] = [bytesOf(10, 'small'), bytesOf(8 * MIB + 1, 'large')];

    await storage.put('small', sourceOf(small));
    await storage.put('large', sourceOf(large));

    const [hex = '', parts] = digestOf(large).split('-');
    expect(double.objects.get(`${PREFIX}/small`)).toMatchObject({
      checksum: Buffer.from(digestOf(small), 'hex').toString('base64'),
      metadata: { 'x-amz-meta-sha256': digestOf(small) },
    });
    expect(double.objects.get(`${PREFIX}/large`)).toMatchObject({
      checksum: `${Buffer.from(hex, 'hex').toString('base64')}-${parts}`,
      metadata: {},
    });
    await cleanUp();
  });

  it('falls back on metadata where the server keeps no checksums, and knows no digest of several parts then', async () => {
    const { cleanUp, storage } = await openDouble({ keepsChecksums: false });
    const small = bytesOf(10, 'small');
    await storage.put('small', sourceOf(small));
    await storage.put('large', sourceOf(bytesOf(8 * MIB + 1, 'large')));

    expect(await storage.head('small')).toMatchObject({ sha256: digestOf(small) });
    expect(await storage.head('large')).toMatchObject({ size: 8 * MIB + 1, sha256: undefined });
    await cleanUp();
  });

  it("tells the server's time by its answers, with one request when there was none yet", async () => {
    const { cleanUp, storage } = await openDouble({ clockAheadMs: 3_600_000 });

    const ahead = (await storage.now()).getTime() - Date.now();
    await storage.now();

    expect(Math.abs(ahead - 3_600_000)).toBeLessThan(2_000);
    expect(storage.requests).toEqual({ put: 0, get: 0, head: 0, list: 1, delete: 0, multipart: 0 });
    await cleanUp();
  });

  it('counts every request of an upload in parts', async () => {
    const { cleanUp, double, storage } = await openDouble();

    await storage.put('large', sourceOf(bytesOf(20 * MIB, 'large')));

    expect(storage.requests).toEqual({ put: 0, get: 0, head: 0, list: 0, delete: 0, multipart: 5 });
    expect(double.log).toHaveLength(5);
    expect(double.uploads.size).toBe(0);
    await cleanUp();
  });

  it('deletes a thousand keys with one request', async () => {
    const { cleanUp, double, storage } = await openDouble();
    const keys = Array.from({ length: 1001 }, (_, i) => `k/<&>"'${i}`);
    for (const key of keys)
      double.objects.set(`${PREFIX}/${key}`, { bytes: Buffer.from(''), modifiedAt: new Date(), metadata: {} });

    await storage.delete(keys);

    expect(double.objects.size).toBe(0);
    expect(storage.requests.delete).toBe(2);
    await cleanUp();
  });

  it('sends nothing before it is used', async () => {
    const { cleanUp, double } = await openDouble();

    expect(double.log).toEqual([]);
    await cleanUp();
  });
});
