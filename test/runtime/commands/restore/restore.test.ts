import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError, UsageError } from '../../../../runtime/errors';
import { diskFs, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import type { BlockFiles } from '../../../helpers/tempo-tree';
import { block, filesFor, NOW, POINT, Scene, treeOf, wal } from './restore-scene';

const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';
const OTHER_ID = '80b25cb9-2424-412f-8122-431f7d34a431';

let scene: Scene;
afterEach(() => scene.remove());

const a1 = block('team-a');
const a2 = block('team-a', { start: new Date('2026-11-22T01:00:00Z'), end: new Date('2026-11-22T02:00:00Z') });
const b1 = block('team-b');
const TENANTS = { 'team-a': [a1, a2], 'team-b': [b1] };

describe('restore into an empty folder', () => {
  it('brings every file back byte for byte, and leaves no staging folder', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    const { result, exitCode } = await scene.restore();
    expect(exitCode).toBe(0);
    expect(scene.tree('traces')).toEqual(filesFor(TENANTS));
    expect([...scene.tree('wal').keys()]).toEqual([
      `${WAL_ID}+team-a+vParquet4/0000000001`,
      `${WAL_ID}+team-a+vParquet4/meta.json`,
    ]);
    expect(readdirSync(scene.target).sort()).toEqual(['traces', 'wal']);
    expect(result).toMatchObject({
      recoveryPoint: POINT,
      target: scene.target,
      dryRun: false,
      movedAside: [],
      wal: { blocks: 1, pages: 1 },
    });
    expect(result.blocks).toEqual({ total: 3, restored: 3, skipped: 0, compacted: 0, failed: [] });
    expect(result.bytes.written).toBe(result.bytes.total);
  });

  it('brings back a file of several parts', async () => {
    const tenants = { 'team-b': [block('team-b', { size: 20 * 1024 * 1024 })] };
    scene = await Scene.of({ tenants });
    await scene.restore();
    expect(scene.tree('traces')).toEqual(filesFor(tenants));
  });

  it("gives folders and files Tempo's own modes", async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    await scene.restore();
    const mode = (path: string) => (statSync(join(scene.target, path)).mode & 0o777).toString(8);
    expect(['traces', 'traces/team-a', `traces/team-a/${a1.id}`, 'wal'].map(mode)).toEqual([
      '700',
      '700',
      '700',
      '700',
    ]);
    expect(mode(`traces/team-a/${a1.id}/data.parquet`)).toBe('644');
    expect(mode(`wal/${WAL_ID}+team-a+vParquet4/0000000001`)).toBe('600');
  });

  it('reads each byte of the repository once', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const { result } = await scene.restore();
    expect(result.bytes.read).toBe(result.bytes.total);
  });

  it('uses the paths of the configuration without --target', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const home = join(scene.folder, 'elsewhere');
    const configured = new Scene(scene.storage, scene.repository, {
      tempo: { storage: { path: join(home, 'blocks') } },
    });
    await configured.restore({ target: undefined });
    expect(treeOf(join(home, 'blocks'))).toEqual(filesFor(TENANTS));
    configured.remove();
  });

  it('puts the WAL where the target version looks for it', async () => {
    scene = await Scene.of({ wal: [wal('team-a', WAL_ID)] });
    await scene.restore({ tempoVersion: '3.0' });
    expect(readdirSync(join(scene.target, 'live-store/traces'))).toEqual([`${WAL_ID}+team-a+vParquet4`]);
  });
});

