import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RealTempoOptions {
  /** Where the blocks go, in Tempo's YAML. @default - a folder below its home */
  readonly backend?: string;
  /** All of its configuration, with the ports of `url`. @default - one that suits tests */
  readonly yaml?: string;
  /** Such as `vParquet5`. @default - Tempo's own */
  readonly blockFormat?: string;
  /** Added to each port, for suites that run at once. @default 0 */
  readonly portOffset?: number;
}

export interface PushedTrace {
  readonly tenant: string;
  readonly traceId: string;
}

/** 2.9 stands for all with an ingester, 2.10 among them. */
export type TempoVersion = '2.9' | '3.0';

/** A real Tempo process on loopback that keeps its data below `home`, multi-tenant and with short periods. */
export class RealTempo {
  readonly tracesPath: string;
  readonly walPath: string;
  private process: ChildProcess | undefined;
  private output = '';

  constructor(
    private readonly program: string,
    private readonly version: TempoVersion,
    private readonly home: string,
    private readonly options: RealTempoOptions = {},
  ) {
    this.tracesPath = join(home, 'traces');
    this.walPath = join(home, version === '2.9' ? 'wal' : 'live-store/traces');
  }

  private get offset(): number {
    return this.options.portOffset ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${13210 + this.offset}`;
  }

  async start(): Promise<void> {
    await mkdir(this.home, { recursive: true });
    const file = join(this.home, '..', 'tempo.yaml');
    await writeFile(file, this.options.yaml ?? configuration(this.version, this.home, this.options));
    this.process = spawn(this.program, [`-config.file=${file}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)));
    }
    await this.until('ready', async () => (await fetch(`${this.url}/ready`)).ok);
  }

  async kill(): Promise<void> {
    const running = this.process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  async push(tenant: string): Promise<PushedTrace> {
    const traceId = randomBytes(16).toString('hex');
    const now = BigInt(Date.now()) * 1_000_000n;
    const span = {
      traceId,
      spanId: randomBytes(8).toString('hex'),
      name: 'GET /',
      kind: 1,
      startTimeUnixNano: String(now),
      endTimeUnixNano: String(now + 1_000_000n),
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
    const response = await fetch(`http://127.0.0.1:${14328 + this.offset}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-scope-orgid': tenant },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
    });
    if (!response.ok) throw new Error(`push: ${response.status} ${await response.text()}`);
    return { tenant, traceId };
  }

  /** 3.0 has no such endpoint: it flushes by itself. */
  async flush(): Promise<void> {
    if (this.version === '2.9') await fetch(`${this.url}/flush`, { method: 'POST' });
  }

  async has({ tenant, traceId }: PushedTrace): Promise<boolean> {
    const response = await fetch(`${this.url}/api/traces/${traceId}`, { headers: { 'x-scope-orgid': tenant } });
    await response.arrayBuffer();
    return response.status === 200;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  async until(what: string, condition: () => Promise<boolean>, milliseconds = 60_000): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (Date.now() < deadline) {
      // A refused connection only means: not yet.
      if (await condition().catch(() => false)) return;
      await sleep(200);
    }
    throw new Error(`Tempo isn't ${what} after ${milliseconds} ms; its last lines:\n${this.output.slice(-2000)}`);
  }
}

function configuration(
  version: TempoVersion,
  home: string,
  { backend, blockFormat, portOffset = 0 }: RealTempoOptions,
): string {
  const block = blockFormat === undefined ? '' : `, block: {version: ${blockFormat}}`;
  const blocks = backend ?? `backend: local, local: {path: ${home}/traces}`;
  return `multitenancy_enabled: true
server: {http_listen_address: 127.0.0.1, http_listen_port: ${13210 + portOffset}, grpc_listen_address: 127.0.0.1, grpc_listen_port: ${19105 + portOffset}}
distributor: {receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:${14328 + portOffset}}}}}}
memberlist: {bind_addr: [127.0.0.1], bind_port: ${17956 + portOffset}}
storage: {trace: {${blocks}, wal: {path: ${home}/wal}, blocklist_poll: 1s${block}}}
usage_report: {reporting_enabled: false}
${version === '2.9' ? MODULES_OF_2 : modulesOf3(home)}`;
}

const MODULES_OF_2 = `ingester: {lifecycler: {address: 127.0.0.1, min_ready_duration: 1s, final_sleep: 0s}, trace_idle_period: 1s, trace_live_period: 2s, flush_check_period: 1s, max_block_duration: 3s, complete_block_timeout: 5s}
compactor: {compaction: {block_retention: 24h, compacted_block_retention: 1h, compaction_window: 1h, compaction_cycle: 2s, max_time_per_tenant: 2s}}
query_frontend: {search: {query_backend_after: 0s, query_ingesters_until: 0s}}
`;

function modulesOf3(home: string): string {
  return `live_store: {max_trace_idle: 1s, max_trace_live: 2s, flush_check_period: 1s, max_block_duration: 3s, complete_block_timeout: 20m, wal: {path: ${home}/live-store/traces}, shutdown_marker_dir: ${home}/marker}
backend_scheduler: {local_work_path: ${home}/work, maintenance_interval: 2s, backend_flush_interval: 2s, provider: {retention: {interval: 5s}, compaction: {measure_interval: 2s, min_cycle_interval: 1s, compaction: {block_retention: 24h}}}}
backend_worker: {compaction: {block_retention: 24h}}
query_frontend: {query_end_cutoff: 0s, search: {query_backend_after: 30s}}
`;
}
