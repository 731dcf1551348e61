import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStorage, type FileStorageOptions } from '../../../../runtime/storage/file-storage';
import { digestOf } from '../../../../runtime/streams/digest';
import { bytesOf, sourceOf } from '../../../helpers/buffer-source';
import { FailingCalls, RecordingCalls } from '../../../helpers/file-calls';
import { objectsIn } from '../../../helpers/listed';

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

describe('FileStorage and power loss', () => {
  it('has the bytes on the disk before they get their name', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });

    await storage.put('a', sourceOf('a'));

    expect(calls.log).toEqual([`fsync ${folder}/.tmp/…`, `link ${folder}/a`]);
  });

  it('has the names on the disk after sync, those of new folders and of the repository itself included', async () => {
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await storage.put('blocks/t/id/meta.json', sourceOf('a'));
    calls.log.length = 0;

    await storage.sync();

    const expected = [parent, folder, `${folder}/blocks`, `${folder}/blocks/t`, `${folder}/blocks/t/id`];
    expect(calls.log.sort()).toEqual(expected.map((path) => `fsync ${path}`));
    calls.log.length = 0;
    await storage.sync();
    expect(calls.log).toEqual([]);
  });

  it.each([
    ['was there already', (s: FileStorage) => s.put('old/a', sourceOf('other'))],
    ['was looked up', (s: FileStorage) => s.head('old/a')],
  ])('covers an object that %s, as its writer may have died before it synchronised', async (_, act) => {
    await (await open()).put('old/a', sourceOf('a'));
    const calls = new RecordingCalls();
    const storage = await open({ calls });
    await act(storage);
    calls.log.length = 0;

    await storage.sync();

    expect(calls.log.sort()).toEqual([folder, `${folder}/old`].map((path) => `fsync ${path}`));
  });

  it('tries again what could not be synchronised', async () => {
    const fails: { fsync?: string } = {};
    const calls = new FailingCalls(fails);
    const storage = await open({ calls });
    await storage.put('a/b', sourceOf('a'));
    fails.fsync = 'EIO';
    await expect(storage.sync()).rejects.toThrow('check the disk');
    await expect(storage.sync()).rejects.toThrow('check the disk');

    delete fails.fsync;

    await expect(storage.sync()).resolves.toBeUndefined();
  });

  it('leaves only whole objects when it is killed in the middle of puts, and goes on from there', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(__dirname, '../../../helpers/put-until-killed.ts'), folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');

    const storage = await open();
    const objects = await objectsIn(storage);
    expect(objects.length).toBeGreaterThan(10);
    for (const { key, size } of objects) {
      const whole = bytesOf(Number(key.split('-').at(-1)), key);
      expect({ key, size, sha256: (await storage.head(key))?.sha256 }).toEqual({
        key,
        size: whole.length,
        sha256: digestOf(whole),
      });
      expect((await storage.get(key)).equals(whole)).toBe(true);
    }
    const [first] = objects;
    expect(await storage.put(first?.key ?? '', sourceOf('again'))).toMatchObject({ created: false });
  }, 15_000);
});
