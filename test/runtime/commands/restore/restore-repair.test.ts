import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { IntegrityError, UsageError } from '../../../../runtime/errors';
import { diskFs, removeTree, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { Killed } from '../../../helpers/killing-storage';
import { KillingFs } from './killing-fs';
import { block, filesFor, NOW, POINT, Scene, treeOf, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const STAGING = '.tempo-backup-restore';
const STRANGER = 12345;

let scene: Scene;
afterEach(() => {
  jest.restoreAllMocks();
  scene.remove();
});

const a1 = block('team-a');
const a2 = block('team-a', { start: new Date('2026-11-22T01:00:00Z'), end: new Date('2026-11-22T02:00:00Z') });
const b1 = block('team-b');
const TENANTS = { 'team-a': [a1, a2], 'team-b': [b1] };
const A1 = `traces/team-a/${a1.id}`;

describe('restore where a block at the target is damaged', () => {
  it.each<[string, RegExp, () => void]>([
    [
      'a truncated data.parquet',
      /data\.parquet' has 5 bytes, the recovery point says \d+/,
      () => truncateSync(at(`${A1}/data.parquet`), 5),
    ],
    ['no bloom', /bloom-0' is missing/, () => rmSync(at(`${A1}/bloom-0`))],
    ['no meta.json', /meta\.json' is missing/, () => rmSync(at(`${A1}/meta.json`))],
  ])('reports one with %s, names the command that repairs it, and that one does', async (_, defect, damage) => {
    scene = await Scene.of({ tenants: TENANTS });
    await scene.restore();
    damage();
    const damaged = treeOf(at(A1));
    const others = inodes();
    const { result, exitCode } = await scene.restore();
    expect(exitCode).toBe(12);
    expect(result.blocks).toEqual({
      total: 3,
      restored: 0,
      skipped: 2,
      compacted: 0,
      failed: [{ tenant: 'team-a', block: a1.id, reason: expect.stringMatching(defect) }],
    });
    const reason = result.blocks.failed[0]?.reason;
    expect(reason).toContain(`'tempo-backup restore ${POINT} --replace --block ${a1.id}'`);
    expect(treeOf(at(A1))).toEqual(damaged);

    const repair = await scene.restore({ recoveryPoint: POINT, replace: true, block: [a1.id] });
    expect([repair.exitCode, repair.result.blocks.restored, repair.result.movedAside.length]).toEqual([0, 1, 1]);
    expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
    expect(treeOf(join(repair.result.movedAside[0] ?? '', A1))).toEqual(damaged);
    expect([...treeOf(repair.result.movedAside[0] ?? '').keys()].every((name) => name.startsWith(A1))).toBe(true);
    // The others are the very same files.
    expect(inodes()).toEqual(others);
  });

  it('reports a WAL block with a truncated page, and repairs it', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    await scene.restore();
    const whole = scene.tree();
    const page = at(`wal/${WAL_ID}+team-a+vParquet4/0000000001`);
    truncateSync(page, 5);
    const { result, exitCode } = await scene.restore();
    expect([exitCode, result.wal.blocks]).toEqual([12, 0]);
    expect(result.blocks.failed).toEqual([
      { tenant: 'team-a', block: WAL_ID, reason: expect.stringContaining(`--replace --block ${WAL_ID}'`) },
    ]);
    expect(statSync(page).size).toBe(5);
    const repair = await scene.restore({ replace: true, block: [WAL_ID] });
    expect(repair.exitCode).toBe(0);
    expect(scene.tree()).toEqual(whole);
    const aside = join(repair.result.movedAside[0] ?? '', `wal/${WAL_ID}+team-a+vParquet4/0000000001`);
    expect(statSync(aside).size).toBe(5);
  });

  it('goes on with a killed repair, at any change, and moves nothing aside twice', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const damaged = new Map([...filesFor(TENANTS)].map(([name, text]) => [`traces/${name}`, text]));
    damaged.set(`${A1}/data.parquet`, 'short');
    const repair = (fs: TargetFs) => scene.restore({ replace: true, block: [a1.id] }, { fs });
    const reset = () => {
      rmSync(scene.target, { recursive: true, force: true });
      for (const [name, text] of damaged) put(name, text);
    };
    reset();
    const whole = new KillingFs({});
    await repair(whole.fs);
    for (let change = 0; change < whole.changes - 3; change++) {
      reset();
      await expect(repair(new KillingFs({ at: change, when: 'after' }).fs)).rejects.toThrow(Killed);
      const { exitCode } = await repair(diskFs);
      expect([change, exitCode, asides().length]).toEqual([change, 0, 1]);
      expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
      expect(readFileSync(at(join(asides()[0] ?? '', A1, 'data.parquet')), 'utf8')).toBe('short');
    }
  });

  it('counts in a dry run what is there and what would fail', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    await scene.restore({ tenant: ['team-a'] });
    rmSync(at(`${A1}/bloom-0`));
    const before = scene.tree();
    const { result, exitCode } = await scene.restore({ dryRun: true });
    expect(exitCode).toBe(12);
    expect(result.blocks).toMatchObject({ total: 3, restored: 0, skipped: 1, failed: [{ block: a1.id }] });
    expect(scene.tree()).toEqual(before);
  });

  it('names in a dry run where data would be moved to', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    await scene.restore();
    const before = scene.tree();
    const { result } = await scene.restore({ dryRun: true, replace: true });
    expect(result.movedAside).toEqual([expect.stringMatching(/\/\.tempo-backup-replaced-2026-11-23T09-00-00Z-/)]);
    expect(dirname(result.movedAside[0] ?? '')).toBe(scene.target);
    expect([scene.tree(), asides()]).toEqual([before, []]);
  });
});

