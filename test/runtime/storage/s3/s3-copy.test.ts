import { openS3Bucket, openS3Storage } from '../../../../runtime/storage/s3';
import type { ByteSource, Storage } from '../../../../runtime/storage/storage';
import { digestOf, sha256 } from '../../../../runtime/streams/digest';
import { useAwsEnvironment } from '../../../helpers/aws-environment';
import { bytesOf } from '../../../helpers/buffer-source';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions } from '../../../helpers/s3-double';

const MIB = 1024 * 1024;
const CHANGED = new Error('changed');

let double: S3Double;
let storage: Storage;
let restoreEnvironment: () => void;

async function start(options: S3DoubleOptions = {}, largestCopy?: number): Promise<void> {
  double = await S3Double.start(options);
  storage = await openS3Storage(double.url('backups'), { largestCopy, sleep: async () => undefined });
}

/** The object as it lies in another prefix of the same server. */
async function remote(bytes: Buffer): Promise<ByteSource> {
  double.place('tempo/data', bytes);
  const bucket = openS3Bucket(double.url('tempo'));
  for await (const object of bucket.list('')) return bucket.source(object, () => CHANGED);
  throw new Error('the listing is empty');
}

function stored(): Buffer | undefined {
  return double.objects.get('backups/key')?.bytes;
}

beforeEach(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
});
afterEach(async () => {
  await storage.close();
  await double.stop();
  restoreEnvironment();
});

describe.each(['minio', 'aws', 'silent'] as const)(
  'an object on the same server, which copies as %s does',
  (copies) => {
    it('is copied there, with the digest that the server computed of the whole', async () => {
      await start({ copies });
      const bytes = bytesOf(9 * MIB, 'large');
      const result = await storage.put('key', await remote(bytes));
      expect(result).toEqual({
        created: true,
        copied: true,
        size: bytes.length,
        sha256: sha256(bytes).toString('hex'),
      });
      expect(stored()?.equals(bytes)).toBe(true);
      expect(double.count('GetObject') + double.count('UploadPart') + double.count('PutObject')).toBe(0);
    });

    it('is known again by what it was copied from', async () => {
      await start({ copies });
      const source = await remote(bytesOf(1000, 'small'));
      const { sha256: digest } = await storage.put('key', source);
      expect(await storage.put('key', source)).toMatchObject({ created: false, sha256: digest });
      expect(double.count('CopyObject')).toBe(1);
      expect(double.count('GetObject')).toBe(0);
    });

    it('never overwrites what lies there', async () => {
      await start({ copies });
      double.place('backups/key', Buffer.from('other'));
      const bytes = bytesOf(1000, 'small');
      expect(await storage.put('key', await remote(bytes))).toMatchObject({ created: false, sha256: digestOf(bytes) });
      expect(stored()).toEqual(Buffer.from('other'));
    });

    it('is not copied when it changed since it was listed', async () => {
      await start({ copies });
      const source = await remote(bytesOf(1000, 'one'));
      double.place('tempo/data', bytesOf(1000, 'two'));
      await expect(storage.put('key', source)).rejects.toBe(CHANGED);
      double.drop('tempo/data');
      await expect(storage.put('key', source)).rejects.toBe(CHANGED);
      expect(stored()).toBeUndefined();
    });

    it('was created by this run when the answer to its copy got lost', async () => {
      await start({ copies });
      const source = await remote(bytesOf(1000, 'small'));
      double.fail({ on: 'CopyObject', fault: { kind: 'lose-response' } });
      expect(await storage.put('key', source)).toMatchObject({ created: true, copied: true });
    });
  },
);

