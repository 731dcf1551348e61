import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SourceDamagedError } from '../../../../runtime/tempo/source/source-block';
import { SourceDisk } from '../../../../runtime/tempo/source/source-disk';
import { LocalWalBlock } from '../../../../runtime/tempo/wal/wal-block';

const ID = '0f0e0d0c-0b0a-4908-8706-050403020100';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'source-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('SourceDisk', () => {
  it('takes a FIFO in the place of a file for damage, and waits for nobody', async () => {
    const path = join(folder, 'meta.json');
    execFileSync('mkfifo', [path]);
    const disk = new SourceDisk();

    expect(() => disk.readSmall(path, 100)).toThrow(new SourceDamagedError(`'${path}' is no regular file`));
    await expect(disk.open(path)).rejects.toThrow(new SourceDamagedError(`'${path}' is no regular file`));
  });

  it('reads files', async () => {
    const path = join(folder, 'meta.json');
    writeFileSync(path, 'abc');
    const disk = new SourceDisk();

    expect(disk.readSmall(path, 100)?.toString()).toBe('abc');
    const file = await disk.open(path);
    expect(await disk.read(file, 1, Buffer.alloc(2))).toBe(2);
    await file.close();
  });

  it.each(['meta.json', '0000000001'])('makes a WAL block damaged whose %s is a FIFO', async (name) => {
    const place = { folder: join(folder, 'wal'), id: ID, tenant: 'a', encoding: 'vParquet4' };
    mkdirSync(place.folder);
    if (name === 'meta.json') writeFileSync(join(place.folder, '0000000001'), 'no page');
    writeFileSync(join(place.folder, '0000000002'), '');
    execFileSync('mkfifo', [join(place.folder, name)]);

    const opening = LocalWalBlock.open(new SourceDisk(), place, new AbortController().signal);

    if (name === 'meta.json') await expect(opening).rejects.toThrow(SourceDamagedError);
    else expect(JSON.stringify((await opening)?.defects)).toContain('WAL page 0000000001 that is no regular file');
  });
});