describe('restore --replace twice within a second', () => {
  it('moves into two folders', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    put('traces/team-a/first/meta.json', 'first');
    const first = await scene.restore({ replace: true });
    const second = await scene.restore({ replace: true });
    expect(asides()).toHaveLength(2);
    expect(first.result.movedAside).not.toEqual(second.result.movedAside);
    expect(treeOf(join(first.result.movedAside[0] ?? '', 'traces/team-a/first')).get('meta.json')).toBe('first');
    expect(treeOf(join(second.result.movedAside[0] ?? '', 'traces'))).toEqual(filesFor(TENANTS));
    expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
  });
});

describe('restore into a folder without traces', () => {
  it('gives what it makes to the owner of that folder', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    mkdirSync(scene.target);
    if (process.getuid?.() === 0) chownSync(scene.target, STRANGER, STRANGER + 1);
    const { uid, gid } = statSync(scene.target);
    const { result } = await scene.restore();
    expect(result.owner).toBe(`${uid}:${gid}`);
    for (const name of readdirSync(scene.target, { recursive: true, encoding: 'utf8' })) {
      const stats = statSync(at(name));
      expect([name, stats.uid, stats.gid]).toEqual([name, uid, gid]);
    }
  });
});

describe('restore whose staging somebody else prepared', () => {
  it.each(['the home of stagings', 'the staging'])('refuses %s when it is a link', async (which) => {
    scene = await Scene.of({ tenants: TENANTS });
    const staging = await interrupted();
    const forged = which === 'the staging' ? staging : dirname(staging);
    const elsewhere = mkdtempSync(join(scene.folder, 'elsewhere-'));
    rmSync(forged, { recursive: true });
    symlinkSync(elsewhere, forged);
    await expectRefused(forged);
    expect([readdirSync(elsewhere), existsSync(at('traces'))]).toEqual([[], false]);
  });

  it.each(['the home of stagings', 'the staging'])('refuses %s when it is of another user', async (which) => {
    scene = await Scene.of({ tenants: TENANTS });
    const staging = await interrupted();
    const forged = which === 'the staging' ? staging : dirname(staging);
    if (process.getuid?.() === 0) chownSync(forged, STRANGER, STRANGER);
    else jest.spyOn(process as Required<typeof process>, 'geteuid').mockReturnValue(STRANGER);
    await expectRefused(forged);
    expect(existsSync(at('traces'))).toBe(false);
    jest.restoreAllMocks();
    rmSync(forged, { recursive: true });
    expect((await scene.restore()).exitCode).toBe(0);
  });

  async function expectRefused(forged: string): Promise<void> {
    for (const dryRun of [true, false]) {
      const refusal = scene.restore({ dryRun });
      await expect(refusal).rejects.toThrow(UsageError);
      await expect(refusal).rejects.toThrow(`'${forged}'`);
      await expect(refusal).rejects.toThrow(/remove it/);
    }
  }
});

