import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Backend } from './backend';
import { Events } from './events';
import { Ingester } from './ingester';
import { tracesOf } from './otlp';
import type { TempoSettings } from './settings';

interface Answer {
  readonly status: number;
  readonly body: string;
}

const VERSION = '2.9.5';
const SINGLE_TENANT = 'single-tenant';

/**
 * A stand-in for a single-binary Tempo 2.9 with a local backend, for tests where the real one isn't at hand: the same files in the same
 * order, the same answers, and the same deletions at a start. Left out: compaction, search, and every column of a block but the trace ID.
 */
export class TempoDouble {
  private readonly events = new Events();
  private readonly ingester: Ingester;
  private readonly backend: Backend;
  private readonly servers: Server[] = [];
  private readyAt = Infinity;

  constructor(private readonly settings: TempoSettings) {
    this.ingester = new Ingester(settings, this.events);
    this.backend = new Backend(settings, this.events);
  }

  async start(): Promise<void> {
    this.backend.start();
    this.ingester.start();
    await this.listen(this.settings.httpPort, (request) => this.answer(request));
    await this.listen(this.settings.otlpPort, (request) => this.receive(request));
    this.readyAt = Date.now() + this.settings.readyMs;
    this.events.log('info', 'Tempo started');
  }

  async stop(): Promise<void> {
    this.ingester.stop();
    this.backend.stop();
    for (const server of this.servers) server.closeAllConnections();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private async listen(port: number, answer: (request: IncomingMessage) => Promise<Answer>): Promise<void> {
    const server = createServer((request, response) => {
      answer(request)
        .catch((error: unknown) => ({ status: 500, body: `${String(error)}\n` }))
        .then(({ status, body }) =>
          response.writeHead(status, { connection: 'close' }).end(status === 204 ? undefined : body),
        )
        .catch((error: unknown) => this.events.log('error', String(error)));
    });
    this.servers.push(server);
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, this.settings.host, resolve),
    );
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(request.url ?? '/', 'http://tempo');
    if (pathname.startsWith('/api/traces/'))
      return this.trace(this.tenantOf(request), pathname.slice('/api/traces/'.length));
    switch (pathname) {
      case '/ready':
        return Date.now() >= this.readyAt ? ok('ready\n') : { status: 503, body: 'Ingester not ready: waiting\n' };
      case '/flush':
        // Any method, GET included, cuts.
        this.ingester.flush();
        return { status: 204, body: '' };
      case '/metrics':
        return ok(`${this.metrics().join('\n')}\n`);
      case '/api/status/buildinfo':
        return ok(JSON.stringify({ version: VERSION, revision: 'double', branch: '', goVersion: 'none' }));
      case '/api/echo':
        return ok('echo');
      default:
        return { status: 404, body: '404 page not found\n' };
    }
  }

  private async receive(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST' || request.url !== '/v1/traces') return { status: 404, body: '404 page not found\n' };
    const tenant = this.tenantOf(request);
    if (tenant === undefined) return { status: 401, body: 'no org id\n' };
    this.ingester.push(tenant, tracesOf(await bodyOf(request)));
    return ok('{"partialSuccess":{}}');
  }

  private async trace(tenant: string | undefined, id: string): Promise<Answer> {
    if (tenant === undefined) return { status: 401, body: 'no org id\n' };
    const traceId = id.padStart(32, '0').toLowerCase();
    const found = (await this.ingester.find(tenant, traceId)) ?? (await this.backend.find(tenant, traceId));
    return found ? ok(`{"batches":${found.spans || '[]'}}`) : { status: 404, body: '' };
  }

  private tenantOf({ headers }: IncomingMessage): string | undefined {
    if (!this.settings.isMultitenant) return SINGLE_TENANT;
    const tenant = headers['x-scope-orgid'];
    return typeof tenant === 'string' ? tenant : undefined;
  }

  private metrics(): string[] {
    const live = [...this.ingester.liveTraces()].map(
      ([tenant, count]) => `tempo_ingester_live_traces{tenant="${tenant}"} ${count}`,
    );
    return [`tempo_build_info{version="${VERSION}"} 1`, ...live, ...this.backend.metrics(), ...this.events.counters()];
  }
}

function ok(body: string): Answer {
  return { status: 200, body };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