describe('an object larger than one copy', () => {
  it('is copied in parts whose digests the server computes', async () => {
    await start({ copies: 'aws' }, 10 * MIB);
    const bytes = bytesOf(20 * MIB, 'large');
    expect(await storage.put('key', await remote(bytes))).toMatchObject({
      created: true,
      copied: true,
      sha256: digestOf(bytes),
    });
    expect(stored()?.equals(bytes)).toBe(true);
    expect(double.count('UploadPartCopy')).toBe(3);
    expect(double.count('GetObject')).toBe(0);
  });

  it('is known again by what it was copied from, and not read', async () => {
    await start({ copies: 'aws' }, 10 * MIB);
    const source = await remote(bytesOf(20 * MIB, 'large'));
    const first = await storage.put('key', source);
    expect(first).toMatchObject({ created: true, copied: true });
    expect(await storage.put('key', source)).toEqual({ ...first, created: false });
    expect(double.count('CreateMultipartUpload')).toBe(1);
    expect(double.count('GetObject')).toBe(0);
  });

  it.each(['lose-response', 'refuse-after-commit'] as const)(
    'was created by this run when the answer to its completion got lost (%s)',
    async (kind) => {
      await start({ copies: 'aws' }, 10 * MIB);
      const source = await remote(bytesOf(20 * MIB, 'large'));
      const fault = { kind, status: 500, code: 'InternalError' } as const;
      double.fail({ on: 'CompleteMultipartUpload', fault });
      expect(await storage.put('key', source)).toMatchObject({ created: true, copied: true });
      expect(double.count('GetObject') + double.count('UploadPart')).toBe(0);
      expect(double.uploads.size).toBe(0);
    },
  );

  it('fails when somebody ended its upload, as nothing lies there then', async () => {
    await start({ copies: 'aws' }, 10 * MIB);
    const source = await remote(bytesOf(20 * MIB, 'large'));
    const fault = { kind: 'refuse', status: 404, code: 'NoSuchUpload' } as const;
    double.fail({ on: 'CompleteMultipartUpload', fault });
    await expect(storage.put('key', source)).rejects.toThrow('NoSuchUpload');
    expect(stored()).toBeUndefined();
  });

  it('of which another writer had a copy made meanwhile is told to be that one', async () => {
    await start({ copies: 'aws' }, 10 * MIB);
    const source = await remote(bytesOf(20 * MIB, 'large'));
    const other = await openS3Storage(double.url('backups'), { largestCopy: 10 * MIB, sleep: async () => undefined });
    double.fail({ on: 'CompleteMultipartUpload', fault: { kind: 'delay', milliseconds: 300 } });
    const results = await Promise.all([storage.put('key', source), other.put('key', source)]);
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(results.map(({ sha256: digest }) => digest)).size).toBe(1);
    expect(double.count('GetObject')).toBe(0);
    await other.close();
  });

  it('is sent when the server computes none, and nothing stays open', async () => {
    await start({ copies: 'minio' }, 10 * MIB);
    const bytes = bytesOf(20 * MIB, 'large');
    const result = await storage.put('key', await remote(bytes));
    expect(result).toMatchObject({ created: true, sha256: digestOf(bytes) });
    expect(result.copied).toBeUndefined();
    expect(double.uploads.size).toBe(0);
  });

  it('is not copied when it changed since it was listed', async () => {
    await start({ copies: 'aws' }, 10 * MIB);
    const source = await remote(bytesOf(20 * MIB, 'one'));
    double.place('tempo/data', bytesOf(20 * MIB, 'two'));
    await expect(storage.put('key', source)).rejects.toBe(CHANGED);
    expect(double.uploads.size).toBe(0);
  });
});

describe('a server that keeps no checksums', () => {
  it('is sent the bytes, and asked for no copy again', async () => {
    await start({ keepsChecksums: false });
    const bytes = bytesOf(1000, 'small');
    const source = await remote(bytes);
    expect(await storage.put('key', source)).toMatchObject({ sha256: digestOf(bytes) });
    expect(await storage.put('key2', source)).toMatchObject({ created: true, sha256: digestOf(bytes) });
    expect(double.count('CopyObject')).toBe(1);
  });
});

describe('an object on another server', () => {
  it('is sent', async () => {
    await start();
    const bytes = bytesOf(1000, 'small');
    const source = await remote(bytes);
    const elsewhere = { ...source, remote: source.remote && { ...source.remote, server: 'https://other ' } };
    expect(await storage.put('key', elsewhere)).toMatchObject({ created: true, sha256: digestOf(bytes) });
    expect(double.count('CopyObject')).toBe(0);
  });
});
