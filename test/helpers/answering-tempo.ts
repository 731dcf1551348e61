import { createServer, type Server } from 'node:http';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The HTTP side of a Tempo that serves the blocks in a folder: what it counts and finds is what lies there. */
export class AnsweringTempo {
  static async start(): Promise<AnsweringTempo> {
    const tempo = new AnsweringTempo();
    await new Promise<void>((resolve) => tempo.server.listen(0, '127.0.0.1', resolve));
    return tempo;
  }

  /** Folder of its blocks. */
  traces = '';
  isReady: () => boolean = () => true;
  /** Trace IDs that it doesn't find though they are there. */
  readonly lost = new Set<string>();
  readonly requests: string[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(({ method = '', url = '', headers }, response) => {
      this.requests.push(`${method} ${url}`);
      const tenant = String(headers['x-scope-orgid'] ?? '');
      const [status, text] = this.isReady() ? this.answer(url, tenant) : ([503, 'not ready'] as const);
      response.writeHead(status).end(text);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(url: string, tenant: string): readonly [number, string] {
    if (url === '/ready') return [200, 'ready'];
    if (url === '/metrics') return [200, this.metrics()];
    const traceId = /^\/api\/traces\/([0-9a-f]{32})$/.exec(url)?.[1];
    return traceId !== undefined && this.has(tenant, traceId) ? [200, '{}'] : [404, 'not found'];
  }

  private metrics(): string {
    const lines = this.list('').map((tenant) => {
      const objects = this.list(tenant).map((id) => Number(this.meta(tenant, id).totalObjects));
      const total = objects.reduce((sum, each) => sum + each, 0);
      return `tempodb_backend_objects_total{status="live",tenant="${tenant}"} ${total}`;
    });
    return ['# TYPE tempodb_backend_objects_total gauge', ...lines, 'tempodb_work_queue_length 0', ''].join('\n');
  }

  /** IDs are stored as they are in a column that isn't compressed beyond recognition in blocks as small as these. */
  private has(tenant: string, traceId: string): boolean {
    const wanted = Buffer.from(traceId, 'hex');
    const data = (id: string) => readFileSync(join(this.traces, tenant, id, 'data.parquet'));
    return !this.lost.has(traceId) && this.list(tenant).some((id) => data(id).includes(wanted));
  }

  private meta(tenant: string, id: string): { totalObjects?: number } {
    const text = readFileSync(join(this.traces, tenant, id, 'meta.json'), 'utf8');
    return JSON.parse(text) as { totalObjects?: number };
  }

  private list(folder: string): string[] {
    const path = join(this.traces, folder);
    return existsSync(path) ? readdirSync(path).filter((name) => !name.includes('.')) : [];
  }
}
