import { mkdirSync, readFileSync, renameSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { takeCut } from '../../../../runtime/tempo/source/cut';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { blockFiles, type BlockFiles, makeBlock, writeOld } from '../../../helpers/tempo-tree';
import { CutHarness, liveIds } from './cut-harness';
import { systemError } from './scripted-disk';

describe('a cut', () => {
  let tempo: CutHarness;

  beforeEach(() => (tempo = new CutHarness()));

  afterEach(() => tempo.remove());

  describe('of a tree with damage', () => {
    it.each<[string, (block: BlockFiles) => void, RegExp]>([
      [
        'truncated data',
        (block) => truncateSync(tempo.pathOf(block, 'data.parquet'), 50),
        /of 50 bytes, its meta.json says \d+$/,
      ],
      ['no bloom', (block) => unlinkSync(tempo.pathOf(block, 'bloom-0')), /^has no bloom-0/],
      [
        'a partial meta.json',
        (block) => truncateSync(tempo.pathOf(block, 'meta.json'), 30),
        /^has an unreadable meta.json: /,
      ],
      [
        'the meta.json of another block',
        (block) => writeOld(tempo.pathOf(block, 'meta.json'), blockFiles('team-a').files.get('meta.json') ?? ''),
        /of another block/,
      ],
      [
        'a meta.json of a gigabyte',
        (block) => truncateSync(tempo.pathOf(block, 'meta.json'), 2 ** 30),
        /more than 1048576 bytes/,
      ],
      ['a link for its data', (block) => replaceByLink(tempo.pathOf(block, 'data.parquet')), /is a symbolic link/],
      ['a link for its meta.json', (block) => replaceByLink(tempo.pathOf(block, 'meta.json')), /is a symbolic link/],
      ['a folder for its data', (block) => replaceByFolder(tempo.pathOf(block, 'data.parquet')), /is no file/],
    ])('reports a block with %s, after several attempts, and stores the others', async (_, damage, reason) => {
      const broken = makeBlock(tempo.traces, 'team-a');
      const whole = makeBlock(tempo.traces, 'team-a');
      damage(broken);
      // What a file was just given by this test isn't what Tempo writes at this moment.
      jest.spyOn(tempo.disk, 'isSettled').mockReturnValue(true);
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([whole.id]);
      expect(result.damaged).toEqual([
        { tenant: 'team-a', block: broken.id, reason: expect.stringMatching(reason) as string },
      ]);
      expect(tempo.disk.pauses).toEqual([50, 200, 800]);
    });

    it("isn't stopped by files that can't be read", async () => {
      const broken = makeBlock(tempo.traces, 'team-a');
      const whole = makeBlock(tempo.traces, 'team-a');
      for (let turn = 1; turn <= 4; turn++) {
        tempo.disk.before(
          new RegExp(`open .*${broken.id}/data.parquet`),
          () => {
            throw systemError('EIO');
          },
          turn,
        );
      }
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([whole.id]);
      expect(result.damaged).toMatchObject([
        { block: broken.id, reason: expect.stringMatching(/can't be read: EIO$/) as string },
      ]);
    });

    it('takes a damaged block from where it was flushed from, and reports it', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      makeBlock(tempo.local, 'team-a', { id: block.id, traceIds: block.traceIds, version: 'local' });
      writeOld(tempo.pathOf(block, 'flushed', tempo.local), '2026-01-01T00:00:00Z');
      unlinkSync(tempo.pathOf(block, 'bloom-0'));
      const result = await tempo.cut();
      expect(liveIds(result)).toEqual([block.id]);
      expect(tempo.storedVersion(block)).toBe('local');
      expect(result.damaged).toMatchObject([
        {
          block: block.id,
          reason: expect.stringMatching(/^has no bloom-0, of 1; the copy in '.*' was taken/) as string,
        },
      ]);
    });

    it('finds nothing to report in half a block with both metas', async () => {
      const block = makeBlock(tempo.traces, 'team-a');
      writeOld(tempo.pathOf(block, 'meta.compacted.json'), readFileSync(tempo.pathOf(block, 'meta.json')));
      unlinkSync(tempo.pathOf(block, 'data.parquet'));
      tempo.disk.before(/^list .*\/blocks$/, () => unlinkSync(tempo.pathOf(block, 'meta.json')), 2);
      expect((await tempo.cut()).damaged).toEqual([]);
    });

    it('reports what links and strange names hide', async () => {
      const elsewhere = join(tempo.root, 'elsewhere');
      const hidden = makeBlock(elsewhere, 'team-c');
      makeBlock(tempo.traces, 'team+d');
      makeBlock(tempo.traces, 'team-a');
      symlinkSync(join(elsewhere, 'team-c'), join(tempo.traces, 'team-c'));
      symlinkSync(join(elsewhere, 'team-c', hidden.id), join(tempo.traces, 'team-a', hidden.id));
      symlinkSync('/nowhere', join(tempo.traces, 'dangling'));
      const { damaged, tenants } = await tempo.cut();
      expect([...tenants.keys()]).toEqual(['team-a']);
      expect(damaged.toSorted((a, b) => a.tenant.localeCompare(b.tenant))).toEqual([
        { tenant: 'team-a', block: hidden.id, reason: 'is a symbolic link; links are never followed' },
        { tenant: 'team-c', block: '*', reason: 'has blocks, but is a symbolic link; links are never followed' },
        { tenant: 'team+d', block: '*', reason: 'has blocks, but its name is no tenant ID that Tempo accepts' },
      ]);
    });

    it('stops when a tenant may not be read at all', async () => {
      makeBlock(tempo.traces, 'team-a');
      const source = TempoSource.open({ path: tempo.traces }, tempo.disk);
      tempo.disk.before(/^list .*\/team-a$/, () => {
        throw systemError('EACCES');
      });
      const taken = takeCut(source, tempo.sink, { signal: new AbortController().signal });
      await expect(taken).rejects.toThrow(
        /^can't read '.*team-a' as uid \d+: EACCES; run as the user that Tempo runs as$/,
      );
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
