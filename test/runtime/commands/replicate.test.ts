import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { BucketWorkplace } from '../../helpers/bucket-workplace';
import { Workplace } from '../../helpers/command-runner';
import { makeBlock } from '../../helpers/tempo-tree';

const MIB = 1024 * 1024;

jest.setTimeout(60_000);

/** Keys of a repository in a folder and what lies there. */
function contentOf(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true });
  const keys = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
  return new Map(keys.filter((key) => !key.startsWith('.')).map((key) => [key, readFileSync(join(folder, key))]));
}

describe('replicate from a folder to a folder', () => {
  let workplace: Workplace;
  let copy: string;
  beforeEach(async () => {
    workplace = await Workplace.withFixture('tempo-2.9');
    copy = join(workplace.folder, 'copy');
    await workplace.run('backup');
  });
  afterEach(() => workplace.remove());

  it('makes a copy that verifies and restores by itself', async () => {
    const { exitCode, result } = await workplace.run('replicate', '--to', `file://${copy}`);
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ points: { copied: [expect.any(String)], present: 0, failed: [] } });
    expect(contentOf(copy)).toEqual(contentOf(workplace.repository));
    const verified = await workplace.run('verify', '--level', 'content', '--repository', `file://${copy}`);
    expect(verified.exitCode).toBe(ExitCode.DONE);
    const target = join(workplace.folder, 'restored');
    const restored = await workplace.run(
      'restore',
      '--repository',
      `file://${copy}`,
      '--target',
      target,
      '--allow',
      'retention',
    );
    expect(restored.exitCode).toBe(ExitCode.DONE);
    expect(restored.result.blocks.restored).toBe(restored.result.blocks.total);
  });

  it('sends nothing twice', async () => {
    await workplace.run('replicate', '--to', `file://${copy}`);
    expect((await workplace.run('replicate', '--to', `file://${copy}`)).result).toMatchObject({
      points: { copied: [], present: 1 },
      objects: { sent: 0 },
    });
    makeBlock(workplace.traces, 'team-a');
    await workplace.run('backup');
    const { result } = await workplace.run('replicate', '--to', `file://${copy}`);
    // The block's four files and its tenant's index.
    expect(result).toMatchObject({ points: { present: 1, copied: [expect.any(String)] }, objects: { sent: 5 } });
    expect(contentOf(copy)).toEqual(contentOf(workplace.repository));
  });

  it('says what it would copy, and makes nothing', async () => {
    const { exitCode, result } = await workplace.run('replicate', '--to', `file://${copy}`, '--dry-run');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ dryRun: true, isNew: true, points: { copied: [expect.any(String)] } });
    expect(result.objects.sent).toBeGreaterThan(5);
    expect(existsSync(copy)).toBe(false);
    const args = ['replicate', '--to', `file://${copy}`, '--dry-run', '--config', workplace.config];
    const line = `there is no repository at file://${copy} yet: the first run makes it, if it can write there`;
    expect((await workplace.type(...args)).stdout).toContain(line);
    expect((await workplace.run('replicate', '--to', `file://${copy}`)).result.isNew).toBe(true);
    expect((await workplace.type(...args)).stdout).not.toContain('there is no repository');
    expect((await workplace.run('replicate', '--to', `file://${copy}`)).result.isNew).toBe(false);
  });

  it('refuses a place that holds another repository, and one that is the repository itself', async () => {
    await workplace.run('backup', '--repository', `file://${copy}`);
    const before = contentOf(copy);
    const { exitCode, result } = await workplace.run('replicate', '--to', `file://${copy}`);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error.message).toContain('another repository is there');
    expect(contentOf(copy)).toEqual(before);
    expect((await workplace.run('replicate', '--to', `file://${workplace.repository}`)).exitCode).toBe(
      ExitCode.CONFIGURATION,
    );
    expect((await workplace.run('replicate')).exitCode).toBe(ExitCode.CONFIGURATION);
    expect((await workplace.run('replicate', '--to', `file://${workplace.traces}/copy`)).exitCode).toBe(
      ExitCode.CONFIGURATION,
    );
  });

  it('copies no point that names something damaged, names it, and copies the others', async () => {
    const { id } = makeBlock(workplace.traces, 'team-b', { size: 20 * MIB });
    await workplace.run('backup');
    const damaged = join(workplace.repository, `blocks/team-b/${id}/data.parquet`);
    const bytes = readFileSync(damaged);
    bytes[12 * MIB] = (bytes[12 * MIB] ?? 0) ^ 1;
    writeFileSync(damaged, bytes);
    const { exitCode, result } = await workplace.run('replicate', '--to', `file://${copy}`);
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result.points.copied).toHaveLength(1);
    expect(result.points.failed).toEqual([
      { id: expect.any(String), reason: expect.stringContaining('its SHA-256 differs') },
    ]);
    expect(contentOf(copy).has(`blocks/team-b/${id}/data.parquet`)).toBe(false);
    expect(
      (await workplace.run('verify', '--recovery-point', 'all', '--level', 'full', '--repository', `file://${copy}`))
        .exitCode,
    ).toBe(ExitCode.DONE);
  });

  it('overwrites nothing that lies there with another size', async () => {
    await workplace.run('replicate', '--to', `file://${copy}`);
    const { id } = makeBlock(workplace.traces, 'team-a');
    await workplace.run('backup');
    mkdirSync(join(copy, `blocks/team-a/${id}`), { recursive: true });
    writeFileSync(join(copy, `blocks/team-a/${id}/index`), 'other');
    const { exitCode, result } = await workplace.run('replicate', '--to', `file://${copy}`);
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result.points.failed).toEqual([{ id: expect.any(String), reason: expect.stringContaining('with 5 bytes') }]);
    expect(readFileSync(join(copy, `blocks/team-a/${id}/index`), 'utf8')).toBe('other');
  });
});

