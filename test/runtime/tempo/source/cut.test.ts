import { mkdirSync, readFileSync, rmSync, truncateSync, unlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceBlock } from '../../../../runtime/tempo/source/source-block';
import { blockFiles, makeBlock, makeWalBlock, writeOld } from '../../../helpers/tempo-tree';
import { CutHarness, liveIds } from './cut-harness';
import { MemorySink } from './memory-sink';

describe('takeCut', () => {
  let tempo: CutHarness;

  beforeEach(() => (tempo = new CutHarness()));

  afterEach(() => tempo.remove());

  describe('of a tree that stands still', () => {
    it('stores whole blocks as they are, and the time before it looked', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      const before = Date.now();
      const result = await tempo.cut();
      expect(tempo.sink.blocks.get(`team-a/${block.id}`)?.files).toEqual(new Map([...block.files].sort()));
      expect(result.cutAt.getTime()).toBeGreaterThanOrEqual(before);
      expect(result.cutAt.getTime()).toBeLessThanOrEqual(Date.now());
      expect(result).toMatchObject({ damaged: [], scans: 2 });
    });

    it('counts the bytes that it read, and reports progress', async () => {
      const block = makeBlock(tempo.traces, 'team-a', { size: 5000 });
      const progress: number[][] = [];
      const result = await tempo.cut({ onProgress: ({ blocks, blocksDone }) => progress.push([blocks, blocksDone]) });
      const size = [...block.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
      expect(result.bytesRead).toBeGreaterThanOrEqual(size);
      expect(result.bytesRead).toBeLessThan(size + 1000);
      expect(progress).toContainEqual([1, 0]);
      expect(progress.at(-1)).toEqual([1, 1]);
    });

    it('ignores what is no block: files of Tempo, foreign files, a block without any meta', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      const unfinished = makeBlock(tempo.traces, 'team-a');
      unlinkSync(tempo.pathOf(unfinished, 'meta.json'));
      for (const name of ['index.json.gz', 'index.pb.zst', 'notes.txt'])
        writeOld(join(tempo.traces, 'team-a', name), 'x');
      for (const name of ['tempo_cluster_seed.json', 'work.json']) writeOld(join(tempo.traces, name), '{}');
      for (const name of ['nocompact.flg', 'core.1234']) writeOld(tempo.pathOf(block, name), '');
      mkdirSync(join(tempo.traces, 'lost+found'));
      const result = await tempo.cut();
      expect([...result.tenants.keys()]).toEqual(['team-a']);
      expect(liveIds(result)).toEqual([block.id]);
      expect([...(tempo.sink.blocks.get(`team-a/${block.id}`)?.files.keys() ?? [])]).toEqual([
        'bloom-0',
        'data.parquet',
        'index',
        'meta.json',
      ]);
      expect(result.damaged).toEqual([]);
    });

    it("knows compacted blocks, and doesn't store them", async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      tempo.compact(block);
      const result = await tempo.cut();
      expect(result.tenants.get('team-a')).toMatchObject({ live: new Map(), compacted: new Set([block.id]) });
      expect(tempo.sink.blocks.size).toBe(0);
    });

    it('stores a block with both metas, as it may be the only one with its data', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      writeOld(tempo.pathOf(block, 'meta.compacted.json'), readFileSync(tempo.pathOf(block, 'meta.json')));
      expect(liveIds(await tempo.cut())).toEqual([block.id]);
    });

    it('asks the sink for all live blocks, and reads none that it knows', async () => {
      const block = makeBlock(tempo.traces, 'team-a', { size: 5000 });
      const first = await tempo.cut();
      const known = jest.spyOn(tempo.sink, 'known');
      const second = await tempo.cut();
      expect(known.mock.calls).toEqual([['team-a', first.tenants.get('team-a')?.live]]);
      expect(second.tenants).toEqual(first.tenants);
      expect(second.bytesRead).toBe(0);
      expect(liveIds(second)).toEqual([block.id]);
    });
  });

  describe('of a tree that changes', () => {
    it('takes the successor of a block that vanished before it was stored', async () => {
      const input = makeBlock(tempo.traces, 'team-a');
      const output = blockFiles('team-a', { traceIds: input.traceIds, level: 1 });
      tempo.disk.before(new RegExp(`small .*${input.id}/meta.json`), () => {
        makeBlock(tempo.traces, 'team-a', { id: output.id, traceIds: input.traceIds, level: 1 });
        tempo.compact(input);
      });
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([output.id]);
      expect(result.damaged).toEqual([]);
    });

    it('takes the successor of a block that came with the last scan and vanished before it was stored', async () => {
      makeBlock(tempo.traces, 'team-a');
      const late = blockFiles('team-a');
      tempo.disk.before(
        /^list .*traces$/,
        () => makeBlock(tempo.traces, 'team-a', { id: late.id, traceIds: late.traceIds }),
        4,
      );
      let successor = '';
      tempo.disk.before(new RegExp(`small .*${late.id}/meta.json`), () => {
        successor = makeBlock(tempo.traces, 'team-a', { traceIds: late.traceIds, level: 1 }).id;
        rmSync(join(tempo.traces, 'team-a', late.id), { recursive: true });
      });
      expect(liveIds(await tempo.cut())).toContain(successor);
      expect(successor).not.toBe('');
    });

    it('looks again when a block was compacted between the listing and the look at it', async () => {
      const input = makeBlock(tempo.traces, 'team-a');
      let output = '';
      tempo.disk.before(new RegExp(`state .*${input.id}/meta.json`), () => {
        output = makeBlock(tempo.traces, 'team-a', { traceIds: input.traceIds, level: 1 }).id;
        tempo.compact(input);
      });
      expect(liveIds(await tempo.cut())).toEqual([output]);
    });

    it('stores one version of a block that Tempo wrote again while it was read', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      tempo.disk.before(/open .*\/index$/, () => tempo.writeAgain(block, 'v2'));
      await tempo.cut();
      expect(tempo.storedVersion(block)).toBe('v2');
    });

    it('stores a block once more that Tempo wrote again after it was stored', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      tempo.disk.before(/^list .*\/blocks$/, () => tempo.writeAgain(block, 'v2'), 2);
      const result = await tempo.cut();
      expect(tempo.storedVersion(block)).toBe('v2');
      expect(result.tenants.get('team-a')?.live.get(block.id)).toBe(tempo.sink.blocks.get(`team-a/${block.id}`)?.seen);
    });

    it('waits for a block whose files were written within the last tick of the clock', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      const now = new Date();
      for (const name of ['index', 'meta.json']) utimesSync(tempo.pathOf(block, name), now, now);
      tempo.disk.freezeTime(now);
      tempo.disk.before(/^pause/, () => writeOld(tempo.pathOf(block, 'index'), '{"rowGroups":[]}'));
      await tempo.cut();
      expect(tempo.sink.blocks.get(`team-a/${block.id}`)?.files.get('index')?.toString()).toBe('{"rowGroups":[]}');
    });

    it('reads a meta.json again that was partial', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      const whole = readFileSync(tempo.pathOf(block, 'meta.json'));
      writeOld(tempo.pathOf(block, 'meta.json'), whole.subarray(0, 40));
      tempo.disk.before(/^pause/, () => writeOld(tempo.pathOf(block, 'meta.json'), whole), 2);
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([block.id]);
      expect(result.damaged).toEqual([]);
    });

    it('takes a block from where it was flushed to meanwhile', async () => {
      const block = makeBlock(tempo.local, 'team-a');
      tempo.disk.before(new RegExp(`state .*tempo.wal/blocks/team-a/${block.id}/flushed`), () => {
        makeBlock(tempo.traces, 'team-a', { id: block.id, traceIds: block.traceIds });
        rmSync(join(tempo.local, 'team-a', block.id), { recursive: true });
      });
      expect(liveIds(await tempo.cut())).toEqual([block.id]);
    });

    it('gives up with a clear error when blocks never stop changing', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      let version = 0;
      tempo.sink = new MemorySink(() => tempo.writeAgain(block, `v${version++}`));
      await expect(tempo.cut()).rejects.toThrow(
        /^can't take a cut of '.*': its blocks kept changing during 20 scans; try again/,
      );
    });
  });

  describe('that ends early', () => {
    it('throws the reason of the signal, leaves no file open and stores no more', async () => {
      for (let i = 0; i < 5; i++) makeBlock(tempo.traces, 'team-a');
      const controller = new AbortController();
      const stop = new Error('stop');
      tempo.disk.before(/^open .*data.parquet$/, () => controller.abort(stop), 2);
      await expect(tempo.cut({ signal: controller.signal, concurrency: 2 })).rejects.toBe(stop);
      expect(tempo.sink.blocks.size).toBeLessThanOrEqual(1);
      expect(tempo.openFiles()).toEqual([]);
    });

    it('is interrupted in a pause at once', async () => {
      const controller = new AbortController();
      const stop = new Error('stop');
      tempo.disk.before(/^pause/, () => controller.abort(stop));
      truncateSync(tempo.pathOf(makeBlock(tempo.traces, 'team-a'), 'data.parquet'), 5);
      await expect(tempo.cut({ signal: controller.signal })).rejects.toBe(stop);
    });

    it('throws what the sink throws', async () => {
      makeBlock(tempo.traces, 'team-a');
      const full = new Error('disk full');
      jest.spyOn(tempo.sink, 'storeBlock').mockRejectedValue(full);
      await expect(tempo.cut()).rejects.toBe(full);
      expect(tempo.openFiles()).toEqual([]);
    });

    it('knows a failure of the source behind an error of the sink', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      tempo.disk.before(/^open .*index$/, () => rmSync(join(tempo.traces, 'team-a', block.id), { recursive: true }));
      const store = tempo.sink.storeBlock.bind(tempo.sink);
      jest.spyOn(tempo.sink, 'storeBlock').mockImplementation((given: SourceBlock) =>
        store(given).catch((cause: unknown) => {
          throw new Error('put failed', { cause });
        }),
      );
      const result = await tempo.cut();
      expect([liveIds(result), result.damaged]).toEqual([[], []]);
    });

    it('leaves no file open when all went well', async () => {
      makeBlock(tempo.traces, 'team-a');
      makeWalBlock(tempo.wal, 'team-a');
      await tempo.cut();
      expect(tempo.openFiles()).toEqual([]);
    });
  });
});
