import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import { BucketWorkplace } from '../../../helpers/bucket-workplace';
import type { BlockFiles, MadeBlock } from '../../../helpers/tempo-tree';
import { block, NOW, POINT, Scene } from './restore-scene';

const HOUR = 3_600_000;

jest.setTimeout(60_000);

describe('a restore into a bucket where blocks are marked as compacted', () => {
  let workplace: BucketWorkplace;
  beforeEach(async () => {
    workplace = await BucketWorkplace.start();
  });
  afterEach(() => workplace.stop());

  function flush(options: MadeBlock = {}): BlockFiles {
    return workplace.flush('team-a', {
      start: new Date(Date.now() - 2 * HOUR),
      end: new Date(Date.now() - HOUR),
      ...options,
    });
  }

  /** As Tempo does: of a few blocks one of the next level, which covers them. */
  function compactionOf(blocks: readonly BlockFiles[], options: MadeBlock = {}): void {
    const traceIds = blocks.flatMap((each) => each.traceIds);
    flush({
      level: 1,
      traceIds,
      start: new Date(Date.now() - 3 * HOUR),
      end: new Date(Date.now() - HOUR / 2),
      ...options,
    });
    for (const { id } of blocks) workplace.compact('team-a', id);
  }

  it('leaves out those whose traces a live block covers', async () => {
    const [a, b] = [flush(), flush()];
    await workplace.run('backup');
    compactionOf([a, b]);
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result['blocks']).toEqual({ total: 2, restored: 0, skipped: 0, compacted: 2, failed: [] });
  });

  it('takes a block that it brings back itself for one that covers others', async () => {
    const [a, b] = [flush(), flush()];
    const traceIds = [...a.traceIds, ...b.traceIds];
    const c = flush({
      level: 1,
      traceIds,
      start: new Date(Date.now() - 3 * HOUR),
      end: new Date(Date.now() - HOUR / 2),
    });
    await workplace.run('backup');
    for (const { id } of [a, b]) workplace.compact('team-a', id);
    for (const key of workplace.keys().filter((each) => each.includes(c.id)))
      workplace.double.drop(`tempo/prod/${key}`);
    const { exitCode, result } = await workplace.run('restore');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result['blocks']).toEqual({ total: 3, restored: 1, skipped: 0, compacted: 2, failed: [] });
  });

  it.each([
    ['there is no live block', (): void => undefined],
    ['the live block is of the same level', (ids: readonly string[]) => void flush({ traceIds: ids, level: 0 })],
    [
      'the live block is of other times',
      (ids: readonly string[]) => void flush({ traceIds: ids, level: 1, start: new Date() }),
    ],
    ['the live block has fewer traces', () => void flush({ traceIds: ['01'.repeat(16)], level: 1 })],
    [
      'the live block is of another tenant',
      (ids: readonly string[]) => void workplace.flush('team-b', { traceIds: ids, level: 1 }),
    ],
  ])('says that Tempo hides those that nothing covers: %s', async (_, flushOther) => {
    const [a, b] = [flush(), flush()];
    await workplace.run('backup');
    flushOther([...a.traceIds, ...b.traceIds]);
    for (const { id } of [a, b]) workplace.compact('team-a', id);
    for (const args of [['--dry-run'], []]) {
      const { exitCode, result } = await workplace.run('restore', ...args);
      expect(exitCode).toBe(ExitCode.INTEGRITY);
      expect(result).toMatchObject({
        blocks: {
          restored: 0,
          skipped: 0,
          compacted: 2,
          failed: [
            {
              tenant: 'team-a',
              block: '*',
              reason: expect.stringMatching(/^2 of its blocks .*'rewind --to TIME'.*--into-tenant/),
            },
          ],
        },
      });
    }
    const aside = await workplace.run('restore', '--into-tenant', 'copy');
    expect(aside).toMatchObject({ exitCode: ExitCode.DONE, result: { blocks: { restored: 2, compacted: 0 } } });
  });

  it("refuses as it does those that are gone when Tempo's retention has marked them", async () => {
    const old = flush({ start: new Date('2020-01-01'), end: new Date('2020-01-02') });
    flush();
    await workplace.run('backup');
    workplace.compact('team-a', old.id);
    const refused = await workplace.run('restore');
    expect([refused.exitCode, refused.result.error?.lift]).toEqual([ExitCode.REFUSED, 'retention']);
    const { exitCode, result, stderr } = await workplace.run('restore', '--allow', 'retention');
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result['blocks']).toEqual({ total: 2, restored: 0, skipped: 1, compacted: 1, failed: [] });
    expect(stderr).toContain('would delete 1 of 1 block again');
  });
});

describe('a restore to a disk where blocks are marked as compacted', () => {
  let scene: Scene;
  afterEach(() => scene.remove());

  const [a, b] = [block('team-a'), block('team-a')];

  async function startWith(...live: readonly BlockFiles[]): Promise<void> {
    scene = await Scene.of({ tenants: { 'team-a': [a, b] } });
    for (const each of [a, b, ...live]) put(each);
    for (const { id } of [a, b]) renameSync(pathOf(id, 'meta.json'), pathOf(id, 'meta.compacted.json'));
  }

  function pathOf(id: string, name = ''): string {
    return join(scene.target, 'traces/team-a', id, name);
  }

  function put({ id, files }: BlockFiles): void {
    mkdirSync(pathOf(id), { recursive: true });
    for (const [name, bytes] of files) writeFileSync(pathOf(id, name), bytes);
  }

  it('leaves out those whose traces a live block covers', async () => {
    const times = { start: new Date(NOW.getTime() - 3 * HOUR), end: NOW };
    await startWith(block('team-a', { level: 1, traceIds: [...a.traceIds, ...b.traceIds], ...times }));
    mkdirSync(pathOf('half-written'));
    const { result, exitCode } = await scene.restore();
    expect(exitCode).toBe(0);
    expect(result.blocks).toEqual({ total: 2, restored: 0, skipped: 0, compacted: 2, failed: [] });
    expect(result.sampleTraces).toEqual([]);
  });

  it('says that Tempo hides those that nothing covers, and how they come back', async () => {
    await startWith();
    const { result, exitCode } = await scene.restore();
    expect(exitCode).toBe(12);
    expect(result.blocks).toMatchObject({
      restored: 0,
      skipped: 0,
      compacted: 2,
      failed: [{ tenant: 'team-a', block: '*', reason: expect.stringContaining(`--replace --block ${a.id}`) }],
    });
    const again = await scene.restore({ recoveryPoint: POINT, replace: true, block: [a.id, b.id] });
    expect([again.exitCode, again.result.blocks.restored]).toEqual([0, 2]);
  });
});