describe('restore beside a running Tempo', () => {
  it('skips blocks that are there, live or compacted, and touches nothing of them', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    putBlock('team-a', a1);
    put(`traces/team-a/${a1.id}/search`, 'live');
    put(`traces/team-b/${b1.id}/meta.compacted.json`, 'compacted');
    put('traces/team-c/other/data.parquet', 'other');
    const { result } = await scene.restore();
    expect(result.blocks).toMatchObject({ total: 3, restored: 1, skipped: 1, compacted: 1 });
    expect(result.bytes.read).toBeLessThan(10_000);
    expect(Object.fromEntries(scene.tree('traces'))).toEqual({
      ...Object.fromEntries(filesFor({ 'team-a': [a1, a2] })),
      [`team-a/${a1.id}/search`]: 'live',
      [`team-b/${b1.id}/meta.compacted.json`]: 'compacted',
      'team-c/other/data.parquet': 'other',
    });
  });

  it('reports what is in the way of a block and is no block', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    put(`traces/team-a/${a1.id}/data.parquet`, 'half a flush');
    const { result, exitCode } = await scene.restore();
    expect(exitCode).toBe(12);
    expect(result.blocks).toMatchObject({
      restored: 2,
      failed: [{ tenant: 'team-a', block: a1.id, reason: expect.stringContaining(`--replace --block ${a1.id}'`) }],
    });
    expect(scene.tree(`traces/team-a/${a1.id}`).get('data.parquet')).toBe('half a flush');
  });

  it.each(['traces/team-a', 'wal/blocks/team-a'])(
    'leaves out a WAL block that Tempo has as a block in %s',
    async (folder) => {
      scene = await Scene.of({ wal: [wal('team-a', WAL_ID), wal('team-a', OTHER_ID)] });
      put(`${folder}/${WAL_ID}/meta.json`, '{}');
      const { result } = await scene.restore();
      expect(result.wal.blocks).toBe(1);
      expect(existsSync(join(scene.target, `wal/${WAL_ID}+team-a+vParquet4`))).toBe(false);
      expect(existsSync(join(scene.target, `wal/${OTHER_ID}+team-a+vParquet4`))).toBe(true);
    },
  );

  it('leaves a WAL folder alone that is there, whatever is in it', async () => {
    scene = await Scene.of({ wal: [wal('team-a', WAL_ID)] });
    put(`wal/${WAL_ID}+team-a+vParquet4/meta.deleted.json`, '{}');
    const { result, exitCode } = await scene.restore();
    expect([exitCode, result.bytes.written, result.blocks.failed]).toEqual([0, 0, []]);
    expect([...scene.tree('wal').keys()]).toEqual([`${WAL_ID}+team-a+vParquet4/meta.deleted.json`]);
  });

  it('skips a block that Tempo wrote while it was staged', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const fs: TargetFs = {
      ...diskFs,
      rename: (from, to) => {
        if (to === join(scene.target, `traces/team-a/${a1.id}`)) {
          putBlock('team-a', a1);
          put(`traces/team-a/${a1.id}/search`, 'by Tempo');
        }
        diskFs.rename(from, to);
      },
    };
    const { result, exitCode } = await scene.restore({}, { fs });
    expect([exitCode, result.blocks.restored, result.blocks.skipped]).toEqual([0, 2, 1]);
    expect(scene.tree(`traces/team-a/${a1.id}`).get('search')).toBe('by Tempo');
    expect(scene.tree('traces').size).toBe(filesFor(TENANTS).size + 1);
  });

  it('leaves out a WAL block whose block is restored', async () => {
    const flushed = block('team-a', { id: WAL_ID });
    scene = await Scene.of({ tenants: { 'team-a': [flushed] }, wal: [wal('team-a', WAL_ID)] });
    const { result } = await scene.restore();
    expect([result.blocks.restored, result.wal.blocks]).toEqual([1, 0]);
  });

  it('names what another interrupted restore left, and goes on', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    put('.tempo-backup-restore/0123456789abcdef/journal.json', '{}');
    const { exitCode } = await scene.restore();
    expect(exitCode).toBe(0);
    expect(scene.logged).toContainEqual(expect.stringContaining('.tempo-backup-restore/0123456789abcdef'));
    expect(readdirSync(join(scene.target, '.tempo-backup-restore'))).toEqual(['0123456789abcdef']);
  });
});

