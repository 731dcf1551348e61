import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFs, foldersUpTo, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { block, Scene, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const TENANTS = { 'team-a': [block('team-a'), block('team-a')], 'team-b': [block('team-b')] };

let scene: Scene;
afterEach(() => scene.remove());

/** Knows what a power failure would undo: bytes and names that nobody brought to the disk. */
class VolatileDisk {
  readonly renames: { readonly from: string; readonly to: string; readonly unsafe: readonly string[] }[] = [];
  private readonly unsafe = new Set<string>();
  private readonly paths = new Map<number, string>();

  readonly fs: TargetFs = {
    ...diskFs,
    removeFolder: (path) => {
      diskFs.removeFolder(path);
      this.unsafe.delete(path);
    },
    makeFolder: (path) => {
      diskFs.makeFolder(path);
      this.unsafe.add(dirname(path));
    },
    create: (path, mode) => {
      const file = diskFs.create(path, mode);
      this.paths.set(file, path);
      this.unsafe.add(path).add(dirname(path));
      return file;
    },
    write: async (file, offset, bytes) => {
      await diskFs.write(file, offset, bytes);
      this.unsafe.add(this.paths.get(file) ?? '');
    },
    sync: async (file) => {
      await diskFs.sync(file);
      this.unsafe.delete(this.paths.get(file) ?? '');
    },
    syncFolder: async (path) => {
      await diskFs.syncFolder(path);
      this.unsafe.delete(path);
    },
    rename: (from, to) => {
      diskFs.rename(from, to);
      this.renames.push({
        from,
        to,
        unsafe: [...this.unsafe].filter((path) => path === from || path.startsWith(`${from}/`)),
      });
      this.unsafe.add(dirname(from)).add(dirname(to));
    },
  };

  /** Folders whose names a power failure would undo now. */
  unsafeBelow(folder: string): string[] {
    return [...this.unsafe].filter((path) => path.startsWith(folder));
  }
}

it('brings every byte and name of a block to the disk before the block gets its name', async () => {
  scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
  const disk = new VolatileDisk();
  await scene.restore({}, { fs: disk.fs });
  const named = disk.renames.filter(({ from }) => from.endsWith('.partial'));
  expect(named).toHaveLength(4);
  expect(named.flatMap(({ unsafe }) => unsafe)).toEqual([]);
});

it('ends only when all is where it belongs for good', async () => {
  scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
  const disk = new VolatileDisk();
  await scene.restore({}, { fs: disk.fs });
  expect(disk.unsafeBelow(scene.folder)).toEqual([]);
});

it('brings the list of what it moves to the disk before it moves the first folder, and these before anything takes their place', async () => {
  scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
  await scene.restore();
  mkdirSync(join(scene.target, 'wal/blocks/team-a'), { recursive: true });
  const disk = new VolatileDisk();
  const journal: string[] = [];
  let unsafeAtInstall: string[] | undefined;
  const traces = join(scene.target, 'traces');
  const fs: TargetFs = {
    ...disk.fs,
    makeFolder: (path) => {
      if (path.startsWith(`${traces}/`))
        unsafeAtInstall ??= disk.unsafeBelow(scene.target).filter((each) => !each.includes('-restore/'));
      disk.fs.makeFolder(path);
    },
    rename: (from, to) => {
      if (to.endsWith('journal.json')) {
        const holders = foldersUpTo(scene.target, dirname(dirname(to)));
        expect(holders.filter((folder) => disk.unsafeBelow(folder).includes(folder))).toEqual([]);
      }
      if (from === join(traces, 'team-a') || from === join(traces, 'team-b')) {
        const staging = disk.renames.find((each) => each.to.endsWith('journal.json'))?.to ?? '';
        journal.push((JSON.parse(readFileSync(staging, 'utf8')) as { phase: string }).phase);
        expect(disk.unsafeBelow(staging)).toEqual([]);
        expect(disk.unsafeBelow(dirname(staging))).not.toContain(dirname(staging));
      }
      disk.fs.rename(from, to);
    },
  };
  await scene.restore({ replace: true }, { fs });
  expect(journal).toEqual(['installing', 'installing']);
  expect(unsafeAtInstall).toEqual([]);
});
