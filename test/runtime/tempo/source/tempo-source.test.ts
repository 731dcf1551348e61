import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../../../runtime/errors';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { parseWalName } from '../../../../runtime/tempo/wal/wal-block';
import { makeBlock, makeWalBlock, writeOld } from '../../../helpers/tempo-tree';
import { ScriptedDisk, systemError } from './scripted-disk';

describe('TempoSource', () => {
  let root: string;
  let traces: string;
  let wal: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tempo-source-'));
    traces = join(root, 'traces');
    wal = join(root, 'wal');
    for (const folder of [traces, join(wal, 'blocks')]) mkdirSync(folder, { recursive: true });
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('opens a Tempo that has blocks', () => {
    makeBlock(traces, 'single-tenant');
    expect(TempoSource.open({ path: traces }).isEmpty).toBe(false);
  });

  it('opens a Tempo that has nothing but a WAL yet', () => {
    makeWalBlock(wal, 'team-a');
    expect(TempoSource.open({ path: traces, walPath: wal }).isEmpty).toBe(false);
  });

  it('opens a Tempo whose tenant has no block any more', () => {
    mkdirSync(join(traces, 'team-a'));
    writeOld(join(traces, 'team-a/index.json.gz'), '');
    expect(TempoSource.open({ path: traces }).isEmpty).toBe(false);
  });

  it('opens an empty folder, and says that it is', () => {
    for (const name of ['lost+found', '.snapshot', 'team-a']) mkdirSync(join(traces, name));
    writeOld(join(traces, 'tempo_cluster_seed.json'), '{}');
    expect(TempoSource.open({ path: traces }).isEmpty).toBe(true);
  });

  it('follows a link that is given as the folder itself', async () => {
    const block = makeBlock(traces, 'team-a');
    symlinkSync(traces, join(root, 'link'));
    const scan = await TempoSource.open({ path: join(root, 'link') }).scan(new AbortController().signal);
    expect([...(scan.tenants.get('team-a')?.live.keys() ?? [])]).toEqual([block.id]);
  });

  it.each(['path', 'walPath'] as const)('throws when %s is missing', (which) => {
    const missing = join(root, 'missing');
    expect(() => TempoSource.open({ path: traces, walPath: wal, [which]: missing })).toThrow(
      `can't read '${missing}' as uid ${process.getuid?.() ?? -1}: ENOENT; check the path`,
    );
  });

  it('throws when the path is a file', () => {
    writeOld(join(root, 'file'), 'x');
    expect(() => TempoSource.open({ path: join(root, 'file') })).toThrow(/ENOTDIR; check the path$/);
  });

  it('throws when the folder may not be read, and says as whom it tried', () => {
    const disk = new ScriptedDisk().before(/^list/, () => {
      throw systemError('EACCES');
    });
    expect(() => TempoSource.open({ path: traces }, disk)).toThrow(
      /as uid \d+: EACCES; run as the user that Tempo runs as$/,
    );
  });

  it('throws when there is something else in the folder', () => {
    writeOld(join(traces, 'thesis.odt'), 'x');
    makeWalBlock(wal, 'team-a');
    expect(() => TempoSource.open({ path: traces, walPath: wal })).toThrow(
      /^can't use '.*traces': there is something in it, but no data of a Tempo; give the folder/,
    );
  });

  it('throws when there is something else in the WAL folder', () => {
    rmSync(join(wal, 'blocks'), { recursive: true });
    writeOld(join(wal, 'thesis.odt'), 'x');
    expect(() => TempoSource.open({ path: traces, walPath: wal })).toThrow(/^can't use '.*wal'/);
  });

  it('throws with the right folder when the one above it is given', () => {
    makeBlock(traces, 'team-a');
    expect(() => TempoSource.open({ path: root })).toThrow(new RegExp(`did you mean '.*/traces'\\?$`));
  });

  it("throws when a tenant's folder is given", () => {
    makeBlock(traces, 'team-a');
    expect(() => TempoSource.open({ path: join(traces, 'team-a') })).toThrow(
      /it is a tenant's; give the folder above it$/,
    );
  });

  it('throws when the folder vanishes between two scans', async () => {
    makeBlock(traces, 'team-a');
    const source = TempoSource.open({ path: traces });
    rmSync(traces, { recursive: true });
    await expect(source.scan(new AbortController().signal)).rejects.toThrow(UsageError);
  });

  it('yields to other work during a scan, and stops when told to', async () => {
    for (let i = 0; i < 3; i++) makeBlock(traces, 'team-a');
    const controller = new AbortController();
    const slow = new ScriptedDisk().before(/^state/, () => {
      const until = performance.now() + 15;
      while (performance.now() < until);
      setImmediate(() => controller.abort(new Error('stop')));
    });
    await expect(TempoSource.open({ path: traces }, slow).scan(controller.signal)).rejects.toThrow('stop');
  });
});

describe('parseWalName', () => {
  const id = '80b25cb9-2424-412f-8122-431f7d34a431';

  it.each([
    [`${id}+team-a+vParquet4`, { id, tenant: 'team-a', encoding: 'vParquet4' }],
    [`${id}+a+b+vParquet5-preview2`, { id, tenant: 'a+b', encoding: 'vParquet5-preview2' }],
    [`${id}+team-a`, undefined],
    [`${id}+team-a+`, undefined],
    [`${id}++vParquet4`, undefined],
    ['80b25cb9+team-a+vParquet4', undefined],
    ['blocks', undefined],
  ])('takes %s apart', (name, expected) => {
    expect(parseWalName(name)).toEqual(expected);
  });
});