describe('restore whose journal was forged', () => {
  const REPLACED = '.tempo-backup-replaced-2026-11-23T09-00-00Z-01234567';

  it.each<[string, string, string]>([
    ['moves what is outside', '../precious', `${REPLACED}/../precious`],
    ['moves what is beside the roots', 'precious', `${REPLACED}/precious`],
    ['moves a block of a tenant', 'traces/team-a/old', `${REPLACED}/traces/team-a/old`],
    ['leaves a root by ..', 'traces/../precious', `${REPLACED}/traces/../precious`],
    ['moves a root', 'traces', `${REPLACED}/traces`],
    ['moves into another place', 'traces/team-a', 'traces/team-b'],
    ['moves out of the folder for what is replaced', 'traces/team-a', `${REPLACED}/../../outside/traces/team-a`],
    ['moves to another name', 'traces/team-a', `${REPLACED}/traces/team-b`],
  ])('refuses one that %s', async (_, from, to) => {
    scene = await Scene.of({ tenants: TENANTS });
    const staging = await interrupted({ replace: true });
    put('precious/data', 'precious');
    put('../precious/data', 'precious');
    put('traces/team-a/old/meta.json', 'old');
    const journal = {
      recoveryPoint: POINT,
      mode: 'replace',
      phase: 'installing',
      startedAt: NOW.toISOString(),
      aside: [{ from: `${scene.target}/${from}`, to: `${scene.target}/${to}` }],
    };
    writeFileSync(join(staging, 'journal.json'), JSON.stringify(journal));
    const before = treeOf(scene.folder);
    for (const dryRun of [true, false]) {
      const refusal = scene.restore({ replace: true, dryRun });
      await expect(refusal).rejects.toThrow(IntegrityError);
      await expect(refusal).rejects.toThrow(/damaged or forged/);
    }
    expect(treeOf(scene.folder)).toEqual(before);
  });

  it('refuses moves of a restore that replaces nothing', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const staging = await interrupted();
    put('traces/team-a/old/meta.json', 'old');
    const aside = [{ from: at('traces/team-a'), to: at(`${REPLACED}/traces/team-a`) }];
    const journal = { recoveryPoint: POINT, mode: 'replace', phase: 'installing', startedAt: '', aside };
    writeFileSync(join(staging, 'journal.json'), JSON.stringify(journal));
    await expect(scene.restore()).rejects.toThrow(IntegrityError);
    expect(existsSync(at('traces/team-a/old/meta.json'))).toBe(true);
  });
});

describe('restore whose staged block vanishes', () => {
  it.each([false, true])('reports it and installs the others (--replace: %s)', async (replace) => {
    scene = await Scene.of({ tenants: TENANTS });
    put('traces/team-a/old/meta.json', 'old');
    const fs: TargetFs = {
      ...diskFs,
      rename: (from, to) => {
        if (to === at(A1)) removeTree(diskFs, from);
        diskFs.rename(from, to);
      },
    };
    const { result, exitCode } = await scene.restore({ replace }, { fs });
    expect(exitCode).toBe(12);
    expect(result.blocks).toEqual({
      total: 3,
      restored: 2,
      skipped: 0,
      compacted: 0,
      failed: [{ tenant: 'team-a', block: a1.id, reason: expect.stringMatching(/vanished.*again/) }],
    });
    expect(existsSync(at(A1))).toBe(false);
    const again = await scene.restore();
    expect([again.exitCode, again.result.blocks.restored]).toEqual([0, 1]);
    const found = treeOf(scene.target, (name) => name.endsWith('team-a/old/meta.json'));
    expect([...found.values()]).toEqual(['old']);
  });
});

/** Begins a restore and stops it before it installs anything; returns its staging folder. */
async function interrupted(options: Parameters<Scene['restore']>[0] = {}): Promise<string> {
  const fs: TargetFs = {
    ...diskFs,
    write: async (file, offset, bytes) => {
      if (bytes.includes('"blockID"')) throw new Killed('at a meta.json');
      return diskFs.write(file, offset, bytes);
    },
  };
  await expect(scene.restore(options, { fs })).rejects.toThrow(Killed);
  const [name = ''] = readdirSync(at(STAGING)).filter((each) => /^[0-9a-f]{16}$/.test(each));
  return at(join(STAGING, name));
}

/** Of all files of the blocks but the damaged one. */
function inodes(): Map<string, number> {
  const names = [...scene.tree().keys()].filter((name) => !name.startsWith(A1));
  return new Map(names.map((name) => [name, statSync(at(name)).ino]));
}

function asides(): string[] {
  return readdirSync(scene.target).filter((name) => name.startsWith('.tempo-backup-replaced-'));
}

function at(name: string): string {
  return join(scene.target, name);
}

function put(name: string, text: string): void {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text, 'latin1');
}
