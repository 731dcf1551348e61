import { UsageError } from '../../../runtime/errors';
import { probeServer } from '../../../runtime/repository/probe';
import { Repository } from '../../../runtime/repository/repository';
import { openS3Storage } from '../../../runtime/storage/s3';
import type { Storage } from '../../../runtime/storage/storage';
import { useAwsEnvironment } from '../../helpers/aws-environment';
import { DOUBLE_ACCESS_KEY, S3Double, type S3DoubleOptions } from '../../helpers/s3-double';

let double: S3Double;
let storage: Storage;
let restoreEnvironment: () => void;

async function start(options: S3DoubleOptions = {}): Promise<void> {
  double = await S3Double.start(options);
  storage = await openS3Storage(double.url('backups'), { sleep: async () => undefined });
}

beforeEach(() => {
  restoreEnvironment = useAwsEnvironment({ AWS_ACCESS_KEY_ID: DOUBLE_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'secret' });
});
afterEach(async () => {
  await storage.close();
  await double.stop();
  restoreEnvironment();
});

describe('a server', () => {
  it('that keeps its promises is tried once, when the repository is made', async () => {
    await start();
    await Repository.open(storage, { create: true });
    await Repository.open(storage, { create: true });
    const keys = [...double.objects.keys()].map((key) => key.replace(/[0-9a-f-]{36}/, 'UUID'));
    expect(keys).toEqual(['backups/probes/UUID', 'backups/repository.json']);
  });

  it.each<[string, S3DoubleOptions, string]>([
    ['overwrites', { honoursConditions: false }, "it ignores 'If-None-Match: *' and overwrites objects, so"],
    [
      'overwrites by what is sent in parts',
      { honoursConditions: 'whole' },
      "it ignores 'If-None-Match: *' and overwrites objects by ones that are sent in parts",
    ],
    ['changes what it is sent', { corruptsUploads: true }, 'it keeps other bytes than it is sent'],
  ])('that %s is refused before anything is stored', async (_, options, message) => {
    await start(options);
    const opened = Repository.open(storage, { create: true });
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow(UsageError);
    expect([...double.objects.keys()].filter((key) => !key.includes('/probes/'))).toEqual([]);
  });

  it('keeps no upload open that it refused', async () => {
    await start();
    await probeServer(storage);
    expect(double.uploads.size).toBe(0);
  });

  it('is sent a few bytes only, also for the one in parts', async () => {
    await start();
    await probeServer(storage);
    const lengths = double.headers.map((headers) => Number(headers['content-length'] ?? 0));
    expect(Math.max(...lengths)).toBeLessThan(1024);
    expect(double.log.map(({ operation }) => operation)).toEqual([
      'PutObject',
      'GetObject',
      'PutObject',
      'GetObject',
      'CreateMultipartUpload',
      'UploadPart',
      'CompleteMultipartUpload',
      'AbortMultipartUpload',
      'GetObject',
    ]);
  });

  it.each(['PutObject', 'CompleteMultipartUpload'] as const)('that has no conditional %s is refused', async (on) => {
    await start();
    double.fail({ on, times: 99, fault: { kind: 'refuse', status: 501, code: 'NotImplemented' } });
    const tried = probeServer(storage);
    await expect(tried).rejects.toThrow(UsageError);
    await expect(tried).rejects.toThrow("the server can't do what this needs");
    expect(double.uploads.size).toBe(0);
  });

  it('is not taken for bad because an answer got lost', async () => {
    await start();
    double.fail({ on: 'PutObject', fault: { kind: 'lose-response' } });
    await expect(probeServer(storage)).resolves.toBeUndefined();
  });
});
