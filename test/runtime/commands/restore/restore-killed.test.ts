import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Repository } from '../../../../runtime/repository/repository';
import { Killed, killAt } from '../../../helpers/killing-storage';
import { KillingFs, type KillingFsOptions } from './killing-fs';
import { block, filesFor, NOW, Scene, treeOf, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const OLD_WAL_ID = '80b25cb9-2424-412f-8122-431f7d34a431';
const NEW_BLOCKS = { 'team-a': [block('team-a')], 'team-b': [block('team-b')] };
const OLD_BLOCK = block('team-a', { id: NEW_BLOCKS['team-a'][0]?.id, version: 'old' });
const OTHER_OLD_BLOCK = block('team-c', { version: 'old' });
// Hundreds of restores each.
jest.setTimeout(60_000);

const STAGING = '.tempo-backup-restore';
const MODES = ['add', 'replace'] as const;

let scene: Scene;
let old: Map<string, string>;

beforeAll(async () => {
  scene = await Scene.of({ tenants: NEW_BLOCKS, wal: [wal('team-a', WAL_ID)] }, { tempo: { owner: '12345:12345' } });
});
beforeEach(() => {
  rmSync(scene.target, { recursive: true, force: true });
  for (const [name, text] of filesFor({ 'team-a': [OLD_BLOCK], 'team-c': [OTHER_OLD_BLOCK] }))
    put(`traces/${name}`, text);
  put(`wal/${OLD_WAL_ID}+team-a+vParquet4/meta.json`, 'old WAL');
  put(`wal/blocks/team-a/${OLD_BLOCK.id}/meta.json`, 'old completed block');
  old = scene.tree();
});
afterAll(() => scene.remove());

describe.each(MODES)('a restore that is killed (%s)', (mode) => {
  it('never shows Tempo a part of a block, and never loses what was there', async () => {
    let checks = 0;
    const killing = new KillingFs({ onChange: () => void (checkVisible(), checkOld(), checks++) });
    await run(mode, killing);
    expect(checks).toBe(killing.changes);
    expect(checks).toBeGreaterThan(60);
    checkRestored(mode);
  });

  it.each(['before', 'after'] as const)(
    'at any change of the disk, %s it has its effect, and run again, is whole',
    async (when) => {
      const whole = new KillingFs({});
      await run(mode, whole);
      for (let at = 0; at < whole.changes; at++) {
        reset();
        await killedRun(mode, { at, when });
        checkVisible();
        checkOld();
        await run(mode, new KillingFs({}));
        checkRestored(mode);
        // The last changes remove the emptied staging folders: with the journal the restore has ended, and the next run is another one.
        if (mode === 'replace' && at < whole.changes - 3) expect(asides()).toHaveLength(1);
      }
      killPoints += whole.changes;
    },
  );

  it('twice in a row, at neighbouring changes, and run again, is whole', async () => {
    const whole = new KillingFs({});
    await run(mode, whole);
    for (let at = 0; at < whole.changes; at += 5) {
      reset();
      await killedRun(mode, { at, when: 'after' });
      await killedRun(mode, { at: at % 7, when: 'before' });
      checkVisible();
      checkOld();
      await run(mode, new KillingFs({}));
      checkRestored(mode);
    }
    killPoints += Math.ceil(whole.changes / 5);
  });

  it.each(['before', 'after'] as const)(
    'at any call of the storage, %s it has its effect, and run again, is whole',
    async (when) => {
      const counted = killAt(scene.storage, undefined);
      await run(mode, new KillingFs({}), await Repository.open(counted, { create: false }));
      for (let n = 1; n < counted.calls; n++) {
        reset();
        const killing = killAt(scene.storage, n, when);
        const repository = await Repository.open(killing, { create: false });
        await expect(run(mode, new KillingFs({}), repository)).rejects.toThrow(Killed);
        checkVisible();
        checkOld();
        await run(mode, new KillingFs({}));
        checkRestored(mode);
      }
      killPoints += counted.calls - 1;
    },
  );
});

describe('a run after a killed one', () => {
  it('reads only what was not staged', async () => {
    await killAllStaged();
    const { result } = await run('replace', new KillingFs({}));
    expect(result.bytes.read).toBe(0);
    checkRestored('replace');
  });

  it("stages again what was staged and isn't as long as it must be", async () => {
    await killAllStaged();
    const data = stagedFiles().find((name) => name.endsWith('data.parquet')) ?? '';
    truncateSync(join(scene.target, STAGING, data), 5);
    await run('replace', new KillingFs({}));
    checkRestored('replace');
  });

  it('removes what the killed one left unfinished before it writes anything', async () => {
    await killAllStaged();
    const data = stagedFiles().find((name) => name.endsWith('data.parquet')) ?? '';
    const unfinished = `${dirname(join(scene.target, STAGING, data))}.0123abcd.partial`;
    renameSync(dirname(join(scene.target, STAGING, data)), unfinished);
    const killing = new KillingFs({});
    const fs = {
      ...killing.fs,
      create: (path: string, mode: number) => (existsSync(unfinished) ? never() : killing.fs.create(path, mode)),
    };
    await scene.restore({ replace: true, allow: ['owner'] }, { fs });
    checkRestored('replace');
  });
});

/** Stops a replacement when all is staged and nothing moved. */
async function killAllStaged(): Promise<void> {
  const whole = new KillingFs({});
  await run('replace', whole);
  for (let at = whole.changes - 1; at >= 0; at--) {
    reset();
    await killedRun('replace', { at, when: 'before' });
    if (stagedFiles().filter((name) => name.endsWith('data.parquet')).length === 2 && asides().length === 0) return;
  }
  throw new Error('it is never all staged');
}

function stagedFiles(): string[] {
  return [...treeOf(join(scene.target, STAGING)).keys()];
}

function never(): never {
  throw new Error('something unfinished is still there');
}

let killPoints = 0;
it('is killed at more than 400 points in all', () => {
  expect(killPoints).toBeGreaterThan(400);
});

let minutes = 0;

function run(
  mode: (typeof MODES)[number],
  killing: KillingFs,
  repository = scene.repository,
): ReturnType<Scene['restore']> {
  // A later run has a later clock, and so another name for what it moves aside.
  const now = new Date(NOW.getTime() + ++minutes * 1000);
  return scene.restore(
    { replace: mode === 'replace', allow: ['owner'] },
    { fs: killing.fs, repository, now: () => now },
  );
}

async function killedRun(mode: (typeof MODES)[number], options: KillingFsOptions): Promise<void> {
  await expect(run(mode, new KillingFs(options))).rejects.toThrow(Killed);
}

function reset(): void {
  rmSync(scene.target, { recursive: true, force: true });
  for (const [name, text] of old) put(name, text);
}

/** Every block that Tempo would see is whole: one of the point's, or one that was there. */
function checkVisible(): void {
  const whole = [filesFor(NEW_BLOCKS), filesFor({ 'team-a': [OLD_BLOCK], 'team-c': [OTHER_OLD_BLOCK] })];
  const folders = new Map<string, Map<string, string>>();
  for (const [name, text] of scene.tree('traces'))
    folders.set(dirname(name), (folders.get(dirname(name)) ?? new Map<string, string>()).set(name, text));
  for (const [folder, files] of folders) {
    const wanted = whole.map((all) => new Map([...all].filter(([name]) => dirname(name) === folder)));
    if (!wanted.some((each) => same(each, files))) expect({ folder, files }).toEqual({ folder, files: wanted[0] });
  }
  for (const tenant of list('traces'))
    for (const id of list(`traces/${tenant}`)) expect(list(`traces/${tenant}/${id}`)).toContain('meta.json');
  for (const name of list('wal').filter((each) => each !== 'blocks'))
    expect(list(`wal/${name}`)).toContain('meta.json');
}

/** What was there is there, or is in a folder of what was moved aside. */
function checkOld(): void {
  const found = [scene.tree(), ...asides().map((name) => treeOf(join(scene.target, name)))];
  for (const [name, text] of old) {
    if (!found.some((tree) => tree.get(name) === text)) throw new Error(`lost '${name}'`);
  }
}

function checkRestored(mode: (typeof MODES)[number]): void {
  checkOld();
  const expected = new Map(filesFor(NEW_BLOCKS));
  const added =
    mode === 'add' ? filesFor({ 'team-a': [OLD_BLOCK], 'team-c': [OTHER_OLD_BLOCK] }) : new Map<string, string>();
  for (const [name, text] of added) expected.set(name, text);
  expect(scene.tree('traces')).toEqual(new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
  const names = list('wal');
  // Beside what is there, the WAL block stays out only if Tempo has its block.
  expect(names).toEqual(
    mode === 'add'
      ? [`${WAL_ID}+team-a+vParquet4`, `${OLD_WAL_ID}+team-a+vParquet4`, 'blocks']
      : [`${WAL_ID}+team-a+vParquet4`, 'blocks'],
  );
  expect(list('.')).not.toContain('.tempo-backup-restore');
}

function asides(): string[] {
  return list('.').filter((name) => name.startsWith('.tempo-backup-replaced-'));
}

function list(folder: string): string[] {
  try {
    return readdirSync(join(scene.target, folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function same(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, text]) => other.get(name) === text);
}

function put(name: string, text: string): void {
  const path = join(scene.target, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, 'latin1');
}
