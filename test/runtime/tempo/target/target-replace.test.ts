import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFs, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { asideFolders, moveAside, planMoves } from '../../../../runtime/tempo/target/target-replace';
import { type TargetTree } from '../../../../runtime/tempo/target/target-tree';

const WAL = '5b1052ae-4f92-469d-af29-2f2691844f72+team-a+vParquet4';
const ALL = { blocks: true, wal: true, tenants: undefined, foldersOnly: false };
const RUN = { now: new Date('2026-11-23T09:00:00Z'), run: '0badf00d' };
const ASIDE = '.tempo-backup-replaced-2026-11-23T09-00-00Z-0badf00d';
const STRANGER = 4711;
/** The user that these tests restore as: never root, who may write anywhere. */
const USER = process.getuid?.() || STRANGER - 1;

let parent: string;
let tree: TargetTree;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tempo-backup-target-'));
  tree = { parent, traces: join(parent, 'traces'), wal: join(parent, 'wal'), walParent: parent };
  jest.spyOn(process as Required<typeof process>, 'geteuid').mockReturnValue(USER);
  jest.spyOn(process as Required<typeof process>, 'getegid').mockReturnValue(USER);
  jest.spyOn(process as Required<typeof process>, 'getgroups').mockReturnValue([USER]);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(parent, { recursive: true });
});

/** As the kernel has it for everybody but root: what moves into another folder must be writable itself. */
const fs: TargetFs = {
  ...diskFs,
  rename: (from, to) => {
    const { uid, mode } = lstatSync(from);
    const isWritable = uid === process.geteuid?.() && (mode & 0o200) !== 0;
    if (join(from, '..') !== join(to, '..') && !isWritable)
      throw Object.assign(new Error(`EACCES: rename '${from}'`), { code: 'EACCES', path: from });
    diskFs.rename(from, to);
  },
};

function folder(path: string, mode: number): string {
  mkdirSync(join(parent, path), { recursive: true });
  if (process.getuid?.() === 0) chownSync(join(parent, path), USER, USER);
  chmodSync(join(parent, path), mode);
  return join(parent, path);
}

/** Of another user than the one that restores, whoever runs the tests. */
function becomeStranger(): void {
  jest.spyOn(process as Required<typeof process>, 'geteuid').mockReturnValue(STRANGER);
  jest.spyOn(process as Required<typeof process>, 'getegid').mockReturnValue(STRANGER);
  jest.spyOn(process as Required<typeof process>, 'getgroups').mockReturnValue([STRANGER]);
}

const plan = () => planMoves({ tree, folders: [] }, ALL, RUN);

describe('what is moved aside', () => {
  it('is opened for it when it is closed, and closed again', async () => {
    for (const path of [`wal/${WAL}`, 'traces/team-a', 'wal/blocks/team-a']) folder(path, 0o500);
    const moves = plan();
    expect(asideFolders(tree, moves)).toEqual([join(parent, ASIDE)]);
    await moveAside(fs, tree, moves, undefined);
    for (const path of [`wal/${WAL}`, 'traces/team-a', 'wal/blocks/team-a']) {
      expect(existsSync(join(parent, path))).toBe(false);
      expect(lstatSync(join(parent, ASIDE, path)).mode & 0o777).toBe(0o500);
    }
    expect(asideFolders(tree, moves)).toEqual([join(parent, ASIDE)]);
  });

  it('stays in its folder under another name when it is a WAL block of another user, and is moved once', async () => {
    folder(`wal/${WAL}`, 0o755);
    becomeStranger();
    const moves = plan();
    const beside = join(parent, 'wal', `${ASIDE}-${WAL}`);
    expect(asideFolders(tree, moves)).toEqual([beside]);
    await moveAside(fs, tree, moves, undefined);
    expect(existsSync(beside)).toBe(true);
    expect(existsSync(join(parent, ASIDE))).toBe(false);
    // A run that goes on finds a new WAL block in its place.
    folder(`wal/${WAL}`, 0o700);
    await moveAside(fs, tree, moves, undefined);
    expect(existsSync(join(parent, 'wal', WAL))).toBe(true);
    expect(asideFolders(tree, moves)).toEqual([beside]);
    expect(planMoves({ tree, folders: [] }, ALL, { ...RUN, run: '0badf00e' }).map(({ from }) => from)).toEqual([
      join(parent, 'wal', WAL),
    ]);
  });

  it.each(['traces/team-a', 'wal/blocks/team-a'])(
    'is refused with the command when it is another user’s: %s',
    (path) => {
      const closed = folder(path, 0o755);
      becomeStranger();
      expect(plan).toThrow(
        `move '${closed}' aside: it belongs to user ${USER} and user ${STRANGER} may not write to it, as moving it does; ` +
          `give it back to Tempo's user, as root where the volume is mounted: chown -R ${STRANGER}:${STRANGER} '${closed}'; then run the same command again`,
      );
      expect(existsSync(closed)).toBe(true);
    },
  );

  it('is moved when its group may write', async () => {
    const shared = folder('traces/team-a', 0o770);
    becomeStranger();
    jest.spyOn(process as Required<typeof process>, 'getgroups').mockReturnValue([lstatSync(shared).gid]);
    await moveAside(diskFs, tree, plan(), undefined);
    expect(existsSync(join(parent, ASIDE, 'traces/team-a'))).toBe(true);
  });
});