describe('restore --replace', () => {
  it('moves data of all tenants aside, says where to, and puts the point in its place', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    put(`traces/team-a/${a1.id}/meta.json`, 'damaged');
    put('traces/team-c/some/meta.json', 'not in the point');
    put('traces/work.json', '{}');
    put(`wal/${OTHER_ID}+team-a+vParquet4/0000000001`, 'old page');
    put('wal/blocks/team-a/some/meta.json', 'old block');
    const { result } = await scene.restore({ replace: true });
    const [aside = ''] = result.movedAside;
    expect(aside.slice(0, -8)).toBe(join(scene.target, '.tempo-backup-replaced-2026-11-23T09-00-00Z-'));
    expect(result.movedAside).toHaveLength(1);
    expect([...treeOf(aside)].map(([name, text]) => `${name}: ${text}`)).toEqual([
      `traces/team-a/${a1.id}/meta.json: damaged`,
      'traces/team-c/some/meta.json: not in the point',
      `wal/${OTHER_ID}+team-a+vParquet4/0000000001: old page`,
      'wal/blocks/team-a/some/meta.json: old block',
    ]);
    expect([...scene.tree('traces').keys()]).toEqual([...filesFor(TENANTS).keys(), 'work.json']);
    expect(readdirSync(join(scene.target, 'wal'))).toEqual([`${WAL_ID}+team-a+vParquet4`, 'blocks']);
  });

  it('replaces only the tenants and the scope that are asked for', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    put('traces/team-a/old/meta.json', 'a');
    put('traces/team-b/old/meta.json', 'b');
    put(`wal/${OTHER_ID}+team-a+vParquet4/0000000001`, 'old page');
    const { result } = await scene.restore({ replace: true, scope: 'data', tenant: ['team-a'] });
    expect([...treeOf(result.movedAside[0] ?? '').keys()]).toEqual(['traces/team-a/old/meta.json']);
    expect(existsSync(join(scene.target, 'traces/team-b/old/meta.json'))).toBe(true);
  });

  it("replaces nothing when a block is damaged in the repository, and goes on without it with '--allow damaged'", async () => {
    scene = await Scene.of({ tenants: TENANTS });
    damage(`blocks/team-a/${a1.id}/bloom-0`);
    put('traces/team-a/old/meta.json', 'a');
    await expect(scene.restore({ replace: true })).rejects.toThrow(/nothing was replaced.*--allow damaged/);
    expect([...scene.tree('traces').keys()]).toEqual(['team-a/old/meta.json']);
    const staged = [...treeOf(join(scene.target, '.tempo-backup-restore')).keys()];
    expect(staged.filter((name) => name.includes(a1.id) || name.includes('.partial'))).toEqual([]);
    const { result, exitCode } = await scene.restore({ replace: true, allow: ['damaged'] });
    expect([exitCode, result.blocks.restored, result.blocks.failed.length]).toEqual([12, 2, 1]);
    expect(scene.tree('traces')).toEqual(filesFor({ 'team-a': [a2], 'team-b': [b1] }));
  });

  it('refuses while another restore is unfinished, and says what to do', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    put('.tempo-backup-restore/0123456789abcdef/blocks/x', 'x');
    const refusal = scene.restore({ replace: true });
    await expect(refusal).rejects.toThrow(RefusedError);
    await expect(refusal).rejects.toThrow(/run that one again/);
  });

  it('throws when combined with a filter that would replace a tenant by a part of it', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    await expect(scene.restore({ replace: true, from: NOW })).rejects.toThrow(UsageError);
    await expect(scene.restore({ replace: true, to: NOW })).rejects.toThrow(UsageError);
    await expect(scene.restore({ replace: true, traceId: '01'.repeat(16) })).rejects.toThrow(UsageError);
    expect(existsSync(scene.target)).toBe(false);
  });
});

describe('restore of a selection', () => {
  const restored = (): string[] => [
    ...new Set([...scene.tree('traces').keys()].map((name) => name.split('/').slice(0, 2).join('/'))),
  ];

  it.each([
    ['--tenant', { tenant: ['team-b'] }, [`team-b/${b1.id}`]],
    ['--block', { block: [a2.id] }, [`team-a/${a2.id}`]],
    ['--from', { from: new Date('2026-11-22T02:00:01Z'), tenant: ['team-a'] }, [`team-a/${a1.id}`]],
    [
      '--from at the end of a block',
      { from: new Date('2026-11-22T02:00:00Z'), to: new Date('2026-11-22T12:00:00Z') },
      [`team-a/${a2.id}`],
    ],
    ['--to', { to: new Date('2026-11-22T01:00:00Z') }, [`team-a/${a2.id}`]],
  ])('takes only what %s lets through', async (_, options, expected) => {
    scene = await Scene.of({ tenants: TENANTS });
    await scene.restore(options);
    expect(restored()).toEqual(expected);
  });

  it.each([
    ['to before all data', { to: new Date('2020-01-01T00:00:00Z') }, /nothing .*--to 2020-01-01.*it has 3 blocks from/],
    ['scope without data', { scope: 'wal' as const }, /nothing .*--scope wal/],
    ['unknown tenant', { tenant: ['team-a', 'team-x'] }, /'--tenant' names 'team-x'.*'team-a', 'team-b'/],
    ['unknown block', { block: [OTHER_ID] }, /no block '80b25cb9/],
    ['from after to', { from: new Date(2), to: new Date(1) }, /is after/],
  ])('throws when nothing matches: %s', async (_, options, message) => {
    scene = await Scene.of({ tenants: TENANTS });
    const failure = scene.restore(options);
    await expect(failure).rejects.toThrow(UsageError);
    await expect(failure).rejects.toThrow(message);
    expect(existsSync(scene.target)).toBe(false);
  });

  it('takes blocks or WAL by --scope', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-a', WAL_ID)] });
    await scene.restore({ scope: 'wal' });
    expect(readdirSync(scene.target)).toEqual(['wal']);
    await scene.restore({ scope: 'data', tenant: ['team-b'] });
    expect(restored()).toEqual([`team-b/${b1.id}`]);
  });

  it('restores one tenant under another name, in meta.json too', async () => {
    scene = await Scene.of({ tenants: TENANTS, wal: [wal('team-b', WAL_ID)] });
    await scene.restore({ tenant: ['team-b'], intoTenant: 'copy' });
    expect(restored()).toEqual([`copy/${b1.id}`]);
    const meta = JSON.parse(readFileSync(join(scene.target, `traces/copy/${b1.id}/meta.json`), 'utf8')) as object;
    expect(meta).toEqual({ ...(JSON.parse(b1.files.get('meta.json')?.toString() ?? '') as object), tenantID: 'copy' });
    expect(readFileSync(join(scene.target, `wal/${WAL_ID}+copy+vParquet4/meta.json`), 'utf8')).toContain(
      '"tenantID":"copy"',
    );
  });

  it('throws when several tenants would become one', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    await expect(scene.restore({ intoTenant: 'copy' })).rejects.toThrow(
      /2 tenants, 'team-a', 'team-b'; choose one with --tenant/,
    );
  });
});

