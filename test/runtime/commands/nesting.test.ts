import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseNesting } from '../../../runtime/commands/nesting';
import { UsageError } from '../../../runtime/errors';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nesting-'));
  mkdirSync(join(folder, 'tempo/traces'), { recursive: true });
  mkdirSync(join(folder, 'tempo/wal'));
  symlinkSync(join(folder, 'tempo/wal'), join(folder, 'link'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function check(repository: string): Promise<void> {
  return refuseNesting({
    repository: { url: pathToFileURL(join(folder, repository)).href },
    tempo: { storage: { backend: 'local', path: join(folder, 'tempo/traces'), walPath: join(folder, 'tempo/wal') } },
  });
}

describe('a repository', () => {
  it.each(['tempo/traces', 'tempo/traces/backup', 'tempo/wal/a/b', 'link/new', 'tempo', '.'])(
    "is refused at %s, as Tempo's data is there",
    async (place) => {
      await expect(check(place)).rejects.toThrow(UsageError);
    },
  );

  it.each(['backup', 'tempo/backup', 'tempo/traces-backup'])('is accepted at %s', async (place) => {
    await expect(check(place)).resolves.toBeUndefined();
  });

  it('is accepted in a bucket', async () => {
    const tempo = { storage: { backend: 'local' as const, path: folder } };
    await expect(refuseNesting({ repository: { url: 's3://bucket/tempo' }, tempo })).resolves.toBeUndefined();
  });

  const inBucket = (url: string, prefix?: string): Promise<void> =>
    refuseNesting({
      repository: { url },
      tempo: { storage: { backend: 's3', bucket: 'traces', prefix, endpoint: 'http://minio:9000' } },
    });

  it.each([
    ['s3://traces/backup?endpoint=http://minio:9000', undefined],
    ['s3://traces?endpoint=http://minio:9000/', 'tempo'],
    ['s3://traces/tempo/backup?endpoint=http://minio:9000', 'tempo'],
    ['s3://traces/tempo?endpoint=http://minio:9000', 'tempo'],
  ])("is refused at %s when Tempo's prefix is %s", async (url, prefix) => {
    await expect(inBucket(url, prefix)).rejects.toThrow(UsageError);
  });

  it.each([
    ['s3://backups?endpoint=http://minio:9000', undefined],
    ['s3://traces?endpoint=http://other:9000', undefined],
    ['s3://traces/tempo-backup?endpoint=http://minio:9000', 'tempo'],
    ['file:///srv/backup', undefined],
  ])("is accepted at %s when Tempo's prefix is %s", async (url, prefix) => {
    await expect(inBucket(url, prefix)).resolves.toBeUndefined();
  });
});
