import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { block, filesFor, Scene, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const OLD = 'wal/80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4/meta.json';
const BLOCKS = { 'team-a': [block('team-a')] };

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.of({ tenants: BLOCKS, wal: [wal('team-a', WAL_ID)] });
  mkdirSync(join(scene.target, OLD, '..'), { recursive: true });
  writeFileSync(join(scene.target, OLD), 'old');
});
afterEach(() => scene.remove());

describe('restore --clear-wal', () => {
  it.each(['wal', 'data', 'all'] as const)('moves the WAL aside and restores none (%s)', async (scope) => {
    const { result, exitCode } = await scene.restore({ scope, clearWal: true, replace: true });
    expect(exitCode).toBe(0);
    expect(result.wal).toEqual({ blocks: 0, pages: 0 });
    expect([...scene.tree('wal').keys()]).toEqual([]);
    expect(result.movedAside).toHaveLength(1);
    expect(scene.tree('traces')).toEqual(scope === 'wal' ? new Map() : filesFor(BLOCKS));
  });

  it('says in a dry run where it would go', async () => {
    const { result } = await scene.restore({ scope: 'wal', clearWal: true, replace: true, dryRun: true });
    expect(result.movedAside).toEqual([expect.stringContaining('.tempo-backup-replaced-')]);
    expect([...scene.tree('wal').keys()]).toHaveLength(1);
  });

  it.each([{ clearWal: true }, { clearWal: true, replace: true, block: ['274bd888-53b9-42dc-adfe-d9e6ecfc6f2b'] }])(
    'is refused where it would not replace the whole WAL: %j',
    async (options) => {
      await expect(scene.restore(options)).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining("'--clear-wal' moves the whole write-ahead log aside; add '--replace'"),
      });
    },
  );
});

describe('restore outside a cluster', () => {
  it.each(['full', 'config'] as const)('refuses scope %s', async (scope) => {
    await expect(scene.restore({ scope })).rejects.toMatchObject({
      exitCode: 2,
      message: `restore: '--scope ${scope}' is for a restore in a cluster; add '--in-cluster', or choose data, wal or all`,
    });
  });

  it('refuses to coordinate', async () => {
    await expect(scene.restore({ coordinate: true, target: undefined })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("the configuration names no objects of it; add 'kubernetes', or leave it out"),
    });
  });
});
