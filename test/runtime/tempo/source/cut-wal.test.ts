import { readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeBlock, makeWalBlock, pageName, writeOld } from '../../../helpers/tempo-tree';
import { CutHarness, liveIds } from './cut-harness';

describe('a cut', () => {
  let tempo: CutHarness;

  beforeEach(() => (tempo = new CutHarness()));

  afterEach(() => tempo.remove());

  describe('of a WAL', () => {
    it('takes the closed pages and the meta.json, not the open page', async () => {
      const { id, folder } = makeWalBlock(tempo.wal, 'team-a', { pages: [['11'.repeat(16)], ['22'.repeat(16)]] });
      const result = await tempo.cut();
      const stored = tempo.sink.wal.get(`${id}+team-a+vParquet4`);
      expect([...(stored?.pages.keys() ?? [])]).toEqual([pageName(1), pageName(2)]);
      expect(stored?.meta).toBe(readFileSync(join(folder, 'meta.json'), 'utf8'));
      expect(result.wal).toEqual(new Set([`${id}+team-a+vParquet4`]));
      expect(result.damaged).toEqual([]);
    });

    it('ignores heads without a closed page, deleted blocks and other files', async () => {
      const { folder } = makeWalBlock(tempo.wal, 'team-a');
      renameSync(join(folder, 'meta.json'), join(folder, 'meta.deleted.json'));
      makeWalBlock(tempo.wal, 'team-a', { pages: [] });
      writeOld(join(tempo.wal, 'notes'), 'x');
      const result = await tempo.cut();
      expect([result.wal.size, tempo.sink.wal.size, result.damaged]).toEqual([0, 0, []]);
    });

    it('skips a last page that is being closed', async () => {
      const { id, folder } = makeWalBlock(tempo.wal, 'team-a');
      writeOld(join(folder, pageName(2)), 'PAR1 and half of the rest');
      const result = await tempo.cut();
      expect([...(tempo.sink.wal.get(`${id}+team-a+vParquet4`)?.pages.keys() ?? [])]).toEqual([pageName(1)]);
      expect(result.damaged).toEqual([]);
    });

    it.each([
      ['truncated', 50],
      ['empty', 0],
    ])('reports an earlier page that is %s, and takes the others', async (_, size) => {
      const { id, folder } = makeWalBlock(tempo.wal, 'team-a', {
        pages: [['11'.repeat(16)], ['22'.repeat(16), '33'.repeat(16)]],
      });
      truncateSync(join(folder, pageName(1)), size);
      const result = await tempo.cut();
      expect([...(tempo.sink.wal.get(`${id}+team-a+vParquet4`)?.pages.keys() ?? [])]).toEqual([pageName(2)]);
      expect(result.damaged).toMatchObject([
        { tenant: 'team-a', block: id, reason: expect.stringMatching(/^has a WAL page 0000000001 that /) as string },
      ]);
    });

    it('reports a page that is a link, and takes the others', async () => {
      const { id, folder } = makeWalBlock(tempo.wal, 'team-a', { pages: [['11'.repeat(16)], ['22'.repeat(16)]] });
      renameSync(join(folder, pageName(1)), join(tempo.root, 'page'));
      symlinkSync(join(tempo.root, 'page'), join(folder, pageName(1)));
      const result = await tempo.cut();
      expect([...(tempo.sink.wal.get(`${id}+team-a+vParquet4`)?.pages.keys() ?? [])]).toEqual([pageName(2)]);
      expect(result.damaged).toMatchObject([
        { block: id, reason: expect.stringMatching(/is a symbolic link/) as string },
      ]);
    });

    it.each<[string, (meta: string) => void]>([
      ['without', (meta) => unlinkSync(meta)],
      ['with a partial', (meta) => truncateSync(meta, 30)],
      ['with an empty', (meta) => truncateSync(meta, 0)],
    ])('salvages the pages of a block %s meta.json, and reports that Tempo would discard them', async (_, damage) => {
      const { id, folder } = makeWalBlock(tempo.wal, 'team-a');
      damage(join(folder, 'meta.json'));
      const result = await tempo.cut();
      const name = `${id}+team-a+vParquet4`;
      expect(result.wal).toEqual(new Set([name]));
      expect(JSON.parse(tempo.sink.wal.get(name)?.meta ?? '')).toMatchObject({
        format: 'vParquet4',
        blockID: id,
        tenantID: 'team-a',
      });
      expect(result.damaged).toMatchObject([
        { block: id, reason: expect.stringMatching(/no readable meta.json, so Tempo would discard it/) as string },
      ]);
    });

    it('reads a meta.json again that is being written', async () => {
      const { folder } = makeWalBlock(tempo.wal, 'team-a');
      const meta = readFileSync(join(folder, 'meta.json'));
      truncateSync(join(folder, 'meta.json'), 0);
      tempo.disk.before(/^pause/, () => writeOld(join(folder, 'meta.json'), meta));
      expect((await tempo.cut()).damaged).toEqual([]);
    });

    it('leaves out what was completed into a block that the cut has', async () => {
      const { id, traceIds, folder } = makeWalBlock(tempo.wal, 'team-a');
      unlinkSync(join(folder, 'meta.json'));
      makeBlock(tempo.local, 'team-a', { id, traceIds });
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([id]);
      expect([result.wal.size, result.damaged]).toEqual([0, []]);
    });

    it('keeps what was completed into a block that is damaged', async () => {
      const { id, traceIds } = makeWalBlock(tempo.wal, 'team-a');
      unlinkSync(tempo.pathOf(makeBlock(tempo.traces, 'team-a', { id, traceIds }), 'data.parquet'));
      const result = await tempo.cut();
      expect([...result.wal]).toEqual([`${id}+team-a+vParquet4`]);
      expect(result.damaged).toHaveLength(1);
    });

    it('goes on when a folder vanishes while its pages are read', async () => {
      const { id, folder, traceIds } = makeWalBlock(tempo.wal, 'team-a');
      tempo.disk.before(/^open .*0000000001$/, () => {
        makeBlock(tempo.local, 'team-a', { id, traceIds });
        rmSync(folder, { recursive: true });
      });
      const result = await tempo.cut();
      expect([liveIds(result), result.wal.size, result.damaged]).toEqual([[id], 0, []]);
    });

    it("reports a tenant that Tempo wouldn't accept", async () => {
      const { id } = makeWalBlock(tempo.wal, 'a+b');
      expect((await tempo.cut()).damaged).toMatchObject([
        { tenant: 'a+b', block: id, reason: expect.stringMatching(/no tenant ID/) as string },
      ]);
    });
  });
});
