import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Workplace } from '../helpers/command-runner';
import { makeBlock } from '../helpers/tempo-tree';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.withFixture('tempo-2.9');
});

afterEach(() => workplace.remove());

const BLOCK = 'team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b';

async function points(): Promise<string[]> {
  return readdir(join(workplace.repository, 'points')).catch(() => []);
}

describe('a backup', () => {
  it('has the whole of a real Tempo and sends nothing the second time', async () => {
    const first = await workplace.run('backup');
    expect(first.exitCode).toBe(0);
    expect(first.result.blocks).toEqual({ total: 3, new: 3, reused: 0, damaged: [] });
    expect(first.result.recoveryPoint.tenants.map(({ tenant, objects }) => [tenant, objects])).toEqual([
      ['team-a', 75],
      ['team-b', 30],
    ]);
    expect(first.result.recoveryPoint.wal.pages).toBe(2);

    const second = await workplace.run('backup');
    expect(second.result.blocks).toMatchObject({ total: 3, new: 0, reused: 3 });
    expect(second.result.requests).toMatchObject({ put: 1, get: 2, list: 1, head: 0 });
  });

  it('takes what its rule says and is kept for as long', async () => {
    const { result } = await workplace.run('backup', '--rule', 'hourly');
    expect(result.recoveryPoint).toMatchObject({ rule: 'hourly', deleteAfter: '7d', scope: 'data', pinned: false });
  });

  it('is pinned for a reason', async () => {
    await workplace.run('backup', '--pin', 'before the upgrade');
    const { result } = await workplace.run('list');
    expect(result.recoveryPoints).toMatchObject([{ pinned: true, pinReason: 'before the upgrade', verified: null }]);
  });

  it('is pinned for a time, after which its rule decides, and without one it expires', async () => {
    const pinned = ['--pin', 'before the upgrade', '--pin-for', '90d'];
    await workplace.run('backup', ...pinned, '--rule', 'hourly');
    await workplace.run('backup', ...pinned);
    const { result } = await workplace.run('list');
    expect(result.recoveryPoints.map(({ pinned, pinnedFor, deleteAfter }) => [pinned, pinnedFor, deleteAfter])).toEqual(
      [
        [true, '90d', '90d'],
        [true, '90d', '7d'],
      ],
    );
    const text = async (...argv: string[]) => (await workplace.type(...argv, '--config', workplace.config)).stdout;
    expect((await text('list')).match(/pinned 90d/g)).toHaveLength(2);
    expect(await text('show', 'latest')).toContain('for 90d: before the upgrade');
  });

  it('has no end of a pin that there is not', async () => {
    const { exitCode, result } = await workplace.run('backup', '--pin-for', '90d');
    expect([exitCode, result.error.message]).toEqual([
      2,
      "backup: '--pin-for' says how long a pin holds, but there is none; add '--pin REASON'",
    ]);
    expect(await points()).toEqual([]);
  });

  it('takes configuration files with scope config, and not with scope wal', async () => {
    const file = join(workplace.folder, 'tempo.yaml');
    await writeFile(file, 'compactor: { compaction: { block_retention: 48h } }\n');
    await workplace.configure({ files: [file] });
    await workplace.run('backup', '--scope', 'config');
    expect((await workplace.run('show', 'latest')).result.recoveryPoint.config).toMatchObject([{ name: 'tempo.yaml' }]);
    await workplace.run('backup', '--scope', 'wal');
    expect((await workplace.run('show', 'latest')).result.recoveryPoint.config).toEqual([]);
  });

  it('refuses to store a secret in clear, by its name and not its value', async () => {
    const file = join(workplace.folder, 'tempo.yaml');
    await writeFile(file, 'storage: { trace: { s3: { secret_key: hunter2hunter2 } } }\n');
    await workplace.configure({ files: [file] });
    const { exitCode, result, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(2);
    expect(result.error.message).toContain("'storage.trace.s3.secret_key' is a secret in clear");
    expect(stderr).not.toContain('hunter2');
    expect(await points()).toEqual([]);
  });

  it.each([
    ['data.parquet is truncated', (path: string) => truncate(join(path, 'data.parquet'), 20_000)],
    ['bloom is truncated', (path: string) => truncate(join(path, 'bloom-0'), 1000)],
    ['bloom is missing', (path: string) => rm(join(path, 'bloom-0'))],
    ['meta.json is cut off', (path: string) => truncate(join(path, 'meta.json'), 100)],
    [
      'tail of data.parquet is overwritten',
      async (path: string) => {
        const bytes = await readFile(join(path, 'data.parquet'));
        await writeFile(join(path, 'data.parquet'), bytes.fill(0, bytes.length - 8));
      },
    ],
  ])('saves the others and says so when a block’s %s', async (_, damage) => {
    await damage(join(workplace.traces, BLOCK));
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(12);
    expect(result.blocks.damaged).toMatchObject([{ tenant: 'team-a', block: BLOCK.split('/')[1] }]);
    expect(result.blocks.total).toBe(2);
    expect(result.recoveryPoint.suspect).toBe(true);
  });

  it('keeps the sound copy of a block that was damaged later', async () => {
    await workplace.run('backup');
    await writeFile(join(workplace.traces, BLOCK, 'meta.json'), '{"format":');
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(12);
    expect(result.blocks.total).toBe(3);
    const restored = await workplace.run(
      'restore',
      '--target',
      join(workplace.folder, 'out'),
      '--allow',
      'damaged',
      '--allow',
      'retention',
    );
    expect(restored.result.blocks).toMatchObject({ restored: 3, failed: [] });
  });

  it('is suspect when a block vanished, until that is accepted', async () => {
    await workplace.run('backup');
    await rm(join(workplace.traces, 'team-b'), { recursive: true });
    await rm(join(workplace.wal, 'blocks/team-b'), { recursive: true });
    const suspect = await workplace.run('backup');
    expect(suspect.exitCode).toBe(14);
    expect(suspect.result.recoveryPoint.suspectReasons.join()).toContain('team-b');
    expect((await workplace.run('backup')).exitCode).toBe(14);
    expect((await workplace.run('prune')).result.error).toMatchObject({ exitCode: 15, lift: 'suspect-source' });
    expect((await workplace.run('backup', '--allow', 'source-regression')).exitCode).toBe(0);
    expect((await workplace.run('backup')).exitCode).toBe(0);
  });

  it('goes on to explain what a compaction explained once, while something else is still missing', async () => {
    const day = { start: new Date('2026-11-23T01:00:00Z'), end: new Date('2026-11-23T02:00:00Z') };
    const lost = makeBlock(workplace.traces, 'team-c', day);
    const compacted = makeBlock(workplace.traces, 'team-d', day);
    await workplace.run('backup');
    await rm(join(workplace.traces, 'team-c', lost.id), { recursive: true });
    await rm(join(workplace.traces, 'team-d', compacted.id), { recursive: true });
    makeBlock(workplace.traces, 'team-d', { ...day, level: 1 });
    for (const _ of ['first', 'second', 'third']) {
      const { exitCode, result } = await workplace.run('backup');
      expect(exitCode).toBe(14);
      expect(result.recoveryPoint.suspectReasons).toHaveLength(1);
      expect(result.recoveryPoint.suspectReasons[0]).toContain('team-c');
    }
  });

  it('is not made of an empty source that was not empty before', async () => {
    await workplace.run('backup');
    await rm(workplace.volume, { recursive: true });
    await mkdir(workplace.traces, { recursive: true });
    await mkdir(workplace.wal, { recursive: true });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(14);
    expect(result.error.message).toMatch(/the source is empty, .*; check the mount, or bucket and prefix, or pass /);
    expect(await points()).toHaveLength(1);
  });

  it('is not made of a first empty source unless that is meant', async () => {
    await rm(workplace.volume, { recursive: true });
    await mkdir(workplace.traces, { recursive: true });
    await mkdir(workplace.wal, { recursive: true });
    expect((await workplace.run('backup')).result.error).toMatchObject({ exitCode: 15, lift: 'empty-source' });
    expect(await points()).toEqual([]);
    expect((await workplace.run('backup', '--allow', 'empty-source')).exitCode).toBe(0);
  });

  it('is refused into the repository of another Tempo', async () => {
    await workplace.run('backup');
    await workplace.configure({ name: 'other' });
    expect((await workplace.run('backup')).result.error).toMatchObject({ exitCode: 15, lift: 'other-source' });
    expect(await points()).toHaveLength(1);
  });

  it('doesn’t create a repository that should be there', async () => {
    await writeFile(workplace.config, (await readFile(workplace.config, 'utf8')).replace('" }', '", create: false }'));
    expect((await workplace.run('backup')).exitCode).toBe(10);
    expect(await readdir(workplace.folder)).not.toContain('repository');
  });

  it('ignores foreign files and links in the tree', async () => {
    await writeFile(join(workplace.traces, 'notes.txt'), 'x');
    await mkdir(join(workplace.traces, 'lost+found'));
    await symlink('/etc', join(workplace.traces, 'team-a', 'link'));
    const { result } = await workplace.run('backup');
    expect(result.blocks.total).toBe(3);
  });
});

describe('bad input', () => {
  it.each([
    [['backup', '--config', '/nowhere/x.yaml'], 2, '/nowhere/x.yaml'],
    [['bakcup'], 2, "did you mean 'backup'"],
    [['backup', '--scope', 'some'], 2, '--scope'],
    [[], 2, 'no command'],
  ])('%j ends with %i', async (argv, expected, text) => {
    const { exitCode, stderr, stdout } = await workplace.type(...argv);
    expect(exitCode).toBe(expected);
    expect(stderr).toContain(text);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
  });

  it('of the configuration names file and key', async () => {
    await appendFile(workplace.config, 'planet: mars\n');
    const { exitCode, result } = await workplace.run('list');
    expect(exitCode).toBe(2);
    expect(result.error.message).toContain('planet');
    expect(result.error.message).toContain(workplace.config);
  });

  it('that is no YAML says where', async () => {
    await writeFile(workplace.config, 'tempo: [\n');
    const { exitCode, result } = await workplace.run('list');
    expect(exitCode).toBe(2);
    expect(result.error.message).toMatch(/line \d/);
  });

  it.each([
    ['a missing file', 'absent.yaml', /read '.*absent\.yaml': ENOENT; correct 'tempo\.configFiles'/],
    ['a pipe', 'pipe', /read '.*pipe': it is no file; correct 'tempo\.configFiles'/],
  ])("of Tempo's configuration: %s is named", async (_, name, message) => {
    execFileSync('mkfifo', [join(workplace.folder, 'pipe')]);
    await workplace.configure({ files: [join(workplace.folder, name)] });
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(2);
    expect(result.error.message).toMatch(message);
  });

  it('of a repository inside the data makes no folder there', async () => {
    const inside = join(workplace.traces, 'backup');
    const { exitCode, stderr } = await workplace.type(
      'backup',
      '--config',
      workplace.config,
      '--repository',
      `file://${inside}`,
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('give the repository a folder of its own');
    expect(await readdir(workplace.traces)).not.toContain('backup');
  });

  it('of a missing data directory changes nothing', async () => {
    await rename(workplace.traces, `${workplace.traces}-away`);
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(2);
    expect(result.error.message).toContain(workplace.traces);
    expect(await points()).toEqual([]);
  });

  it('of a directory that is no Tempo data is refused', async () => {
    await rm(workplace.volume, { recursive: true });
    await mkdir(join(workplace.traces, 'photos', 'summer'), { recursive: true });
    await mkdir(workplace.wal, { recursive: true });
    await writeFile(join(workplace.traces, 'photos', 'summer', 'beach.jpg'), 'x');
    expect((await workplace.run('backup')).exitCode).toBe(2);
    expect(await points()).toEqual([]);
  });
});

describe('a repository', () => {
  it('that was never made is missing for all but a backup', async () => {
    for (const command of ['list', 'verify', 'prune', 'restore'] as const) {
      expect((await workplace.run(command)).exitCode).toBe(10);
    }
    expect(await readdir(workplace.folder)).not.toContain('repository');
  });

  it('of a newer format is refused by name', async () => {
    await workplace.run('backup');
    await rm(join(workplace.repository, 'repository.json'));
    await writeFile(join(workplace.repository, 'repository.json'), '{"format":2,"id":"x"}');
    const { exitCode, result } = await workplace.run('list');
    expect(exitCode).toBe(2);
    expect(result.error.message).toContain('format 2');
  });

  it('that is half deleted says so', async () => {
    await workplace.run('backup');
    await rm(join(workplace.repository, 'blocks'), { recursive: true });
    const verified = await workplace.run('verify');
    expect(verified.exitCode).toBe(12);
    expect(verified.result.problems.length).toBeGreaterThan(0);
    const restored = await workplace.run('restore', '--target', join(workplace.folder, 'out'), '--allow', 'retention');
    expect(restored.exitCode).toBe(12);
  });

  it('is restored from after everything was lost, and again without work', async () => {
    await workplace.run('backup');
    await rm(workplace.volume, { recursive: true });
    const restored = await workplace.run('restore', '--allow', 'retention', '--allow', 'wal-timeout');
    expect(restored.exitCode).toBe(0);
    expect(restored.result.blocks).toMatchObject({ total: 3, restored: 3, skipped: 0, failed: [] });
    expect(await readdir(join(workplace.traces, 'team-a'))).toHaveLength(2);
    const again = await workplace.run('restore', '--allow', 'retention', '--allow', 'wal-timeout');
    expect(again.result.blocks).toMatchObject({ restored: 0, skipped: 3 });
  });
});

describe('verify', () => {
  it('finds a flipped bit at level full, and not before', async () => {
    await workplace.run('backup');
    const file = join(workplace.repository, 'blocks', BLOCK, 'data.parquet');
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    await rm(file);
    await writeFile(file, bytes);
    expect((await workplace.run('verify', '--level', 'quick')).exitCode).toBe(0);
    const { exitCode, result } = await workplace.run('verify', '--level', 'full');
    expect(exitCode).toBe(12);
    expect(result.problems).toMatchObject([{ key: `blocks/${BLOCK}/data.parquet` }]);
    expect((await workplace.run('list')).result.recoveryPoints).toMatchObject([{ verified: null }]);
  });

  it('is remembered by list', async () => {
    await workplace.run('backup');
    await workplace.run('verify', '--level', 'content');
    expect((await workplace.run('list')).result.recoveryPoints).toMatchObject([{ verified: { level: 'content' } }]);
  });
});

describe('the output', () => {
  it('is one line for a backup and a table for a list', async () => {
    const backup = await workplace.type('backup', '--config', workplace.config);
    expect(backup.stdout).toMatch(
      /^recovery point \S+ · 3 blocks in 2 tenants · 2 WAL pages · 470 KiB, \d+ KiB sent · [\d.]+ s · blocks up to \S+\n$/,
    );
    const list = await workplace.type('list', '--config', workplace.config);
    expect(list.stdout.split('\n')[0]).toMatch(/^RECOVERY POINT +AGE +RULE +KEPT FOR +BLOCKS +SIZE +VERIFIED/);
    expect(list.stdout.split('\n')[1]).toMatch(/^\S+Z-\w+ +\d+ s +- +ever +3 +470 KiB +-$/);
  });

  it('of --help has an example and the exit codes', async () => {
    const { exitCode, stdout } = await workplace.type('restore', '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('tempo-backup restore --recovery-point latest');
    expect(stdout).toMatch(/15 +a guard refused/);
  });
});
