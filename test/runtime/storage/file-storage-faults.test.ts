import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { StorageError } from '../../../runtime/errors';
import { FileCalls } from '../../../runtime/storage/file/file-calls';
import { FileStorage, type FileStorageOptions } from '../../../runtime/storage/file-storage';
import { bytesOf, sourceOf } from '../../helpers/buffer-source';
import { errno, FailingCalls } from '../../helpers/file-calls';
import { keysIn } from '../../helpers/listed';

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

describe('FileStorage when a call fails', () => {
  it.each([
    ['write', 'ENOSPC', /the disk is full; free space or grow the volume/],
    ['write', 'EDQUOT', /the disk quota is used up; free space/],
    ['fsync', 'EIO', /input\/output error; check the disk/],
    ['open', 'EROFS', /the file system is read-only; mount it writable/],
    ['open', 'EACCES', /no permission; let .* read and write the whole folder/],
    ['open', 'EMFILE', /too many files are open; raise the limit/],
    ['link', 'ENOSPC', /the disk is full/],
    ['link', 'EPERM', /has no hard links, .*; use one that has them .* or an 's3:\/\/' repository/],
    ['link', 'ENOTSUP', /has no hard links/],
    ['link', 'EACCES', /no permission/],
    ['link', 'EUCLEAN', /answers EUCLEAN; check the disk/],
    ['mkdir', 'EROFS', /read-only/],
  ] as const)('says what to do about %s failing with %s, and leaves nothing', async (call, code, message) => {
    await (await open()).put('other', sourceOf('kept'));
    const storage = await open({ calls: new FailingCalls({ [call]: code }) });

    const putting = storage.put('blocks/a', sourceOf(bytesOf(20 * MIB, 'a')));

    await expect(putting).rejects.toThrow(message);
    await expect(putting).rejects.toThrow(`store object 'blocks/a' in '${storage.url}'`);
    await expect(putting).rejects.toMatchObject({
      name: 'StorageError',
      exitCode: ExitCode.FAILED,
      evidence: { code },
    });
    expect(await readdir(join(folder, '.tmp'))).toEqual([]);
    expect(await keysIn(await open())).toEqual(['other']);
  });

  it('stores the object once there is space again', async () => {
    const fails: { write?: string } = { write: 'ENOSPC' };
    const storage = await open({ calls: new FailingCalls(fails) });
    await expect(storage.put('a', sourceOf('content'))).rejects.toThrow(StorageError);
    delete fails.write;

    expect(await storage.put('a', sourceOf('content'))).toMatchObject({ created: true });
  });

  it('reports a disk that is full for real', async () => {
    class FullDisk extends FileCalls {
      override open(path: string, flags: number, mode?: number): Promise<number> {
        return super.open(path.includes('/.tmp/') ? '/dev/full' : path, path.includes('/.tmp/') ? 1 : flags, mode);
      }
    }
    const storage = await open({ calls: new FullDisk() });

    await expect(storage.put('a', sourceOf('content'))).rejects.toThrow('the disk is full');
  });

  it.each([
    ['readdir', (s: FileStorage) => keysIn(s), /^list '' in 'file:.*': .* no permission/],
    ['open', (s: FileStorage) => s.get('a'), /^read object 'a' in 'file:.*': .* no permission/],
  ] as const)('explains a failing %s', async (call, act, message) => {
    const storage = await open({ calls: new FailingCalls({ [call]: 'EACCES' }) });

    await expect(act(storage)).rejects.toThrow(message);
  });

  it('keeps its own clock where it cannot write', async () => {
    const storage = await open({ calls: new FailingCalls({ open: 'EROFS' }) });

    expect(Math.abs((await storage.now()).getTime() - Date.now())).toBeLessThan(2000);
  });

  it('knows its object when the answer to the link was lost', async () => {
    class LostAnswer extends FileCalls {
      override async link(existing: string, path: string): Promise<void> {
        await super.link(existing, path);
        throw errno('EEXIST', 'link');
      }
    }
    const storage = await open({ calls: new LostAnswer() });

    expect(await storage.put('a/b', sourceOf('mine'))).toMatchObject({ created: true });
  });

  it('makes the folder again when a prune removed it as empty', async () => {
    class RacingCalls extends FileCalls {
      private races = 3;
      override async mkdir(path: string): Promise<void> {
        await super.mkdir(path);
        if (path.endsWith('blocks') && this.races-- > 0) await this.rmdir(path);
      }
    }
    const storage = await open({ calls: new RacingCalls() });

    expect(await storage.put('blocks/a', sourceOf('there'))).toMatchObject({ created: true });
  });
});
