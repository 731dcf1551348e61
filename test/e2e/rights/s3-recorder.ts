import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as send,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call as S3's permissions see it. */
export interface S3Call {
  readonly action: string;
  readonly bucket: string;
  /** Of an object, without the bucket; of a list its prefix. */
  readonly key: string;
  /** Whether the permission is one on the bucket; the key is then the prefix of a list, if it has one. */
  readonly isOnBucket: boolean;
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
  /** Of the bodies that passed, both ways. */
  bytes = 0;
  /** Each loses the answer of the first request that it fits. */
  readonly answersToLose: ((method: string, url: URL) => boolean)[] = [];
  /** `/bucket/key` of what can't be read before its thaw was requested, as on AWS: the test servers have archive classes and forget that. */
  readonly frozen = new Set<string>();
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
    if (method === 'GET' && this.frozen.has(decodeURIComponent(url_.pathname))) {
      response.writeHead(403, { 'content-type': 'application/xml' }).end(FROZEN);
      return;
    }
    const forwarded = send(
      { hostname, port, method, path: url, headers, agent: this.agent },
      (answer: IncomingMessage) => {
        const calls = callsOf(method, url_, { headers, body: Buffer.concat(body).toString('utf8') });
        for (const call of calls) this.note({ ...call, status: answer.statusCode ?? 0 });
        const lost = this.answersToLose.findIndex((fits) => fits(method, url_));
        if (lost >= 0) {
          this.answersToLose.splice(lost, 1);
          answer.resume();
          response.destroy();
          return;
        }
        answer.on('data', (chunk: Buffer) => (this.bytes += chunk.length));
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on('error', () => response.destroy());
    // Only lists of keys to delete are looked at, and those are small.
    if (url_.searchParams.has('delete')) request.on('data', (chunk: Buffer) => body.push(chunk));
    request.on('data', (chunk: Buffer) => (this.bytes += chunk.length));
    request.pipe(forwarded);
  }

  private note(call: S3Call): void {
    this.calls.push(call);
    const { action, bucket, key, status } = call;
    if (action === 's3:RestoreObject' && status < 300) this.frozen.delete(`/${bucket}/${key}`);
  }
}

const FROZEN = '<Error><Code>InvalidObjectState</Code><Message>it is in an archive class</Message></Error>';

type Call = Omit<S3Call, 'status'>;

/** What is asked of a bucket by the name of a query parameter. */
const BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  uploads: 's3:ListBucketMultipartUploads',
  'list-type': 's3:ListBucket',
  versions: 's3:ListBucketVersions',
  versioning: 's3:GetBucketVersioning',
  'object-lock': 's3:GetBucketObjectLockConfiguration',
};

/** Which permissions a request needs, as S3 documents it. */
function callsOf(
  method: string,
  url: URL,
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: string },
): Call[] {
  const [, bucket = '', ...segments] = url.pathname.split('/');
  const key = decodeURIComponent(segments.join('/'));
  const query = url.searchParams;
  if (key === '') return callsOnBucket(method, bucket, { query, body });
  const call = (action: string): Call => ({ action, bucket, key, isOnBucket: false });
  if (query.has('legal-hold')) return [call('s3:GetObjectLegalHold')];
  if (query.has('retention')) return [call(method === 'PUT' ? 's3:PutObjectRetention' : 's3:GetObjectRetention')];
  if (query.has('restore')) return [call('s3:RestoreObject')];
  const version = query.has('versionId') ? 'Version' : '';
  if (method === 'GET' || method === 'HEAD') return [call(`s3:GetObject${version}`)];
  if (method === 'PUT' || method === 'POST') return [call('s3:PutObject'), ...copied(headers, call)];
  if (method === 'DELETE' && query.has('uploadId')) return [call('s3:AbortMultipartUpload')];
  if (method === 'DELETE') return [call(`s3:DeleteObject${version}`)];
  return [call(`unknown: ${method} ${url.pathname}?${query.toString()}`)];
}

function callsOnBucket(
  method: string,
  bucket: string,
  { query, body }: { readonly query: URLSearchParams; readonly body: string },
): Call[] {
  const asked = Object.keys(BUCKET_ACTIONS).find((name) => query.has(name));
  if (method === 'GET' && asked !== undefined)
    return [{ action: BUCKET_ACTIONS[asked] ?? '', bucket, key: query.get('prefix') ?? '', isOnBucket: true }];
  if (method === 'POST' && query.has('delete')) {
    return Array.from(body.matchAll(/<Key>([^<]*)<\/Key>(<VersionId>)?/g), ([, key = '', version]) => ({
      action: version === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
      bucket,
      key,
      isOnBucket: false,
    }));
  }
  return [{ action: `unknown: ${method} ${bucket}?${query.toString()}`, bucket, key: '', isOnBucket: true }];
}

/** What a copy reads; unless it is told to leave them, the tags go along. */
function copied(headers: IncomingHttpHeaders, call: (action: string) => Call): Call[] {
  const header = headers['x-amz-copy-source'];
  if (typeof header !== 'string') return [];
  const [path = '', versionId] = header.replace(/^\//, '').split('?versionId=');
  const [bucket = '', ...segments] = decodeURIComponent(path).split('/');
  const version = versionId === undefined ? '' : 'Version';
  const from = (action: string): Call => ({ action, bucket, key: segments.join('/'), isOnBucket: false });
  const takesTags = headers['x-amz-tagging-directive'] !== 'REPLACE';
  const tags = takesTags ? [from(`s3:GetObject${version}Tagging`), call('s3:PutObjectTagging')] : [];
  return [from(`s3:GetObject${version}`), ...tags];
}