describe('replicate between a bucket and a folder', () => {
  let workplace: BucketWorkplace;
  beforeEach(async () => {
    workplace = await BucketWorkplace.start();
  });
  afterEach(() => workplace.stop());

  it.each([
    ['goes on without a recovery point that is pruned meanwhile', true],
    ['names a recovery point that lacks something and is still there', false],
  ])('%s', async (_, isPruned) => {
    workplace.flush('team-a');
    await workplace.run('backup');
    const { objects } = workplace.double;
    const [manifest = '', index = ''] = ['backups/points/', 'backups/indexes/'].map((prefix) =>
      [...objects.keys()].find((key) => key.startsWith(prefix)),
    );
    workplace.flush('team-a');
    await workplace.run('backup');
    const get = objects.get.bind(objects);
    jest.spyOn(objects, 'get').mockImplementation((key) => {
      const found = get(key);
      // What it names goes after it was read.
      if (key === manifest) for (const gone of isPruned ? [manifest, index] : [index]) objects.delete(gone);
      return found;
    });
    const copy = `file://${join(workplace.folder, 'copy')}`;
    const { exitCode, result } = await workplace.run('replicate', '--to', copy);
    expect(exitCode).toBe(isPruned ? ExitCode.DONE : ExitCode.INTEGRITY);
    const failed = isPruned ? [] : [{ id: manifest.slice('backups/points/'.length, -'.json'.length) }];
    expect(result).toMatchObject({ points: { copied: [expect.any(String)], failed } });
    const verified = await workplace.run('verify', '--recovery-point', 'all', '--repository', copy);
    expect(verified.exitCode).toBe(ExitCode.DONE);
  });

  it.each([[['--dry-run']], [[]]])('fails with %j where the bucket does not exist', async (options) => {
    workplace.flush('team-a');
    await workplace.run('backup');
    const { exitCode, result } = await workplace.run(
      'replicate',
      '--to',
      workplace.double.url('x', {}, 'no-such'),
      ...options,
    );
    expect(exitCode).toBe(ExitCode.REPOSITORY_MISSING);
    expect(result.error?.message).toContain('the bucket does not exist');
  });

  it('goes from one to the other and back, also what a server had copied', async () => {
    workplace.flush('team-a', { size: 9 * MIB });
    workplace.flush('team-b');
    await workplace.run('backup');
    const disk = `file://${join(workplace.folder, 'copy')}`;
    expect((await workplace.run('replicate', '--to', disk)).exitCode).toBe(ExitCode.DONE);
    expect((await workplace.run('verify', '--level', 'full', '--repository', disk)).exitCode).toBe(ExitCode.DONE);
    const bucket = workplace.double.url('third');
    const back = await workplace.run('replicate', '--repository', disk, '--to', bucket);
    expect(back.exitCode).toBe(ExitCode.DONE);
    expect((await workplace.run('verify', '--level', 'full', '--repository', bucket)).exitCode).toBe(ExitCode.DONE);
    expect((await workplace.run('replicate', '--to', bucket)).result).toMatchObject({
      points: { copied: [], present: 1 },
    });
  });

  it('goes from bucket to bucket, and ends what an interrupted one began', async () => {
    workplace.flush('team-a');
    workplace.flush('team-a');
    await workplace.run('backup');
    const bucket = workplace.double.url('third');
    for (const skip of [3, 7, 11, 14]) {
      workplace.double.fail({
        on: 'PutObject',
        skip: skip / 2,
        times: 999,
        fault: { kind: 'refuse', status: 400, code: 'InvalidRequest' },
      });
      await workplace.run('replicate', '--to', bucket);
      workplace.double.heal();
      const points = [...workplace.double.objects.keys()].filter((key) => key.startsWith('third/points/'));
      if (points.length === 0) continue;
      expect((await workplace.run('verify', '--level', 'full', '--repository', bucket)).exitCode).toBe(ExitCode.DONE);
    }
    expect((await workplace.run('replicate', '--to', bucket)).exitCode).toBe(ExitCode.DONE);
    expect((await workplace.run('verify', '--level', 'full', '--repository', bucket)).exitCode).toBe(ExitCode.DONE);
  });

  it('lets two run at once', async () => {
    for (let block = 0; block < 5; block++) workplace.flush('team-a');
    await workplace.run('backup');
    const bucket = workplace.double.url('third');
    const both = await Promise.all([
      workplace.run('replicate', '--to', bucket),
      workplace.run('replicate', '--to', bucket),
    ]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([ExitCode.DONE, ExitCode.DONE]);
    expect((await workplace.run('verify', '--level', 'full', '--repository', bucket)).exitCode).toBe(ExitCode.DONE);
  });
});
