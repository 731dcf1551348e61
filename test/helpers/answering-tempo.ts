import { createServer, type Server } from 'node:http';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readTraceIds } from '../../runtime/tempo/block/parquet';
import { sourceOf } from './buffer-source';

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
      void this.answer(url, tenant).then(([status, text]) => response.writeHead(status).end(text));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(url: string, tenant: string): Promise<readonly [number, string]> {
    if (!this.isReady()) return [503, 'not ready'];
    if (url === '/ready') return [200, 'ready'];
    if (url === '/metrics') return [200, this.metrics()];
    const traceId = /^\/api\/traces\/([0-9a-f]{32})$/.exec(url)?.[1];
    return traceId !== undefined && (await this.has(tenant, traceId)) ? [200, '{}'] : [404, 'not found'];
  }

  private metrics(): string {
    const lines = this.list('').map((tenant) => {
      const objects = this.list(tenant).map((id) => Number(this.meta(tenant, id).totalObjects));
      const total = objects.reduce((sum, each) => sum + each, 0);
      return `tempodb_backend_objects_total{status="live",tenant="${tenant}"} ${total}`;
    });
    return ['# TYPE tempodb_backend_objects_total gauge', ...lines, 'tempodb_work_queue_length 0', ''].join('\n');
  }

  private async has(tenant: string, traceId: string): Promise<boolean> {
    if (this.lost.has(traceId)) return false;
    for (const id of this.list(tenant)) {
      const data = readFileSync(join(this.traces, tenant, id, 'data.parquet'));
      for await (const ids of readTraceIds(sourceOf(data)))
        if (ids.some((found) => found.toString('hex') === traceId)) return true;
    }
    return false;
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
