import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TempoServerOptions {
  /** What `/api/status/buildinfo` says; null: 404. */
  readonly version: string | null;
  /** What happens before `/flush` is answered. @default - nothing */
  readonly onFlush?: () => void;
  /** @default 204, and 404 for a version without a flush */
  readonly flushStatus?: number;
}

/** The HTTP side of a Tempo: its version, and a flush that is answered before it is done. */
export class TempoServer {
  static async start(options: TempoServerOptions): Promise<TempoServer> {
    const tempo = new TempoServer(options);
    await new Promise<void>((resolve) => tempo.server.listen(0, '127.0.0.1', resolve));
    return tempo;
  }

  /** Method and path of each request, in order. */
  readonly requests: string[] = [];
  private readonly server: Server;

  private constructor(options: TempoServerOptions) {
    const { version, onFlush, flushStatus = version?.startsWith('3') ? 404 : 204 } = options;
    this.server = createServer(({ method = '', url = '' }, response) => {
      this.requests.push(`${method} ${url}`);
      if (url === '/api/status/buildinfo' && version !== null) {
        response.end(JSON.stringify({ version, revision: 'abc', branch: 'HEAD', goVersion: 'go1.25' }));
        return;
      }
      // Any method cuts, as in Tempo, so a test sees a request too many.
      if (url === '/flush' && flushStatus < 300) onFlush?.();
      response.writeHead(url === '/flush' ? flushStatus : 404).end();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