describe('restore --dry-run', () => {
  it('says what would be restored and touches nothing', async () => {
    scene = await Scene.of({ tenants: TENANTS });
    const { result, exitCode } = await scene.restore({ dryRun: true });
    expect([exitCode, result.dryRun, result.blocks.total, result.blocks.restored]).toEqual([0, true, 3, 0]);
    expect(scene.logged[0]).toMatch(/3 of 3 blocks and 0 of 0 WAL blocks to write, .* needed, .* free, owner/);
    expect(existsSync(scene.target)).toBe(false);
  });

  it('ends as the restore would when a gate refuses', async () => {
    scene = await Scene.of({ tenants: TENANTS, config: 'compactor: {compaction: {block_retention: 30m}}' });
    const { result, exitCode } = await scene.restore({ dryRun: true });
    expect([exitCode, result.gates]).toEqual([
      15,
      [{ name: 'retention', allowed: false, message: expect.stringContaining('--allow retention') }],
    ]);
  });
});

describe('gates of a restore', () => {
  it('are all reported at once, and lifted by name', async () => {
    scene = await Scene.of({
      tenants: TENANTS,
      config: 'compactor: {compaction: {block_retention: 30m}}',
      forge: (manifest) => ({ ...manifest, suspect: ['3 blocks of team-c vanished'] }),
    });
    const refusal = scene.restore({});
    await expect(refusal).rejects.toMatchObject({ exitCode: 15, lift: 'damaged,retention' });
    await expect(refusal).rejects.toThrow(
      /3 blocks of team-c vanished.*--allow damaged.*30m for 'team-a', 30m for 'team-b'.*--allow retention/,
    );
    await expect(scene.restore({ allow: ['damaged'] })).rejects.toMatchObject({ lift: 'retention' });
    expect((await scene.restore({ allow: ['damaged', 'retention'] })).exitCode).toBe(0);
  });

  it('look at the retention of the configured files before those of the point', async () => {
    scene = await Scene.of({ tenants: TENANTS, config: 'compactor: {compaction: {block_retention: 30m}}' });
    writeFileSync(join(scene.folder, 'tempo.yaml'), 'compactor: {compaction: {block_retention: 72h}}');
    const configured = new Scene(scene.storage, scene.repository, {
      tempo: { configFiles: [join(scene.folder, 'tempo.yaml')] },
    });
    expect((await configured.restore()).exitCode).toBe(0);
    configured.remove();
  });

  it('say nothing of a damaged block that an earlier point had whole', async () => {
    const named = (id: string) => ({ tenant: 'team-a', block: id, reason: 'has no bloom-0' });
    scene = await Scene.of({ tenants: TENANTS, forge: (manifest) => ({ ...manifest, damaged: [named(a1.id)] }) });
    expect((await scene.restore({ dryRun: true })).result.gates).toEqual([]);
    scene.remove();
    scene = await Scene.of({ tenants: TENANTS, forge: (manifest) => ({ ...manifest, damaged: [named(OTHER_ID)] }) });
    expect((await scene.restore({ dryRun: true })).result.gates).toMatchObject([{ name: 'damaged' }]);
    expect((await scene.restore({ dryRun: true, tenant: ['team-b'] })).result.gates).toEqual([]);
  });
});

function putBlock(tenant: string, { id, files }: BlockFiles): void {
  for (const [name, bytes] of files) put(`traces/${tenant}/${id}/${name}`, bytes);
}

function put(name: string, text: string | Buffer): void {
  const path = join(scene.target, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function damage(key: string): void {
  const bytes = scene.storage.objects.get(key)?.bytes;
  if (!bytes) throw new Error(`no object '${key}'`);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
}
