import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, type CutOptions, takeCut } from '../../../runtime/tempo/cut';
import type { SourceBlock } from '../../../runtime/tempo/source-block';
import { TempoSource } from '../../../runtime/tempo/tempo-source';
import {
  blockFiles,
  type BlockFiles,
  makeBlock,
  makeWalBlock,
  pageName,
  readFakeParquet,
  writeOld,
} from '../../helpers/tempo-tree';
import { MemorySink } from './memory-sink';
import { ScriptedDisk, systemError } from './scripted-disk';

describe('takeCut', () => {
  let root: string;
  let traces: string;
  let wal: string;
  let local: string;
  let disk: ScriptedDisk;
  let sink: MemorySink;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tempo-cut-'));
    traces = join(root, 'traces');
    wal = join(root, 'wal');
    local = join(wal, 'blocks');
    for (const folder of [traces, local]) mkdirSync(folder, { recursive: true });
    disk = new ScriptedDisk();
    sink = new MemorySink();
  });

  afterEach(() => rmSync(root, { recursive: true }));

  function cut(options: Partial<CutOptions> = {}): Promise<Cut> {
    const source = TempoSource.open({ path: traces, walPath: wal }, disk);
    return takeCut(source, sink, { signal: new AbortController().signal, concurrency: 1, ...options });
  }

  function pathOf(block: BlockFiles, name: string, folder = traces): string {
    return join(folder, 'team-a', block.id, name);
  }

  function compact(block: BlockFiles): void {
    renameSync(pathOf(block, 'meta.json'), pathOf(block, 'meta.compacted.json'));
  }

  /** As Tempo does after a crash, with bytes of another version. */
  function writeAgain(block: BlockFiles, version: string): void {
    const { files } = blockFiles('team-a', { id: block.id, traceIds: block.traceIds, version });
    for (const [name, bytes] of files) writeFileSync(pathOf(block, name), bytes);
  }

  function storedVersion(block: BlockFiles): string {
    return readFakeParquet(sink.blocks.get(`team-a/${block.id}`)?.files.get('data.parquet') ?? Buffer.alloc(0)).version;
  }

  function liveIds(result: Cut, tenant = 'team-a'): string[] {
    return [...(result.tenants.get(tenant)?.live.keys() ?? [])].sort();
  }

  function openFiles(): string[] {
    const target = (fd: string): string[] => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch (error) {
        // The descriptor of the listing itself is closed by now.
        if ((error as { code?: unknown }).code === 'ENOENT') return [];
        throw error;
      }
    };
    return readdirSync('/proc/self/fd')
      .flatMap(target)
      .filter((path) => path.startsWith(root));
  }

  describe('of a tree that stands still', () => {
    it('stores whole blocks as they are, and the time before it looked', async () => {
      const block = makeBlock(traces, 'team-a');
      const before = Date.now();
      const result = await cut();
      expect(sink.blocks.get(`team-a/${block.id}`)?.files).toEqual(new Map([...block.files].sort()));
      expect(result.cutAt.getTime()).toBeGreaterThanOrEqual(before);
      expect(result.cutAt.getTime()).toBeLessThanOrEqual(Date.now());
      expect(result).toMatchObject({ damaged: [], scans: 2 });
    });

    it('counts the bytes that it read, and reports progress', async () => {
      const block = makeBlock(traces, 'team-a', { size: 5000 });
      const progress: number[][] = [];
      const result = await cut({ onProgress: ({ blocks, blocksDone }) => progress.push([blocks, blocksDone]) });
      const size = [...block.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
      expect(result.bytesRead).toBeGreaterThanOrEqual(size);
      expect(result.bytesRead).toBeLessThan(size + 1000);
      expect(progress).toContainEqual([1, 0]);
      expect(progress.at(-1)).toEqual([1, 1]);
    });

    it('ignores what is no block: files of Tempo, foreign files, a block without any meta', async () => {
      const block = makeBlock(traces, 'team-a');
      const unfinished = makeBlock(traces, 'team-a');
      unlinkSync(pathOf(unfinished, 'meta.json'));
      for (const name of ['index.json.gz', 'index.pb.zst', 'notes.txt']) writeOld(join(traces, 'team-a', name), 'x');
      for (const name of ['tempo_cluster_seed.json', 'work.json']) writeOld(join(traces, name), '{}');
      for (const name of ['nocompact.flg', 'core.1234']) writeOld(pathOf(block, name), '');
      mkdirSync(join(traces, 'lost+found'));
      const result = await cut();
      expect([...result.tenants.keys()]).toEqual(['team-a']);
      expect(liveIds(result)).toEqual([block.id]);
      expect([...(sink.blocks.get(`team-a/${block.id}`)?.files.keys() ?? [])]).toEqual([
        'bloom-0',
        'data.parquet',
        'index',
        'meta.json',
      ]);
      expect(result.damaged).toEqual([]);
    });

    it("knows compacted blocks, and doesn't store them", async () => {
      const block = makeBlock(traces, 'team-a');
      compact(block);
      const result = await cut();
      expect(result.tenants.get('team-a')).toEqual({ live: new Map(), compacted: new Set([block.id]) });
      expect(sink.blocks.size).toBe(0);
    });

    it('stores a block with both metas, as it may be the only one with its data', async () => {
      const block = makeBlock(traces, 'team-a');
      writeOld(pathOf(block, 'meta.compacted.json'), readFileSync(pathOf(block, 'meta.json')));
      expect(liveIds(await cut())).toEqual([block.id]);
    });

    it('asks the sink for all live blocks, and reads none that it knows', async () => {
      const block = makeBlock(traces, 'team-a', { size: 5000 });
      const first = await cut();
      const known = jest.spyOn(sink, 'known');
      const second = await cut();
      expect(known.mock.calls).toEqual([['team-a', first.tenants.get('team-a')?.live]]);
      expect(second.tenants).toEqual(first.tenants);
      expect(second.bytesRead).toBe(0);
      expect(liveIds(second)).toEqual([block.id]);
    });
  });

  describe('of a tree that changes', () => {
    it('takes the successor of a block that vanished before it was stored', async () => {
      const input = makeBlock(traces, 'team-a');
      const output = blockFiles('team-a', { traceIds: input.traceIds, level: 1 });
      disk.before(new RegExp(`small .*${input.id}/meta.json`), () => {
        makeBlock(traces, 'team-a', { id: output.id, traceIds: input.traceIds, level: 1 });
        compact(input);
      });
      const result = await cut();
      expect(liveIds(result)).toEqual([output.id]);
      expect(result.damaged).toEqual([]);
    });

    it('takes the successor of a block that came with the last scan and vanished before it was stored', async () => {
      makeBlock(traces, 'team-a');
      const late = blockFiles('team-a');
      disk.before(/^list .*traces$/, () => makeBlock(traces, 'team-a', { id: late.id, traceIds: late.traceIds }), 4);
      let successor = '';
      disk.before(new RegExp(`small .*${late.id}/meta.json`), () => {
        successor = makeBlock(traces, 'team-a', { traceIds: late.traceIds, level: 1 }).id;
        rmSync(join(traces, 'team-a', late.id), { recursive: true });
      });
      expect(liveIds(await cut())).toContain(successor);
      expect(successor).not.toBe('');
    });

    it('looks again when a block was compacted between the listing and the look at it', async () => {
      const input = makeBlock(traces, 'team-a');
      let output = '';
      disk.before(new RegExp(`state .*${input.id}/meta.json`), () => {
        output = makeBlock(traces, 'team-a', { traceIds: input.traceIds, level: 1 }).id;
        compact(input);
      });
      expect(liveIds(await cut())).toEqual([output]);
    });

    it('stores one version of a block that Tempo wrote again while it was read', async () => {
      const block = makeBlock(traces, 'team-a');
      disk.before(/open .*\/index$/, () => writeAgain(block, 'v2'));
      await cut();
      expect(storedVersion(block)).toBe('v2');
    });

    it('stores a block once more that Tempo wrote again after it was stored', async () => {
      const block = makeBlock(traces, 'team-a');
      disk.before(/^list .*\/blocks$/, () => writeAgain(block, 'v2'), 2);
      const result = await cut();
      expect(storedVersion(block)).toBe('v2');
      expect(result.tenants.get('team-a')?.live.get(block.id)).toBe(sink.blocks.get(`team-a/${block.id}`)?.seen);
    });

    it('waits for a block whose files were written within the last tick of the clock', async () => {
      const block = makeBlock(traces, 'team-a');
      writeFileSync(pathOf(block, 'index'), '{}');
      disk.before(/^pause/, () => writeOld(pathOf(block, 'index'), '{"rowGroups":[]}'));
      await cut();
      expect(sink.blocks.get(`team-a/${block.id}`)?.files.get('index')?.toString()).toBe('{"rowGroups":[]}');
    });

    it('reads a meta.json again that was partial', async () => {
      const block = makeBlock(traces, 'team-a');
      const whole = readFileSync(pathOf(block, 'meta.json'));
      writeOld(pathOf(block, 'meta.json'), whole.subarray(0, 40));
      disk.before(/^pause/, () => writeOld(pathOf(block, 'meta.json'), whole), 2);
      const result = await cut();
      expect(liveIds(result)).toEqual([block.id]);
      expect(result.damaged).toEqual([]);
    });

    it('takes a block from where it was flushed to meanwhile', async () => {
      const block = makeBlock(local, 'team-a');
      disk.before(new RegExp(`state .*wal/blocks/team-a/${block.id}/flushed`), () => {
        makeBlock(traces, 'team-a', { id: block.id, traceIds: block.traceIds });
        rmSync(join(local, 'team-a', block.id), { recursive: true });
      });
      expect(liveIds(await cut())).toEqual([block.id]);
    });

    it('gives up with a clear error when blocks never stop changing', async () => {
      const block = makeBlock(traces, 'team-a');
      let version = 0;
      sink = new MemorySink(() => writeAgain(block, `v${version++}`));
      await expect(cut()).rejects.toThrow(
        /^can't take a cut of '.*': its blocks kept changing during 20 scans; try again/,
      );
    });
  });

  describe('of a tree with damage', () => {
    it.each<[string, (block: BlockFiles) => void, RegExp]>([
      [
        'truncated data',
        (block) => truncateSync(pathOf(block, 'data.parquet'), 50),
        /of 50 bytes, its meta.json says \d+$/,
      ],
      ['no bloom', (block) => unlinkSync(pathOf(block, 'bloom-0')), /^has no bloom-0/],
      [
        'a partial meta.json',
        (block) => truncateSync(pathOf(block, 'meta.json'), 30),
        /^has an unreadable meta.json: /,
      ],
      [
        'the meta.json of another block',
        (block) => writeOld(pathOf(block, 'meta.json'), blockFiles('team-a').files.get('meta.json') ?? ''),
        /of another block/,
      ],
      [
        'a meta.json of a gigabyte',
        (block) => truncateSync(pathOf(block, 'meta.json'), 2 ** 30),
        /more than 1048576 bytes/,
      ],
      ['a link for its data', (block) => replaceByLink(pathOf(block, 'data.parquet')), /is a symbolic link/],
      ['a link for its meta.json', (block) => replaceByLink(pathOf(block, 'meta.json')), /is a symbolic link/],
      ['a folder for its data', (block) => replaceByFolder(pathOf(block, 'data.parquet')), /is no file/],
    ])('reports a block with %s, after several attempts, and stores the others', async (_, damage, reason) => {
      const broken = makeBlock(traces, 'team-a');
      const whole = makeBlock(traces, 'team-a');
      damage(broken);
      // What a file was just given by this test isn't what Tempo writes at this moment.
      jest.spyOn(disk, 'isSettled').mockReturnValue(true);
      const result = await cut();
      expect(liveIds(result)).toEqual([whole.id]);
      expect(result.damaged).toEqual([
        { tenant: 'team-a', block: broken.id, reason: expect.stringMatching(reason) as string },
      ]);
      expect(disk.pauses).toEqual([50, 200, 800]);
    });

    it("isn't stopped by files that can't be read", async () => {
      const broken = makeBlock(traces, 'team-a');
      const whole = makeBlock(traces, 'team-a');
      for (let turn = 1; turn <= 4; turn++) {
        disk.before(
          new RegExp(`open .*${broken.id}/data.parquet`),
          () => {
            throw systemError('EIO');
          },
          turn,
        );
      }
      const result = await cut();
      expect(liveIds(result)).toEqual([whole.id]);
      expect(result.damaged).toMatchObject([
        { block: broken.id, reason: expect.stringMatching(/can't be read: EIO$/) as string },
      ]);
    });

    it('takes a damaged block from where it was flushed from, and reports it', async () => {
      const block = makeBlock(traces, 'team-a');
      makeBlock(local, 'team-a', { id: block.id, traceIds: block.traceIds, version: 'local' });
      writeOld(pathOf(block, 'flushed', local), '2026-01-01T00:00:00Z');
      unlinkSync(pathOf(block, 'bloom-0'));
      const result = await cut();
      expect(liveIds(result)).toEqual([block.id]);
      expect(storedVersion(block)).toBe('local');
      expect(result.damaged).toMatchObject([
        {
          block: block.id,
          reason: expect.stringMatching(/^has no bloom-0, of 1; the copy in '.*' was taken/) as string,
        },
      ]);
    });

    it('finds nothing to report in half a block with both metas', async () => {
      const block = makeBlock(traces, 'team-a');
      writeOld(pathOf(block, 'meta.compacted.json'), readFileSync(pathOf(block, 'meta.json')));
      unlinkSync(pathOf(block, 'data.parquet'));
      disk.before(/^list .*\/blocks$/, () => unlinkSync(pathOf(block, 'meta.json')), 2);
      expect((await cut()).damaged).toEqual([]);
    });

    it('reports what links and strange names hide', async () => {
      const elsewhere = join(root, 'elsewhere');
      const hidden = makeBlock(elsewhere, 'team-c');
      makeBlock(traces, 'team+d');
      makeBlock(traces, 'team-a');
      symlinkSync(join(elsewhere, 'team-c'), join(traces, 'team-c'));
      symlinkSync(join(elsewhere, 'team-c', hidden.id), join(traces, 'team-a', hidden.id));
      symlinkSync('/nowhere', join(traces, 'dangling'));
      const { damaged, tenants } = await cut();
      expect([...tenants.keys()]).toEqual(['team-a']);
      expect(damaged.toSorted((a, b) => a.tenant.localeCompare(b.tenant))).toEqual([
        { tenant: 'team-a', block: hidden.id, reason: 'is a symbolic link; links are never followed' },
        { tenant: 'team-c', block: '*', reason: 'has blocks, but is a symbolic link; links are never followed' },
        { tenant: 'team+d', block: '*', reason: 'has blocks, but its name is no tenant ID that Tempo accepts' },
      ]);
    });

    it('stops when a tenant may not be read at all', async () => {
      makeBlock(traces, 'team-a');
      const source = TempoSource.open({ path: traces }, disk);
      disk.before(/^list .*\/team-a$/, () => {
        throw systemError('EACCES');
      });
      const taken = takeCut(source, sink, { signal: new AbortController().signal });
      await expect(taken).rejects.toThrow(
        /^can't read '.*team-a' as uid \d+: EACCES; run as the user that Tempo runs as$/,
      );
    });
  });

  describe('of a WAL', () => {
    it('takes the closed pages and the meta.json, not the open page', async () => {
      const { id, folder } = makeWalBlock(wal, 'team-a', { pages: [['11'.repeat(16)], ['22'.repeat(16)]] });
      const result = await cut();
      const stored = sink.wal.get(`${id}+team-a+vParquet4`);
      expect([...(stored?.pages.keys() ?? [])]).toEqual([pageName(1), pageName(2)]);
      expect(stored?.meta).toBe(readFileSync(join(folder, 'meta.json'), 'utf8'));
      expect(result.wal).toEqual(new Set([`${id}+team-a+vParquet4`]));
      expect(result.damaged).toEqual([]);
    });

    it('ignores heads without a closed page, deleted blocks and other files', async () => {
      const { folder } = makeWalBlock(wal, 'team-a');
      renameSync(join(folder, 'meta.json'), join(folder, 'meta.deleted.json'));
      makeWalBlock(wal, 'team-a', { pages: [] });
      writeOld(join(wal, 'notes'), 'x');
      const result = await cut();
      expect([result.wal.size, sink.wal.size, result.damaged]).toEqual([0, 0, []]);
    });

    it('skips a last page that is being closed', async () => {
      const { id, folder } = makeWalBlock(wal, 'team-a');
      writeOld(join(folder, pageName(2)), 'PAR1 and half of the rest');
      const result = await cut();
      expect([...(sink.wal.get(`${id}+team-a+vParquet4`)?.pages.keys() ?? [])]).toEqual([pageName(1)]);
      expect(result.damaged).toEqual([]);
    });

    it.each([
      ['truncated', 50],
      ['empty', 0],
    ])('reports an earlier page that is %s, and takes the others', async (_, size) => {
      const { id, folder } = makeWalBlock(wal, 'team-a', {
        pages: [['11'.repeat(16)], ['22'.repeat(16), '33'.repeat(16)]],
      });
      truncateSync(join(folder, pageName(1)), size);
      const result = await cut();
      expect([...(sink.wal.get(`${id}+team-a+vParquet4`)?.pages.keys() ?? [])]).toEqual([pageName(2)]);
      expect(result.damaged).toMatchObject([
        { tenant: 'team-a', block: id, reason: expect.stringMatching(/^has a WAL page 0000000001 that /) as string },
      ]);
    });

    it.each<[string, (meta: string) => void]>([
      ['without', (meta) => unlinkSync(meta)],
      ['with a partial', (meta) => truncateSync(meta, 30)],
      ['with an empty', (meta) => truncateSync(meta, 0)],
    ])('salvages the pages of a block %s meta.json, and reports that Tempo would discard them', async (_, damage) => {
      const { id, folder } = makeWalBlock(wal, 'team-a');
      damage(join(folder, 'meta.json'));
      const result = await cut();
      const name = `${id}+team-a+vParquet4`;
      expect(result.wal).toEqual(new Set([name]));
      expect(JSON.parse(sink.wal.get(name)?.meta ?? '')).toMatchObject({
        format: 'vParquet4',
        blockID: id,
        tenantID: 'team-a',
      });
      expect(result.damaged).toMatchObject([
        { block: id, reason: expect.stringMatching(/no readable meta.json, so Tempo would discard it/) as string },
      ]);
    });

    it('reads a meta.json again that is being written', async () => {
      const { folder } = makeWalBlock(wal, 'team-a');
      const meta = readFileSync(join(folder, 'meta.json'));
      truncateSync(join(folder, 'meta.json'), 0);
      disk.before(/^pause/, () => writeOld(join(folder, 'meta.json'), meta));
      expect((await cut()).damaged).toEqual([]);
    });

    it('leaves out what was completed into a block that the cut has', async () => {
      const { id, traceIds, folder } = makeWalBlock(wal, 'team-a');
      unlinkSync(join(folder, 'meta.json'));
      makeBlock(local, 'team-a', { id, traceIds });
      const result = await cut();
      expect(liveIds(result)).toEqual([id]);
      expect([result.wal.size, result.damaged]).toEqual([0, []]);
    });

    it('keeps what was completed into a block that is damaged', async () => {
      const { id, traceIds } = makeWalBlock(wal, 'team-a');
      unlinkSync(pathOf(makeBlock(traces, 'team-a', { id, traceIds }), 'data.parquet'));
      const result = await cut();
      expect([...result.wal]).toEqual([`${id}+team-a+vParquet4`]);
      expect(result.damaged).toHaveLength(1);
    });

    it('goes on when a folder vanishes while its pages are read', async () => {
      const { id, folder, traceIds } = makeWalBlock(wal, 'team-a');
      disk.before(/^open .*0000000001$/, () => {
        makeBlock(local, 'team-a', { id, traceIds });
        rmSync(folder, { recursive: true });
      });
      const result = await cut();
      expect([liveIds(result), result.wal.size, result.damaged]).toEqual([[id], 0, []]);
    });

    it("reports a tenant that Tempo wouldn't accept", async () => {
      const { id } = makeWalBlock(wal, 'a+b');
      expect((await cut()).damaged).toMatchObject([
        { tenant: 'a+b', block: id, reason: expect.stringMatching(/no tenant ID/) as string },
      ]);
    });
  });

  describe('that ends early', () => {
    it('throws the reason of the signal, leaves no file open and stores no more', async () => {
      for (let i = 0; i < 5; i++) makeBlock(traces, 'team-a');
      const controller = new AbortController();
      const stop = new Error('stop');
      disk.before(/^open .*data.parquet$/, () => controller.abort(stop), 2);
      await expect(cut({ signal: controller.signal, concurrency: 2 })).rejects.toBe(stop);
      expect(sink.blocks.size).toBeLessThanOrEqual(1);
      expect(openFiles()).toEqual([]);
    });

    it('is interrupted in a pause at once', async () => {
      const controller = new AbortController();
      const stop = new Error('stop');
      disk.before(/^pause/, () => controller.abort(stop));
      truncateSync(pathOf(makeBlock(traces, 'team-a'), 'data.parquet'), 5);
      await expect(cut({ signal: controller.signal })).rejects.toBe(stop);
    });

    it('throws what the sink throws', async () => {
      makeBlock(traces, 'team-a');
      const full = new Error('disk full');
      jest.spyOn(sink, 'storeBlock').mockRejectedValue(full);
      await expect(cut()).rejects.toBe(full);
      expect(openFiles()).toEqual([]);
    });

    it('knows a failure of the source behind an error of the sink', async () => {
      const block = makeBlock(traces, 'team-a');
      disk.before(/^open .*data.parquet$/, () => rmSync(join(traces, 'team-a', block.id), { recursive: true }));
      const store = sink.storeBlock.bind(sink);
      jest.spyOn(sink, 'storeBlock').mockImplementation((given: SourceBlock) =>
        store(given).catch((cause: unknown) => {
          throw new Error('put failed', { cause });
        }),
      );
      const result = await cut();
      expect([liveIds(result), result.damaged]).toEqual([[], []]);
    });

    it('leaves no file open when all went well', async () => {
      makeBlock(traces, 'team-a');
      makeWalBlock(wal, 'team-a');
      await cut();
      expect(openFiles()).toEqual([]);
    });
  });
});

function replaceByLink(path: string): void {
  renameSync(path, `${path}.moved`);
  symlinkSync(`${path}.moved`, path);
}

function replaceByFolder(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
}
