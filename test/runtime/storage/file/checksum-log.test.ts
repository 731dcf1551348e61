import { mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStorage, type FileStorageOptions } from '../../../../runtime/storage/file-storage';
import { digestOf } from '../../../../runtime/streams/digest';
import { bytesOf, sourceOf } from '../../../helpers/buffer-source';
import { RecordingCalls } from '../../../helpers/file-calls';

const MIB = 1024 * 1024;

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'file-storage-'));
  folder = join(parent, 'repository');
});
afterEach(() => rm(parent, { recursive: true }));

function open(options: FileStorageOptions = {}): Promise<FileStorage> {
  return FileStorage.open(folder, { create: true, ...options });
}

describe('FileStorage and checksums', () => {
  const bytes = bytesOf(9 * MIB, 'checksums');

  async function readsForHead(): Promise<{ sha256: string | undefined; reads: number }> {
    const calls = new RecordingCalls();
    const sha256 = (await (await open({ calls })).head('a'))?.sha256;
    return { sha256, reads: calls.reads };
  }

  beforeEach(async () => {
    const storage = await open();
    await storage.put('a', sourceOf(bytes));
    await storage.close();
  });

  async function logOf(): Promise<string> {
    const names = await readdir(join(folder, '.checksums'));
    expect(names).toHaveLength(1);
    return join(folder, '.checksums', names[0] ?? '');
  }

  it('tells the digest without reading', async () => {
    expect(await readsForHead()).toEqual({ sha256: digestOf(bytes), reads: 0 });
  });

  it('tells the digest of what another process stored after the logs were read', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await storage.head('a');
    await (await open()).put('b', sourceOf(bytes));

    expect((await storage.head('b'))?.sha256).toBe(digestOf(bytes));
    expect(calls.reads).toBe(0);
  });

  it('reads a file that was changed, even when its size is the same', async () => {
    const changed = Buffer.from(bytes).fill(0, 100, 200);
    await writeFile(join(folder, 'a'), changed);

    expect(await readsForHead()).toEqual({ sha256: digestOf(changed), reads: 2 });
  });

  it('reads a file that took the place of another with all its times', async () => {
    const changed = Buffer.from(bytes).fill(0, 100, 200);
    const { atime, mtime } = await stat(join(folder, 'a'));
    await writeFile(join(folder, 'copy'), changed);
    await utimes(join(folder, 'copy'), atime, mtime);
    await rename(join(folder, 'copy'), join(folder, 'a'));

    expect((await readsForHead()).sha256).toBe(digestOf(changed));
  });

  it.each([
    ['is gone', async () => rm(join(folder, '.checksums'), { recursive: true })],
    ['is torn', async () => truncate(await logOf(), 50)],
    ['holds garbage', async () => writeFile(await logOf(), `\0\0\0\n{"key":"a"}\nnull\n[1]\n`)],
  ])('reads the object when its log %s', async (_, damage) => {
    await damage();

    expect(await readsForHead()).toEqual({ sha256: digestOf(bytes), reads: 2 });
  });

  it('loads only logs of the time when the object was written', async () => {
    const log = await logOf();
    const early = join(folder, '.checksums', '1000000000000-7-00112233.jsonl');
    await rename(log, early);
    const longAgo = 1_000_000_100;
    await utimes(early, longAgo, longAgo);

    expect((await readsForHead()).reads).toBe(2);
  });

  it('logs nothing for small objects, which are as quick to read', async () => {
    const storage = await open();
    const before = await readFile(await logOf(), 'utf8');
    await storage.put('small', sourceOf('small'));

    expect(await readFile(await logOf(), 'utf8')).toBe(before);
    expect((await storage.head('small'))?.sha256).toBe(digestOf(Buffer.from('small')));
  });
});
