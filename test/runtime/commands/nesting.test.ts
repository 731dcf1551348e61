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
  const folders = { path: join(folder, 'tempo/traces'), walPath: join(folder, 'tempo/wal') };
  return refuseNesting(pathToFileURL(join(folder, repository)).href, folders);
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
    await expect(refuseNesting('s3://bucket/tempo', { path: folder, walPath: undefined })).resolves.toBeUndefined();
  });
});
