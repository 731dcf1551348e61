import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RepositoryMissingError, UsageError } from '../../../runtime/errors';
import { FileStorage } from '../../../runtime/storage/file-storage';
import { openStorage } from '../../../runtime/storage/open-storage';

describe('openStorage', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'open-storage-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('opens a folder, with odd characters in its name', async () => {
    const url = pathToFileURL(join(folder, 'ä b#c?')).href;

    const storage = await openStorage(url, { create: true });

    expect(storage).toBeInstanceOf(FileStorage);
    expect(storage.url).toBe(url);
    expect(existsSync(join(folder, 'ä b#c?'))).toBe(true);
  });

  it('throws when the folder is missing and may not be made', async () => {
    await expect(openStorage(`file://${folder}/missing`, { create: false })).rejects.toThrow(RepositoryMissingError);
  });

  it('opens a bucket without talking to it', async () => {
    const storage = await openStorage('s3://bucket/prefix?region=eu-central-1', { create: true });

    expect(storage.url).toContain('s3://bucket/prefix');
    await storage.close();
  });

  it.each([
    ['/srv/backup', /write 'file:\/\/\/srv\/backup'/],
    ['srv/backup', /it is no URL; write 'file:\/\/\/srv\/backup' .* or 's3:\/\/bucket/],
    ['', /it is no URL/],
    ['gs://bucket', /'gs:' is unknown; write 'file:/],
    ['file://backup', /'backup' is taken for a machine; .* for example 'file:\/\/\/srv\/backup'/],
    ['file:///', /the top of the file system is no place/],
    ['file:///srv/backup?region=x', /a folder has no options/],
    ['file:///srv/a%2Fb', /%2F and %00 can be part of no name/],
  ])('throws when the URL is %j, and shows a right one', async (url, message) => {
    const opening = openStorage(url, { create: true });

    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(message);
  });

  it.each(['gs://AKIA:hidden@bucket', 'gs://bucket?secretKey=hidden&a=b'])(
    'keeps the secrets of %s to itself',
    async (url) => {
      const opening = openStorage(url, { create: true });

      await expect(opening).rejects.toThrow(/\*\*\*/);
      await expect(opening).rejects.not.toThrow(/hidden/);
    },
  );
});
