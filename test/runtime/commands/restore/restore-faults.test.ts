import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../../../lib/contract/manifest';
import { IntegrityError } from '../../../../runtime/errors';
import { diskFs, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { block, filesFor, Scene, treeOf, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const OTHER_ID = '80b25cb9-2424-412f-8122-431f7d34a431';

let scene: Scene;
afterEach(() => scene.remove());

const a1 = block('team-a');
const a2 = block('team-a', { start: new Date('2026-11-22T01:00:00Z'), end: new Date('2026-11-22T02:00:00Z') });
const b1 = block('team-b');
const TENANTS = { 'team-a': [a1, a2], 'team-b': [b1] };

describe('restore of damaged objects', () => {
  it.each(['data.parquet', 'bloom-0', 'meta.json'])(
    'leaves out the block whose %s is damaged and restores the others',
    async (name) => {
      scene = await Scene.of({ tenants: TENANTS });
      damage(`blocks/team-a/${a1.id}/${name}`);
      const { result, exitCode } = await scene.restore();
      expect(exitCode).toBe(12);
      expect(result.blocks).toMatchObject({ restored: 2, failed: [{ tenant: 'team-a', block: a1.id }] });
      expect(scene.tree('traces')).toEqual(filesFor({ 'team-a': [a2], 'team-b': [b1] }));
    },
  );

  it('leaves out the block whose object is missing', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    scene.storage.objects.delete(`blocks/team-b/${b1.id}/data.parquet`);
    const { result, exitCode } = await scene.restore();
    expect([exitCode, result.blocks.failed.map((failed) => failed.block)]).toEqual([12, [b1.id]]);
    expect(existsSync(join(scene.target, 'traces/team-b'))).toBe(false);
  });

  it("refuses a point with a missing index, and restores the other tenants with '--allow damaged'", async () => {
    scene = await Scene.of({
      tenants: TENANTS,
      forgeIndex: (index) => (index.tenant === 'team-a' ? { ...index, blocks: [] } : index),
    });
    await expect(scene.restore()).rejects.toMatchObject({ exitCode: 15, lift: 'damaged' });
    const { result, exitCode } = await scene.restore({ allow: ['damaged'] });
    expect([exitCode, result.blocks.restored]).toEqual([12, 1]);
  });

  it.each([
    ['is of another block', { blockID: OTHER_ID }, /is of block/],
    ['says another size', { size: 1 }, /its meta.json says 1/],
    ['has more blooms than there are', { bloomShards: 2 }, /no bloom-1/],
    ['is no meta.json', { startTime: 'never' }, /can't be read/],
  ])('leaves out a block whose meta.json %s', async (_, change, reason) => {
    const forged = { ...a1, files: new Map(a1.files) };
    const meta = JSON.parse(a1.files.get('meta.json')?.toString() ?? '') as object;
    forged.files.set('meta.json', Buffer.from(JSON.stringify({ ...meta, ...change })));
    scene = await Scene.of({ tenants: { 'team-a': [forged, a2] } });
    const { result } = await scene.restore();
    expect(result.blocks).toMatchObject({
      restored: 1,
      failed: [{ block: a1.id, reason: expect.stringMatching(reason) }],
    });
    expect(scene.tree('traces')).toEqual(filesFor({ 'team-a': [a2] }));
  });
});

describe('restore from a hostile repository', () => {
  const outside = (): string[] => [...treeOf(scene.folder).keys()];

  it.each<[string, (manifest: Manifest) => Manifest]>([
    [
      'a tenant that leads out',
      (manifest) => ({ ...manifest, tenants: manifest.tenants.map((each) => ({ ...each, tenant: '../../evil' })) }),
    ],
    [
      'an absolute tenant',
      (manifest) => ({ ...manifest, tenants: manifest.tenants.map((each) => ({ ...each, tenant: '/evil' })) }),
    ],
    [
      'a WAL tenant that leads out',
      (manifest) => ({ ...manifest, wal: manifest.wal.map((each) => ({ ...each, tenant: '../evil' })) }),
    ],
    [
      'a page that is another object',
      (manifest) => ({
        ...manifest,
        wal: manifest.wal.map((each) => ({
          ...each,
          pages: each.pages.map((page) => ({ ...page, key: 'repository.json' })),
        })),
      }),
    ],
  ])('refuses %s and writes nothing', async (_, forge) => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)], forge });
    await expect(scene.restore()).rejects.toThrow(IntegrityError);
    expect(outside()).toEqual([]);
  });

  it.each(['../../traces', '/etc', 'a/../../b', '', '.', '..'])(
    "refuses the source path '%s' and writes nothing",
    async (tracesPath) => {
      scene = await Scene.of({
        tenants: TENANTS,
        forge: (manifest) => ({ ...manifest, source: { ...manifest.source, tracesPath } }),
      });
      await expect(scene.restore()).rejects.toThrow(IntegrityError);
      await expect(scene.restore({ replace: true })).rejects.toThrow(IntegrityError);
      expect(outside()).toEqual([]);
    },
  );

  it.each(['../../evil', '/etc/passwd', 'nocompact.flg', 'meta.compacted.json', 'x/y'])(
    "refuses the file name '%s' and writes nothing",
    async (name) => {
      scene = await Scene.of({
        tenants: { 'team-a': [a1] },
        forgeIndex: (index) => ({
          ...index,
          blocks: index.blocks.map((each) => ({ ...each, files: [[name, 1, '0'.repeat(64)], ...each.files] })),
        }),
      });
      await expect(scene.restore()).rejects.toMatchObject({ lift: 'damaged' });
      await scene.restore({ allow: ['damaged'] });
      expect(outside()).toEqual([]);
    },
  );

  it('refuses a folder below the target that is a link, and writes nothing through it', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const elsewhere = join(scene.folder, 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(join(scene.target, 'traces'), { recursive: true });
    symlinkSync(elsewhere, join(scene.target, 'traces/team-a'));
    await expect(scene.restore()).rejects.toThrow(/symbolic link/);
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});

describe('restore on a disk that fails', () => {
  it.each([
    ['ENOSPC', /no space left.*make room and run the same command again/, 1],
    ['EDQUOT', /quota/, 1],
    ['EROFS', /read-only/, 2],
    ['EACCES', /permission denied/, 2],
    ['EIO', /run the same command again/, 1],
  ])('says what %s means, and shows Tempo nothing', async (code, message, exitCode) => {
    scene = await Scene.of({ tenants: TENANTS });
    let writes = 0;
    const fs: TargetFs = {
      ...diskFs,
      write: async (file, offset, bytes) => {
        if (++writes > 6) throw Object.assign(new Error(`${code}: failed`), { code });
        return diskFs.write(file, offset, bytes);
      },
    };
    const failure = scene.restore({}, { fs });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ exitCode });
    expect(existsSync(join(scene.target, 'traces'))).toBe(false);
    const { exitCode: rerun } = await scene.restore();
    expect([rerun, scene.tree('traces')]).toEqual([0, filesFor(TENANTS)]);
  });

  it('stops when told to, and leaves only staging', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const controller = new AbortController();
    const fs: TargetFs = {
      ...diskFs,
      create: (path, mode) => {
        controller.abort(new Error('stopped'));
        return diskFs.create(path, mode);
      },
    };
    await expect(scene.restore({}, { fs, signal: controller.signal })).rejects.toThrow('stopped');
    expect(readdirSync(scene.target)).toEqual(['.tempo-backup-restore']);
  });
});

function damage(key: string): void {
  const bytes = scene.storage.objects.get(key)?.bytes;
  if (!bytes) throw new Error(`no object '${key}'`);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
}
