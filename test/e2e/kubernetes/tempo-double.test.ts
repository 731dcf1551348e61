import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTraceIds } from '../../../runtime/tempo/block/parquet';
import { sourceOf } from '../../helpers/buffer-source';
import { copyFixture, pushedTraceIds } from '../../helpers/tempo-tree';
import { parquetBytes } from './tempo-double/parquet-file';
import { readSettings } from './tempo-double/settings';
import { TempoDouble } from './tempo-double/tempo-double';

// The double is proven by data that a real Tempo wrote, and by what a real Tempo was seen to do.
const HTTP = 'http://127.0.0.1:13220';
const OTLP = 'http://127.0.0.1:14338';

let folder: string;
let running: TempoDouble | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempo-double-'));
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  await stop();
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const home = (...path: string[]): string => join(folder, 'var-tempo', ...path);

async function start(retention = '8760h'): Promise<void> {
  const file = join(folder, 'double.yaml');
  writeFileSync(
    file,
    `multitenancy_enabled: true
server: { http_listen_address: 127.0.0.1, http_listen_port: 13220 }
distributor: { receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:14338" } } } } }
ingester: { lifecycler: { min_ready_duration: 0s }, trace_idle_period: 0s, flush_check_period: 100ms, max_block_duration: 30m }
compactor: { compaction: { block_retention: ${retention}, compacted_block_retention: 8760h } }
storage: { trace: { backend: local, local: { path: ${home('traces')} }, wal: { path: ${home('wal')} }, blocklist_poll: 200ms } }
`,
  );
  running = new TempoDouble(readSettings(file));
  await running.start();
}

async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}

async function push(traceId: string): Promise<void> {
  const body = JSON.stringify({
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: '00f067aa0ba902b7' }] }] }],
  });
  const response = await fetch(`${OTLP}/v1/traces`, { method: 'POST', headers: { 'x-scope-orgid': 'team-a' }, body });
  expect(response.status).toBe(200);
}

async function statusOf(tenant: string, traceId: string): Promise<number> {
  return (await fetch(`${HTTP}/api/traces/${traceId}`, { headers: { 'x-scope-orgid': tenant } })).status;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await condition()); await sleep(50))
    if (Date.now() > deadline) throw new Error('not within 30 s');
}

const walFolders = (): string[] => readdirSync(home('wal')).filter((name) => name !== 'blocks');
const trace = (n: number): string => String(n).padStart(32, '0');

describe('the double of Tempo', () => {
  it('finds every trace that a real Tempo acknowledged, in its blocks and in its WAL', async () => {
    copyFixture('tempo-2.9', folder);
    await start();
    for (const [tenant, traceIds] of pushedTraceIds('tempo-2.9'))
      for (const traceId of traceIds) expect([traceId, await statusOf(tenant, traceId)]).toEqual([traceId, 200]);
    expect(await statusOf('team-a', trace(1))).toBe(404);
  });

  it('counts the traces of live blocks as their meta.json says', async () => {
    copyFixture('tempo-2.9', folder);
    await start();
    const metrics = await (await fetch(`${HTTP}/metrics`)).text();
    expect(metrics).toMatch(/tempodb_backend_objects_total\{status="live",tenant="team-a"\} [1-9]/);
    expect(metrics).toContain('tempodb_blocklist_length{tenant="team-b"}');
  });

  it('writes parquet files that the runner reads', async () => {
    const ids = [trace(1), trace(2), 'c0e4cad4dbf04670c5adcaa39700feee'];
    const bytes = parquetBytes(ids.map((traceId) => ({ traceId, spans: '[]' })));
    const read: string[] = [];
    for await (const group of readTraceIds(sourceOf(bytes))) read.push(...group.map((id) => id.toString('hex')));
    expect(read).toEqual(ids);
  });

  it('cuts at a flush, and completes and flushes later', async () => {
    await start();
    await push(trace(1));
    expect((await fetch(`${HTTP}/flush`, { method: 'POST' })).status).toBe(204);
    expect(existsSync(home('traces', 'team-a'))).toBe(false);
    const [cut] = walFolders().filter((name) => existsSync(home('wal', name, 'meta.json')));
    const id = cut?.slice(0, 36) ?? '';
    await until(() => existsSync(home('wal', 'blocks', 'team-a', id, 'flushed')));
    expect(readdirSync(home('traces', 'team-a', id)).sort()).toEqual(['bloom-0', 'data.parquet', 'index', 'meta.json']);
    expect(walFolders()).not.toContain(cut);
    await until(async () =>
      (await (await fetch(`${HTTP}/metrics`)).text()).includes(
        'tempodb_backend_objects_total{status="live",tenant="team-a"} 1',
      ),
    );
  });

  it('replays what it had cut when it was stopped', async () => {
    await start();
    await push(trace(1));
    await stop();
    await start();
    expect(await statusOf('team-a', trace(1))).toBe(200);
    await until(() => existsSync(home('traces', 'team-a')));
  });

  describe('at its start', () => {
    const pages = (): string[] => walFolders().map((name) => home('wal', name));
    beforeEach(async () => {
      await start();
      await push(trace(1));
      await until(() => pages().some((page) => existsSync(join(page, 'meta.json'))));
      await push(trace(2));
      await stop();
    });

    it('deletes a WAL block whose meta.json is damaged', async () => {
      for (const page of pages()) truncateSync(join(page, 'meta.json'), 10);
      await start();
      expect([await statusOf('team-a', trace(1)), await statusOf('team-a', trace(2))]).toEqual([404, 404]);
      expect(walFolders()).toEqual([]);
    });

    it('loses the traces of a truncated page, and no other', async () => {
      for (const page of pages()) truncateSync(join(page, '0000000001'), 50);
      await start();
      expect([await statusOf('team-a', trace(1)), await statusOf('team-a', trace(2))]).toEqual([404, 200]);
    });

    it('leaves alone what is no WAL block', async () => {
      mkdirSync(home('wal', 'lost+found'));
      await start();
      expect(walFolders()).toContain('lost+found');
    });
  });

  it('answers 500 when a block of the tenant lacks its bloom filter', async () => {
    copyFixture('tempo-2.9', folder);
    rmSync(home('wal'), { recursive: true });
    await start();
    const traces = home('traces', 'team-b');
    for (const id of readdirSync(traces).filter((name) => name.length === 36)) unlinkSync(join(traces, id, 'bloom-0'));
    expect(await statusOf('team-b', trace(1))).toBe(500);
  });

  it('shows a block that is put beside the others without a restart', async () => {
    await start();
    const [tenant = '', traceIds = new Set<string>()] =
      [...pushedTraceIds('tempo-2.9')].find(([name]) => name === 'team-b') ?? [];
    copyFixture('tempo-2.9', folder);
    await until(
      async () =>
        (await Promise.all([...traceIds].map((id) => statusOf(tenant, id)))).filter((status) => status === 200).length >
        1,
    );
  });

  it('marks blocks past retention as compacted', async () => {
    copyFixture('tempo-2.9', folder);
    await start('1ms');
    await until(() =>
      readdirSync(home('traces', 'team-b')).some((id) =>
        existsSync(home('traces', 'team-b', id, 'meta.compacted.json')),
      ),
    );
  });

  it('ends when its configuration is corrupt', () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'storage: {trace: {backend: local}\n  ]');
    expect(() => readSettings(file)).toThrow();
    writeFileSync(file, 'no_such_section: {}');
    expect(() => readSettings(file)).toThrow('field no_such_section not found in type app.Config');
  });
});
