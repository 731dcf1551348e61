import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TruncatedBodyError } from '../s3-failure';
import type { HttpAnswer } from './http-answer';
import { type BodySink, Reception, type WholeSink } from './reception';

const SCRATCH_SIZE = 16 * 1024;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Certificate authorities in PEM. @default - those that Node trusts */
  readonly ca?: string[];
  readonly connectTimeoutMs: number;
  /** Without a byte. */
  readonly idleTimeoutMs: number;
}

interface Pending {
  readonly reception: Reception;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A connection to a server over which one request after the other is sent. What comes is read by the kernel right into the memory that it is
 * meant for: nothing is allocated, queued or copied on the way.
 */
export class HttpConnection {
  private readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  private readonly socket: Socket;
  private pending: Pending | undefined;

  constructor(server: HttpServer) {
    this.socket = this.connect(server);
    this.socket.setNoDelay(true);
    this.socket.setTimeout(server.connectTimeoutMs);
    this.socket.once(server.tls ? 'secureConnect' : 'connect', () => this.socket.setTimeout(server.idleTimeoutMs));
    this.socket.once('timeout', () => this.destroy(systemError('ETIMEDOUT', 'the server does not answer')));
    this.socket.once('error', (error) => this.destroy(error));
    this.socket.once('end', () => this.destroy(this.endedEarly()));
    this.socket.once('close', () => this.destroy(this.endedEarly()));
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** One at a time. Whatever goes wrong closes the connection, so that nothing is written to the sink's memory any more. */
  async send(request: string, sink: BodySink | WholeSink, signal?: AbortSignal): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    const abort = (): void => this.destroy(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    this.socket.ref();
    try {
      return await new Promise<HttpAnswer>((resolve, reject) => {
        this.pending = { reception: new Reception(this.scratch, sink), resolve, reject };
        this.socket.write(request, 'latin1');
      });
    } finally {
      signal?.removeEventListener('abort', abort);
      // A connection that waits for its next request keeps no process alive.
      this.socket.unref();
    }
  }

  destroy(reason?: unknown): void {
    const { pending } = this;
    this.pending = undefined;
    this.socket.destroy();
    pending?.reject(reason ?? systemError('ECONNABORTED', 'the connection was closed'));
  }

  private connect({ host, port, tls, ca }: HttpServer): Socket {
    const onread = {
      buffer: (): Buffer => this.pending?.reception.memory ?? this.scratch,
      callback: (bytes: number): boolean => {
        this.receive(bytes);
        return true;
      },
    };
    if (!tls) return connect({ host, port, onread });
    const servername = isIP(host) ? undefined : host;
    const secure = { host, port, servername, onread, ALPNProtocols: ['http/1.1'], ca };
    return connectTls(secure);
  }

  private receive(bytes: number): void {
    const { pending } = this;
    // Nobody asked, so it would be taken for the answer to the next request.
    if (!pending) return this.destroy();
    try {
      pending.reception.received(bytes);
    } catch (error) {
      return this.destroy(error);
    }
    const { answer } = pending.reception;
    if (!answer) return;
    this.pending = undefined;
    if (!answer.keepsAlive || pending.reception.mayGoOn) this.socket.destroy();
    pending.resolve(answer);
  }

  private endedEarly(): Error {
    if (this.pending?.reception.hasBegun) return new TruncatedBodyError('the connection ended within the answer');
    return systemError('ECONNRESET', 'the connection ended before the answer');
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
