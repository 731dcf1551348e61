import type { HttpAnswer } from './http-answer';
import { HttpConnection, type HttpServer } from './http-connection';
import type { BodySink, WholeSink } from './reception';

/** Connections to one server, opened as they are needed and used again. How many there are at once is up to who sends. */
export class HttpConnections {
  private readonly open = new Set<HttpConnection>();
  /** The one used last comes first: what is left over ends by its time limit. */
  private readonly idle: HttpConnection[] = [];

  constructor(private readonly server: HttpServer) {}

  async send(request: string, sink: BodySink | WholeSink, signal?: AbortSignal): Promise<HttpAnswer> {
    const connection = this.take();
    try {
      return await connection.send(request, sink, signal);
    } finally {
      if (connection.isOpen) this.idle.push(connection);
      else this.open.delete(connection);
    }
  }

  close(): void {
    for (const connection of this.open) connection.destroy();
    this.open.clear();
  }

  private take(): HttpConnection {
    for (let found = this.idle.pop(); found; found = this.idle.pop()) {
      if (found.isOpen) return found;
      this.open.delete(found);
    }
    const connection = new HttpConnection(this.server);
    this.open.add(connection);
    return connection;
  }
}
