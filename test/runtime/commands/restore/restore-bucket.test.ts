import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import { BucketWorkplace, TEMPO_PREFIX } from '../../../helpers/bucket-workplace';
import { type BlockFiles, makeWalBlock } from '../../../helpers/tempo-tree';

const MIB = 1024 * 1024;
/** What a compaction makes of blocks that hold nothing older than two hours. */
const COVERING = { level: 1, start: new Date(Date.now() - 3 * 3_600_000), end: new Date() };

jest.setTimeout(60_000);

let workplace: BucketWorkplace;
beforeEach(async () => {
  workplace = await BucketWorkplace.start();
});
afterEach(() => workplace.stop());

function lose(prefix: string): void {
  for (const key of workplace.keys().filter((each) => each.startsWith(prefix)))
    workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
}

function bytesAt(key: string): Buffer | undefined {
  return workplace.double.objects.get(key)?.bytes;
}

/** Whether the block is there as Tempo wrote it, under a prefix and a tenant. */
function isWhole({ id, files }: BlockFiles, tenant: string, prefix = TEMPO_PREFIX): boolean {
  return [...files].every(([name, bytes]) => bytesAt(`${prefix}/${tenant}/${id}/${name}`)?.equals(bytes) === true);
}

describe('a restore into the bucket of Tempo', () => {
  it('brings lost blocks back, copied by the server, meta.json last, and leaves the others alone', async () => {
    const lost = [workplace.flush('team-a'), workplace.flush('team-b', { size: 9 * MIB })];
    const kept = workplace.flush('team-a');
    const superseded = workplace.flush('team-a');
    await workplace.run('backup');
    lose(`team-b/`);
    lose(`team-a/${lost[0]?.id ?? ''}/`);
    workplace.flush('team-a', { ...COVERING, traceIds: superseded.traceIds });
    workplace.compact('team-a', superseded.id);
    const before = workplace.keys().filter((key) => key.includes(kept.id) || key.includes(superseded.id));
    workplace.double.log.length = 0;
    const { exitCode, result } = await workplace.run('restore');
    expect(result).toMatchObject({
      blocks: { total: 4, restored: 2, skipped: 1, compacted: 1, failed: [] },
      freeBytes: null,
      owner: null,
      movedAside: [],
    });
    expect(exitCode).toBe(ExitCode.DONE);
    expect(lost.map((block, index) => isWhole(block, index === 0 ? 'team-a' : 'team-b'))).toEqual([true, true]);
    expect(workplace.keys().filter((key) => key.includes(kept.id) || key.includes(superseded.id))).toEqual(before);
    const writes = workplace.double.log.filter(({ operation }) => ['PutObject', 'CopyObject'].includes(operation));
    const ofOne = writes
      .filter(({ key }) => key.includes(`team-b/${lost[1]?.id ?? ''}`))
      .map(({ key }) => key.split('/').at(-1));
    expect(ofOne).toEqual(['data.parquet', 'bloom-0', 'index', 'meta.json']);
    expect(writes.filter(({ key }) => !key.startsWith(TEMPO_PREFIX))).toEqual([]);
    const reads = workplace.double.log.filter(
      ({ key, operation }) => operation === 'GetObject' && /blocks\/.*(data|bloom|index)/.test(key),
    );
    expect(reads).toEqual([]);
  });

  it('says what it would do, and does nothing', async () => {
    workplace.flush('team-a');
    await workplace.run('backup');
    lose('team-a/');
    const { exitCode, result } = await workplace.run('restore', '--dry-run');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result).toMatchObject({ dryRun: true, blocks: { total: 1, restored: 0, skipped: 0 } });
    expect(workplace.keys()).toEqual([]);
  });

  it('goes into another prefix, and under another tenant', async () => {
    const block = workplace.flush('team-a');
    await workplace.run('backup');
    const target = workplace.double.url('side/prefix');
    expect((await workplace.run('restore', '--target', target)).exitCode).toBe(ExitCode.DONE);
    expect(isWhole(block, 'team-a', 'side/prefix')).toBe(true);
    expect((await workplace.run('restore', '--into-tenant', 'copy')).exitCode).toBe(ExitCode.DONE);
    const meta = bytesAt(`${TEMPO_PREFIX}/copy/${block.id}/meta.json`)?.toString() ?? '{}';
    expect(JSON.parse(meta)).toMatchObject({ tenantID: 'copy', blockID: block.id });
    const data = block.files.get('data.parquet') ?? Buffer.alloc(0);
    expect(bytesAt(`${TEMPO_PREFIX}/copy/${block.id}/data.parquet`)?.equals(data)).toBe(true);
  });

  it('streams from a repository elsewhere', async () => {
    await workplace.configure({ repository: `file://${join(workplace.folder, 'repository')}` });
    const blocks = [workplace.flush('team-a', { size: 17 * MIB }), workplace.flush('team-a')];
    await workplace.run('backup');
    lose('team-a/');
    expect((await workplace.run('restore')).result).toMatchObject({ blocks: { restored: 2, failed: [] } });
    expect(blocks.every((block) => isWhole(block, 'team-a'))).toBe(true);
  });

  it.each([
    ['copied by the server', 'bucket'],
    ['streamed', 'folder'],
  ])(
    'ends what an interrupted one began, wherever that ended, and never shows a partial block (%s)',
    async (_, kind) => {
      if (kind === 'folder')
        await workplace.configure({ repository: `file://${join(workplace.folder, 'repository')}` });
      const blocks = [workplace.flush('team-a')];
      await workplace.run('backup');
      let interrupted = 0;
      for (let skip = 0; ; skip++) {
        lose('team-a/');
        workplace.double.fail({
          on: '*',
          skip,
          times: 999,
          fault: { kind: 'refuse', status: 400, code: 'InvalidRequest' },
        });
        const { exitCode } = await workplace.run('restore');
        workplace.double.heal();
        const live = blocks.filter(({ id }) => workplace.keys().includes(`team-a/${id}/meta.json`));
        expect(live.filter((block) => !isWhole(block, 'team-a'))).toEqual([]);
        if (exitCode === ExitCode.DONE) break;
        interrupted++;
        expect((await workplace.run('restore')).exitCode).toBe(ExitCode.DONE);
        expect(blocks.every((block) => isWhole(block, 'team-a'))).toBe(true);
      }
      expect(interrupted).toBeGreaterThan(6);
    },
    60_000,
  );

  it('names what is damaged in the repository, leaves nothing of it where Tempo looks, and brings the others back', async () => {
    await workplace.configure({ repository: workplace.double.url('backups') });
    const [damaged, whole] = [workplace.flush('team-a'), workplace.flush('team-a')];
    await workplace.run('backup');
    const key = `backups/blocks/team-a/${damaged.id}/data.parquet`;
    workplace.double.place(key, Buffer.alloc(bytesAt(key)?.length ?? 0, 1));
    lose('team-a/');
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({ blocks: { restored: 1, failed: [{ tenant: 'team-a', block: damaged.id }] } });
    expect(isWhole(whole, 'team-a')).toBe(true);
    expect(workplace.keys().filter((each) => each.includes(damaged.id))).toEqual([]);
  });

  it('names what is damaged where it goes, and changes nothing of it', async () => {
    const { id } = workplace.flush('team-a');
    await workplace.run('backup');
    workplace.put(`team-a/${id}/data.parquet`, Buffer.from('short'));
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({
      blocks: {
        failed: [
          {
            block: id,
            reason: expect.stringMatching(
              /has a data.parquet of 5 bytes.*delete its .*meta\.json.*or, where .*versions, .*'rewind --to'/,
            ),
          },
        ],
      },
    });
    expect(bytesAt(`${TEMPO_PREFIX}/team-a/${id}/data.parquet`)).toEqual(Buffer.from('short'));
  });

  it('overwrites nothing that a failed flush left with other bytes', async () => {
    const { id } = workplace.flush('team-a');
    await workplace.run('backup');
    lose('team-a/');
    workplace.put(`team-a/${id}/data.parquet`, Buffer.from('other'));
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
    expect(result).toMatchObject({ blocks: { failed: [{ reason: expect.stringContaining('with other bytes') }] } });
    expect(workplace.keys()).toEqual([`team-a/${id}/data.parquet`]);
  });

  it('refuses to replace, with the way that a bucket has', async () => {
    workplace.flush('team-a');
    await workplace.run('backup');
    const { exitCode, result } = await workplace.run('restore', '--replace');
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.message).toContain("use 'rewind --to TIME'");
  });

  it('refuses the repository itself as its target', async () => {
    workplace.flush('team-a');
    await workplace.run('backup');
    for (const [prefix, how] of [
      ['backups/blocks', 'lies in'],
      ['backups', 'holds'],
      ['', 'holds'],
    ] as const) {
      const { exitCode, result } = await workplace.run('restore', '--target', workplace.double.url(prefix));
      expect(exitCode).toBe(ExitCode.CONFIGURATION);
      expect(result.error?.message).toContain(`: it ${how} the repository '${workplace.double.url('backups')}', which`);
      expect(result.error?.message).toMatch(/; choose another bucket$/);
    }
  });

  it('refuses what Tempo would delete again', async () => {
    workplace.flush('team-a', { start: new Date('2020-01-01'), end: new Date('2020-01-02') });
    await workplace.run('backup');
    lose('team-a/');
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('retention');
    expect((await workplace.run('restore', '--allow', 'retention')).exitCode).toBe(ExitCode.DONE);
  });

  it('leaves no write-ahead log out in silence', async () => {
    await backUpWithWal();
    // A machine that doesn't have Tempo's volume.
    await workplace.configure();
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.CONFIGURATION);
    expect(result.error?.message).toContain("restore the blocks with '--scope data'");
    expect((await workplace.run('restore', '--scope', 'data')).exitCode).toBe(ExitCode.DONE);
    const folder = join(workplace.folder, 'restored');
    mkdirSync(folder);
    const ran = await workplace.run('restore', '--scope', 'wal', '--target', folder);
    expect(ran.result).toMatchObject({ wal: { blocks: 1, pages: 1 } });
  });

  describe('whose write-ahead log lies on a volume that is mounted here', () => {
    const [DONE, REFUSED] = [ExitCode.DONE, ExitCode.REFUSED];

    it('gets blocks into its bucket, and what only the log has into its folder', async () => {
      const { wal, id } = await backUpWithWal();
      rmSync(wal, { recursive: true });
      const planned = await workplace.run('restore', '--dry-run');
      expect(planned).toMatchObject({ exitCode: DONE, result: { blocks: { total: 1 }, wal: { blocks: 1 } } });
      expect([workplace.keys(), existsSync(wal)]).toEqual([[], false]);
      const { exitCode, result } = await workplace.run('restore');
      expect(exitCode).toBe(DONE);
      expect(result).toMatchObject({
        dryRun: false,
        blocks: { total: 1, restored: 1, skipped: 0, failed: [] },
        wal: { blocks: 1, pages: 1 },
        gates: [],
      });
      expect(workplace.keys().filter((key) => key.endsWith('meta.json'))).toHaveLength(1);
      expect(readdirSync(wal)).toEqual([`${id}+team-a+vParquet4`]);
      expect(readdirSync(join(wal, '..')).filter((name) => name !== 'tempo-backup.yaml')).toEqual(['wal']);
    });

    it('gets the log alone with scope wal, in place of one that is damaged when told so', async () => {
      const { wal, id } = await backUpWithWal();
      writeFileSync(join(wal, `${id}+team-a+vParquet4`, '0000000001'), 'damaged');
      const { exitCode, result } = await workplace.run('restore', '--scope', 'wal', '--replace');
      expect(exitCode).toBe(DONE);
      expect(result).toMatchObject({ wal: { blocks: 1, pages: 1 }, blocks: { total: 0 } });
      expect(result['movedAside']).toHaveLength(1);
      expect(workplace.keys()).toEqual([]);
    });

    it('gets neither when a gate refuses the second', async () => {
      const { wal } = await backUpWithWal();
      await workplace.configure({ walPath: wal, tempo: 'version: "3.0"' });
      rmSync(wal, { recursive: true });
      const { exitCode, result } = await workplace.run('restore');
      expect([exitCode, result.error?.lift]).toEqual([REFUSED, 'wal-timeout']);
      expect([workplace.keys(), existsSync(wal)]).toEqual([[], false]);
    });

    it('goes on when it was interrupted between the two', async () => {
      const { wal } = await backUpWithWal();
      rmSync(wal, { recursive: true });
      await workplace.run('restore', '--scope', 'data');
      const { exitCode, result } = await workplace.run('restore');
      expect(exitCode).toBe(DONE);
      expect(result).toMatchObject({ blocks: { restored: 0, skipped: 1 }, wal: { blocks: 1 } });
    });
  });
});

/** A recovery point with one block and one WAL block; then the blocks are lost. */
async function backUpWithWal(): Promise<{ readonly wal: string; readonly id: string }> {
  const wal = join(workplace.folder, 'wal');
  mkdirSync(join(wal, 'blocks'), { recursive: true });
  await workplace.configure({ walPath: wal });
  workplace.flush('team-a');
  const { id } = makeWalBlock(wal, 'team-a');
  await workplace.run('backup');
  lose('team-a/');
  return { wal, id };
}
