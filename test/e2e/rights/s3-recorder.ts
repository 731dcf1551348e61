import {
  Agent,
  createServer,
  type IncomingMessage,
  request as send,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call as S3's permissions see it. */
export interface S3Call {
  readonly action: string;
  /** Of an object, without the bucket; of a list its prefix. */
  readonly key: string;
  readonly status: number;
}

/**
 * Stands between a client and a server, changes nothing and writes down which permission each request needs. Signatures stay right, as they
 * cover the `Host` header that the client sent.
 */
export class S3Recorder {
  static async before(endpoint: string): Promise<S3Recorder> {
    const recorder = new S3Recorder(new URL(endpoint));
    await new Promise<void>((resolve) => recorder.server.listen(0, '127.0.0.1', resolve));
    return recorder;
  }

  calls: S3Call[] = [];
  /** How many beginnings of uploads still lose their answer. */
  answersToLose = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly server: Server = createServer((request, response) => this.pass(request, response));

  private constructor(private readonly target: URL) {}

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private pass(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const { hostname, port } = this.target;
    const body: Buffer[] = [];
    const url_ = new URL(url, this.endpoint);
    const forwarded = send(
      { hostname, port, method, path: url, headers, agent: this.agent },
      (answer: IncomingMessage) => {
        const calls = callsOf(method, url_, Buffer.concat(body).toString('utf8'));
        for (const call of calls) this.calls.push({ ...call, status: answer.statusCode ?? 0 });
        if (method === 'POST' && url_.searchParams.has('uploads') && this.answersToLose > 0) {
          this.answersToLose--;
          answer.resume();
          response.destroy();
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on('error', () => response.destroy());
    // Only lists of keys to delete are looked at, and those are small.
    if (url_.searchParams.has('delete')) request.on('data', (chunk: Buffer) => body.push(chunk));
    request.pipe(forwarded);
  }
}

/** Which permissions a request needs, as S3 documents it. */
function callsOf(method: string, url: URL, body: string): Omit<S3Call, 'status'>[] {
  const [, , ...segments] = url.pathname.split('/');
  const key = decodeURIComponent(segments.join('/'));
  const query = url.searchParams;
  if (key === '') {
    if (method === 'GET' && query.has('uploads')) return [{ action: 's3:ListBucketMultipartUploads', key: '' }];
    if (method === 'GET' && query.has('list-type'))
      return [{ action: 's3:ListBucket', key: query.get('prefix') ?? '' }];
    if (method === 'POST' && query.has('delete')) {
      return Array.from(body.matchAll(/<Key>([^<]*)<\/Key>(<VersionId>)?/g), ([, name = '', version]) => ({
        action: version === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
        key: name,
      }));
    }
  } else {
    if (method === 'GET' || method === 'HEAD') return [{ action: 's3:GetObject', key }];
    if (method === 'PUT' || method === 'POST') return [{ action: 's3:PutObject', key }];
    if (method === 'DELETE' && query.has('uploadId')) return [{ action: 's3:AbortMultipartUpload', key }];
  }
  return [{ action: `unknown: ${method} ${url.pathname}?${query.toString()}`, key }];
}
