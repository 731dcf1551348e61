import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IntegrityError, UsageError } from '../../../../runtime/errors';
import { readTraceIds } from '../../../../runtime/tempo/block/parquet';
import { sourceOf } from '../../../helpers/buffer-source';
import { type BlockFiles, copyFixture, type FixtureName, pushedTraceIds } from '../../../helpers/tempo-tree';
import { type PointContent, Scene, type StoredWal, treeOf } from './restore-scene';

const WAL_PATHS = { 'tempo-2.9': 'wal', 'tempo-3.0': 'live-store/traces' } as const;

let scene: Scene;
afterEach(() => scene.remove());

describe.each(Object.keys(WAL_PATHS) as FixtureName[])('restore of what a real Tempo wrote (%s)', (fixture) => {
  const content = readFixture(fixture);

  it('brings every trace back that was pushed', async () => {
    scene = await Scene.of(content);
    const { exitCode } = await scene.restore({ allow: ['wal-timeout'] });
    expect(exitCode).toBe(0);
    expect(await traceIdsBelow(scene.target)).toEqual(pushedTraceIds(fixture));
  });

  it('brings back only the blocks that hold a trace, and every trace is found', async () => {
    scene = await Scene.of(content);
    const blocks = Object.values(content.tenants ?? {}).flat().length;
    for (const traceId of [...(pushedTraceIds(fixture).get('team-b') ?? [])].slice(0, 3)) {
      rmSync(scene.target, { recursive: true, force: true });
      const { result } = await scene.restore({ traceId, allow: ['wal-timeout'] });
      expect(result.blocks.total + result.wal.blocks).toBeLessThan(blocks);
      expect((await traceIdsBelow(scene.target)).get('team-b')).toContain(traceId);
    }
  });

  it('throws when no block holds the trace, and restores nothing', async () => {
    scene = await Scene.of(content);
    const failure = scene.restore({ traceId: '0123'.padStart(32, '0'), tenant: ['team-a'] });
    await expect(failure).rejects.toThrow(UsageError);
    await expect(failure).rejects.toThrow(/none of the \d+ blocks .* holds it/);
    expect([...treeOf(scene.target)]).toEqual([]);
  });

  it("says that blocks can't be read rather than that the trace isn't there", async () => {
    scene = await Scene.of(content);
    for (const [key, { bytes }] of scene.storage.objects)
      if (key.endsWith('data.parquet')) bytes.fill(0, bytes.length - 64);
    await expect(scene.restore({ traceId: 'f'.repeat(32), scope: 'data' })).rejects.toThrow(IntegrityError);
  });
});

/** The live blocks and closed WAL pages of a fixture. */
function readFixture(fixture: FixtureName): PointContent {
  const folder = mkdtempSync(join(tmpdir(), 'tempo-backup-fixture-'));
  try {
    copyFixture(fixture, folder);
    const traces = join(folder, 'var-tempo/traces');
    const tenants = ['team-a', 'team-b'].map((tenant) => [tenant, liveBlocks(join(traces, tenant))] as const);
    const version = fixture.slice('tempo-'.length);
    return {
      tenants: Object.fromEntries(tenants),
      wal: walBlocks(join(folder, 'var-tempo', WAL_PATHS[fixture])),
      config: readFileSync(join(folder, 'tempo.yaml'), 'utf8'),
      forge: (manifest) => ({
        ...manifest,
        source: { ...manifest.source, walPath: WAL_PATHS[fixture], tempoVersion: version },
      }),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function liveBlocks(folder: string): BlockFiles[] {
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'meta.json')));
  return names.map((id) => {
    const files = readdirSync(join(folder, id)).filter((name) => name !== 'meta.json');
    return {
      id,
      traceIds: [],
      files: new Map([...files, 'meta.json'].map((name) => [name, readFileSync(join(folder, id, name))])),
    };
  });
}

function walBlocks(folder: string): StoredWal[] {
  return readdirSync(folder).flatMap((name) => {
    const [id = '', tenant = '', encoding = ''] = name.split('+');
    if (!existsSync(join(folder, name, 'meta.json'))) return [];
    const pages = readdirSync(join(folder, name))
      .filter((page) => /^\d+$/.test(page))
      .sort();
    const closed = pages.map((page) => readFileSync(join(folder, name, page))).filter((bytes) => bytes.length > 0);
    return encoding === ''
      ? []
      : [{ id, tenant, encoding, pages: closed, meta: readFileSync(join(folder, name, 'meta.json'), 'utf8') }];
  });
}

async function traceIdsBelow(target: string): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const name of [...treeOf(target).keys()].filter((each) => /(data\.parquet|\/\d{10})$/.test(each))) {
    const tenant = /team-[ab]/.exec(name)?.[0] ?? '';
    const ids = found.get(tenant) ?? new Set();
    for await (const group of readTraceIds(sourceOf(readFileSync(join(target, name)))))
      for (const id of group) ids.add(id.toString('hex'));
    found.set(tenant, ids);
  }
  return found;
}
