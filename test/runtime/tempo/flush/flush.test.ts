import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlushOutcome } from '../../../../lib/contract/manifest';
import { flushTempo } from '../../../../runtime/tempo/flush/flush';
import { askVersion } from '../../../../runtime/tempo/flush/tempo-http';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { TempoServer, type TempoServerOptions } from '../../../helpers/tempo-server';
import { TempoSimulator } from '../../../helpers/tempo-simulator';

const { signal } = new AbortController();
let folder: string;
let server: TempoServer | undefined;
let stepping: NodeJS.Timeout | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempo-backup-flush-'));
});

afterEach(async () => {
  clearInterval(stepping);
  stepping = undefined;
  await server?.stop();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** A Tempo that has worked for a while. */
function simulator(shape: '2.9' | '3.0'): TempoSimulator {
  const tempo = new TempoSimulator(folder, 7, { shape, tenants: ['team-a', 'team-b'] });
  tempo.run(400);
  return tempo;
}

/** It ends what it has begun; what is compacted here would be deleted within milliseconds, not within an hour. */
function goOn(tempo: TempoSimulator): void {
  stepping = setInterval(() => tempo.run(20, false), 5);
}

interface Given extends Partial<TempoServerOptions> {
  readonly tempo: TempoSimulator;
  readonly deadline?: number;
  readonly hasWal?: boolean;
}

async function flush({ tempo, deadline = 5000, hasWal = true, ...options }: Given): Promise<FlushOutcome> {
  server = await TempoServer.start({ version: '2.9.5', ...options });
  const { tracesPath: path, walPath } = tempo;
  const source = TempoSource.open(hasWal ? { path, walPath } : { path });
  const version = await askVersion(server.url, signal);
  return flushTempo({ url: server.url, version, source, deadline, signal });
}

/** WAL blocks that have traces. */
function walBlocks({ walPath }: TempoSimulator): string[] {
  return readdirSync(walPath).filter(
    (name) => name.includes('+') && readdirSync(join(walPath, name)).includes('meta.json'),
  );
}

describe('a flush of 2.x', () => {
  it('is asked for once, by POST, and waits until every block that was cut is flushed', async () => {
    const tempo = simulator('2.9');
    let cut: string[] = [];
    const onFlush = () => {
      tempo.flushHeads();
      cut = walBlocks(tempo);
      // Not before it was answered, as in Tempo.
      setTimeout(() => goOn(tempo), 50);
    };
    const outcome = await flush({ tempo, onFlush });
    expect(outcome).toEqual({ asked: true, reached: true, waitedMs: expect.any(Number), open: [] });
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(50);
    expect(server?.requests).toEqual(['GET /api/status/buildinfo', 'POST /flush']);
    expect(cut.length).toBeGreaterThan(0);
    for (const name of cut) {
      const [id = '', tenant = ''] = name.split('+');
      expect(walBlocks(tempo)).not.toContain(name);
      expect(readdirSync(join(tempo.tracesPath, tenant, id))).toEqual(expect.arrayContaining(['data.parquet']));
    }
  });

  it('says what is open at the deadline, and does not take the 204 for an answer', async () => {
    const tempo = simulator('2.9');
    const outcome = await flush({ tempo, onFlush: () => tempo.flushHeads(), deadline: 300 });
    expect(outcome).toMatchObject({ asked: true, reached: false });
    expect(outcome.open.length).toBeGreaterThan(0);
    expect(outcome.reason).toMatch(/not in Tempo's backend after 0\.3 s, such as 'team-[ab]\/[0-9a-f-]{36}'$/);
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(300);
  });

  it('waits for blocks that were complete before, and not for heads that come later', async () => {
    const tempo = new TempoSimulator(folder, 1, { shape: '2.9', tenants: ['a'] });
    const complete = join(tempo.walPath, 'blocks/a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b');
    mkdirSync(complete, { recursive: true });
    writeFileSync(join(complete, 'meta.json'), '{}');
    mkdirSync(join(tempo.walPath, '3c2d9d5e-6a43-4b5f-8f0e-0c3a8f1b8a11+a+vParquet4'));
    const next = join(tempo.walPath, '80b25cb9-2424-412f-8122-431f7d34a431+a+vParquet4');
    const onFlush = () => {
      cpSync(complete, next, { recursive: true });
      setTimeout(() => writeFileSync(join(complete, 'flushed'), ''), 100);
    };
    const outcome = await flush({ tempo, onFlush });
    expect(outcome).toMatchObject({ reached: true, open: [] });
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(100);
  });

  it("waits for a tenant's first head, which the flush itself made out of what was in memory", async () => {
    const tempo = new TempoSimulator(folder, 1, { shape: '2.9', tenants: ['a'] });
    const head = join(tempo.walPath, '80b25cb9-2424-412f-8122-431f7d34a431+a+vParquet4');
    const onFlush = () => {
      mkdirSync(head);
      writeFileSync(join(head, 'meta.json'), '{}');
      setTimeout(() => rmSync(head, { recursive: true }), 100);
    };
    const outcome = await flush({ tempo, onFlush });
    expect(outcome).toMatchObject({ reached: true, open: [] });
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(100);
  });

  it('is reached at once when there is nothing to flush', async () => {
    const tempo = new TempoSimulator(folder, 1, { shape: '2.9', tenants: ['a'] });
    expect(await flush({ tempo, deadline: 0 })).toMatchObject({ asked: true, reached: true });
  });

  it('can not be seen without the WAL folder, and says so', async () => {
    expect(await flush({ tempo: simulator('2.9'), hasWal: false })).toMatchObject({
      ...{ asked: true, reached: false },
      reason: "there is no WAL folder to see it in; set 'tempo.storage.walPath'",
    });
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    const tempo = simulator('2.9');
    server = await TempoServer.start({ version: '2.9.5', onFlush: () => tempo.flushHeads() });
    const source = TempoSource.open({ path: tempo.tracesPath, walPath: tempo.walPath });
    setTimeout(() => controller.abort(new Error('stop')), 50);
    const options = { url: server.url, version: '2.9.5', source, deadline: 60_000, signal: controller.signal };
    await expect(flushTempo(options)).rejects.toThrow('stop');
  });
});

describe('3.0, which has no flush', () => {
  it('is not asked, and waited for until its heads are in the backend', async () => {
    const tempo = simulator('3.0');
    const heads = walBlocks(tempo);
    expect(heads.length).toBeGreaterThan(0);
    setTimeout(() => {
      tempo.flushHeads();
      goOn(tempo);
    }, 100);
    const outcome = await flush({ tempo, version: '3.0.3' });
    expect(outcome).toMatchObject({ asked: false, reached: true });
    expect(server?.requests).toEqual(['GET /api/status/buildinfo']);
    for (const name of heads) {
      const [id = '', tenant = ''] = name.split('+');
      expect(readdirSync(join(tempo.tracesPath, tenant, id)).some((file) => file.startsWith('meta'))).toBe(true);
    }
  });

  it('is known by its 404 when it does not tell its version', async () => {
    const tempo = simulator('3.0');
    const outcome = await flush({ tempo, version: null, flushStatus: 404, deadline: 100 });
    expect(outcome).toMatchObject({ asked: false, reached: false });
    expect(outcome.open.length).toBeGreaterThan(0);
    expect(server?.requests).toEqual(['GET /api/status/buildinfo', 'POST /flush']);
  });
});

describe('a Tempo that does not answer as it should', () => {
  it.each([[500], [302], [401]])('counts as not flushed when it answers %i', async (flushStatus) => {
    const outcome = await flush({ tempo: simulator('2.9'), flushStatus });
    expect(outcome).toMatchObject({ asked: false, reached: false, open: [] });
    expect(outcome.reason).toBe(`'${server?.url ?? ''}/flush' answers ${flushStatus}`);
  });

  it('counts as not flushed when it is away', async () => {
    const tempo = simulator('2.9');
    const source = TempoSource.open({ path: tempo.tracesPath, walPath: tempo.walPath });
    const outcome = await flushTempo({ url: 'http://127.0.0.1:1', version: undefined, source, deadline: 100, signal });
    expect(outcome).toMatchObject({ asked: false, reached: false });
    expect(outcome.reason).toMatch(/^'http:\/\/127\.0\.0\.1:1' can't be reached: /);
  });
});

describe("Tempo's version", () => {
  it.each([
    ['2.9.5', '2.9.5'],
    ['v3.0.3', '3.0.3'],
    ['main-1234abc', undefined],
    [null, undefined],
  ])('is read of %s as %s', async (version, expected) => {
    server = await TempoServer.start({ version });
    expect(await askVersion(`${server.url}/`, signal)).toBe(expected);
  });
});
