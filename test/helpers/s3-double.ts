import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { digestOf, sha256 } from '../../runtime/streams/digest';
import type { S3Fault, S3FaultRule, S3Operation } from './s3-fault';
import { element, errorXml, keysOf, listXml, partsOfXml, uploadsXml } from './s3-xml';

export type { S3Fault, S3FaultRule, S3Operation } from './s3-fault';

export interface S3DoubleOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** False: like a server that knows no checksums. @default true */
  readonly keepsChecksums?: boolean;
  /** Of the server's clock before the real one. @default 0 */
  readonly clockAheadMs?: number;
  /** Answers come in chunks, without their length, as refusals of AWS do. @default none */
  readonly chunked?: 'refusals' | 'all';
  /** Whose signatures are accepted. @default - that of `DOUBLE_ACCESS_KEY` */
  readonly accepts?: (accessKey: string) => boolean;
}

interface StoredS3Object {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
  /** As in the `x-amz-checksum-sha256` header. */
  readonly checksum?: string;
  readonly metadata: Record<string, string>;
}

interface OpenUpload {
  readonly key: string;
  readonly initiatedAt: Date;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

interface Request {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

class S3Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(code);
  }
}

export const DOUBLE_BUCKET = 'double-bucket';
export const DOUBLE_ACCESS_KEY = 'double-access-key';

/** An S3 server in this process, strict about digests and conditions, which fails on command. Signatures aren't checked, only whose they are. */
export class S3Double {
  readonly objects = new Map<string, StoredS3Object>();
  readonly uploads = new Map<string, OpenUpload>();
  /** Each request that arrived, in order. */
  readonly log: { readonly operation: S3Operation; readonly key: string }[] = [];
  /** Of each request that arrived, in order. */
  readonly headers: IncomingMessage['headers'][] = [];
  /** That were ever opened. */
  connections = 0;
  /** The most requests that were being answered at one time. */
  mostAtOnce = 0;
  private atOnce = 0;
  private readonly rules: { rule: S3FaultRule; skip: number; left: number }[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  static async start(options: S3DoubleOptions = {}): Promise<S3Double> {
    const double = new S3Double(options);
    await new Promise<void>((resolve) => double.server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  private constructor(private readonly options: S3DoubleOptions) {
    const listener: RequestListener = (request, response) => void this.observed(request, response);
    this.server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      this.connections++;
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get endpoint(): string {
    const { port } = this.server.address() as AddressInfo;
    return `${this.options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  }

  url(prefix = 'backups', parameters: Record<string, string> = {}, bucket = DOUBLE_BUCKET): string {
    return `s3://${bucket}/${prefix}?${new URLSearchParams({ endpoint: this.endpoint, ...parameters }).toString()}`;
  }

  fail(...rules: S3FaultRule[]): void {
    for (const rule of rules) this.rules.push({ rule, skip: rule.skip ?? 0, left: rule.times ?? 1 });
  }

  count(operation: S3Operation): number {
    return this.log.filter((entry) => entry.operation === operation).length;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private get now(): Date {
    return new Date(Date.now() + (this.options.clockAheadMs ?? 0));
  }

  private async observed(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    await this.serve(message, response);
    this.atOnce--;
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { operation, bucket, key, query } = parse(message);
    this.log.push({ operation, key });
    this.headers.push(message.headers);
    const fault = this.nextFault(operation);
    if (fault?.kind === 'reset-request') {
      message.once('data', () => message.socket.resetAndDestroy());
      message.once('end', () => message.socket.resetAndDestroy());
      return;
    }
    const body = await bodyOf(message);
    if (body === undefined || fault?.kind === 'hang') return;
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    const answer = this.answer({ operation, bucket, key, query, headers: message.headers, body }, fault);
    if (fault?.kind === 'lose-response') message.socket.resetAndDestroy();
    else this.send(answer, { message, response, fault });
  }

  private nextFault(operation: S3Operation): S3Fault | undefined {
    const found = this.rules.find(({ rule, left }) => left > 0 && (rule.on === '*' || rule.on === operation));
    if (!found) return undefined;
    if (found.skip > 0) {
      found.skip--;
      return undefined;
    }
    found.left--;
    return found.rule.fault;
  }

  private answer(request: Request, fault: S3Fault | undefined): Answer {
    try {
      if (fault?.kind === 'refuse') throw new S3Refusal(fault.status, fault.code, fault.headers);
      this.authorize(request);
      const done = this.perform(request, fault);
      if (fault?.kind === 'refuse-after-commit') throw new S3Refusal(fault.status, fault.code);
      return fault?.kind === 'wrong-etag' ? { ...done, headers: { ...done.headers, etag: '"0000"' } } : done;
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      return { status: error.status, headers: error.headers, body: errorXml(error.code, request.key) };
    }
  }

  private send(answer: Answer, to: { message: IncomingMessage; response: ServerResponse; fault?: S3Fault }): void {
    const { message, response, fault } = to;
    const body = Buffer.from(answer.body ?? '');
    const length = answer.headers?.['content-length'] ?? String(body.length);
    const { chunked } = this.options;
    const isChunked = chunked === 'all' || (chunked === 'refusals' && answer.status >= 300);
    response.sendDate = false;
    response.writeHead(answer.status, {
      date: this.now.toUTCString(),
      ...answer.headers,
      ...(isChunked ? {} : { 'content-length': length }),
    });
    const half = body.subarray(0, Math.floor(body.length / 2));
    if (fault?.kind === 'reset-response')
      response.write(half, () => setTimeout(() => message.socket.resetAndDestroy(), 5));
    else if (fault?.kind === 'truncate') response.write(half, () => setTimeout(() => message.socket.end(), 5));
    else response.end(message.method === 'HEAD' ? undefined : body);
  }

  private authorize({ bucket, headers }: Request): void {
    const credential = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1];
    const accepts = this.options.accepts ?? ((accessKey: string) => accessKey === DOUBLE_ACCESS_KEY);
    if (credential === undefined || !accepts(credential)) throw new S3Refusal(403, 'InvalidAccessKeyId');
    if (bucket !== DOUBLE_BUCKET) throw new S3Refusal(404, 'NoSuchBucket');
  }

  private perform(request: Request, fault: S3Fault | undefined): Answer {
    switch (request.operation) {
      case 'PutObject':
        return this.putObject(request);
      case 'GetObject':
      case 'HeadObject':
        return this.getObject(request);
      case 'ListObjectsV2':
        return this.listObjects(request);
      case 'DeleteObjects':
        return this.deleteObjects(request, fault);
      case 'CreateMultipartUpload':
        return this.createUpload(request);
      case 'UploadPart':
        return this.uploadPart(request);
      case 'CompleteMultipartUpload':
        return this.completeUpload(request, fault);
      case 'AbortMultipartUpload':
        if (!this.uploads.delete(request.query.get('uploadId') ?? '')) throw new S3Refusal(404, 'NoSuchUpload');
        return { status: 204 };
      case 'ListMultipartUploads':
        return { status: 200, body: uploadsXml(this.uploads, request.query.get('prefix') ?? '') };
    }
  }

  private putObject(request: Request): Answer {
    checkDigests(request);
    this.checkAbsent(request);
    const metadata = Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
    const checksum = request.headers['x-amz-checksum-sha256'] as string | undefined;
    this.store(request.key, request.body, {
      checksum,
      metadata: Object.fromEntries(metadata) as Record<string, string>,
    });
    return { status: 200, headers: { etag: etagOf(request.body) } };
  }

  private store(key: string, bytes: Buffer, facts: Pick<StoredS3Object, 'checksum' | 'metadata'>): void {
    const checksum = this.options.keepsChecksums === false ? undefined : facts.checksum;
    this.objects.set(key, { bytes, modifiedAt: this.now, checksum, metadata: facts.metadata });
  }

  private checkAbsent({ headers, key }: Request): void {
    if (headers['if-none-match'] === '*' && this.objects.has(key)) throw new S3Refusal(412, 'PreconditionFailed');
  }

  private getObject({ headers, key, operation }: Request): Answer {
    const object = this.objects.get(key);
    if (!object) throw new S3Refusal(404, 'NoSuchKey');
    const facts: Record<string, string> = { 'last-modified': object.modifiedAt.toUTCString(), ...object.metadata };
    if (object.checksum !== undefined && headers['x-amz-checksum-mode'] === 'ENABLED')
      facts['x-amz-checksum-sha256'] = object.checksum;
    const { bytes } = object;
    if (operation === 'HeadObject')
      return { status: 200, headers: { ...facts, 'content-length': String(bytes.length) } };
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
    if (!range) return { status: 200, headers: facts, body: bytes };
    const first = Number(range[1]);
    const part = bytes.subarray(first, Number(range[2]) + 1);
    if (part.length === 0) throw new S3Refusal(416, 'InvalidRange', { 'content-range': `bytes */${bytes.length}` });
    const contentRange = `bytes ${first}-${first + part.length - 1}/${bytes.length}`;
    return { status: 206, headers: { ...facts, 'content-range': contentRange }, body: part };
  }

  private listObjects({ query }: Request): Answer {
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const keys = [...this.objects.keys()].filter(
      (key) => key.startsWith(query.get('prefix') ?? '') && isAfter(key, after),
    );
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const page = keys.slice(0, Number(query.get('max-keys') ?? 1000));
    const found = page.flatMap((key) => {
      const object = this.objects.get(key);
      return object ? [{ key, size: object.bytes.length, modifiedAt: object.modifiedAt }] : [];
    });
    return { status: 200, body: listXml(found, keys.length > page.length ? page.at(-1) : undefined) };
  }

  private deleteObjects({ body, headers }: Request, fault: S3Fault | undefined): Answer {
    const md5 = createHash('md5').update(body).digest('base64');
    if (headers['content-md5'] !== md5) throw new S3Refusal(400, 'InvalidDigest');
    const keys = keysOf(body.toString());
    if (keys.length > 1000) throw new S3Refusal(400, 'MalformedXML');
    const refused = fault?.kind === 'refuse-key' ? keys.filter((key) => key === fault.key) : [];
    for (const key of keys) if (!refused.includes(key)) this.objects.delete(key);
    const code = fault?.kind === 'refuse-key' ? fault.code : '';
    const errors = refused.map((key) => element('Error', element('Key', key) + element('Code', code)));
    return { status: 200, body: element('DeleteResult', errors.join('')) };
  }

  private createUpload({ headers, key }: Request): Answer {
    if (headers['x-amz-checksum-algorithm'] !== 'SHA256') throw new S3Refusal(400, 'InvalidRequest');
    const id = randomUUID();
    this.uploads.set(id, { key, initiatedAt: this.now, parts: new Map() });
    return { status: 200, body: element('InitiateMultipartUploadResult', element('UploadId', id)) };
  }

  private uploadPart(request: Request): Answer {
    const upload = this.uploadOf(request);
    checkDigests(request);
    const etag = etagOf(request.body);
    upload.parts.set(Number(request.query.get('partNumber')), { bytes: request.body, etag });
    return { status: 200, headers: { etag } };
  }

  private completeUpload(request: Request, fault: S3Fault | undefined): Answer {
    const upload = this.uploadOf(request);
    this.checkAbsent(request);
    const parts = partsOfXml(request.body.toString()).map(({ checksum, etag, number }) => {
      const part = upload.parts.get(number);
      if (part?.etag !== etag || sha256(part.bytes).toString('base64') !== checksum)
        throw new S3Refusal(400, 'InvalidPart');
      return part.bytes;
    });
    if (parts.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024)) throw new S3Refusal(400, 'EntityTooSmall');
    if (fault?.kind === 'error-in-200') return { status: 200, body: errorXml(fault.code, request.key) };
    const bytes = Buffer.concat(parts);
    const composite = sha256(Buffer.concat(parts.map((part) => sha256(part)))).toString('base64');
    this.store(request.key, bytes, { checksum: `${composite}-${parts.length}`, metadata: {} });
    this.uploads.delete(request.query.get('uploadId') ?? '');
    return { status: 200, body: element('CompleteMultipartUploadResult', element('ETag', '"x-1"')) };
  }

  private uploadOf({ key, query }: Request): OpenUpload {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload?.key !== key) throw new S3Refusal(404, 'NoSuchUpload');
    return upload;
  }
}

function parse(message: IncomingMessage): Pick<Request, 'operation' | 'bucket' | 'key' | 'query'> {
  const url = new URL(message.url ?? '/', 'http://double');
  const [, bucket = '', ...segments] = url.pathname.split('/');
  const key = segments.map(decodeURIComponent).join('/');
  return { operation: operationOf(message.method ?? '', key, url.searchParams), bucket, key, query: url.searchParams };
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (key === '')
    return query.has('uploads') ? 'ListMultipartUploads' : query.has('delete') ? 'DeleteObjects' : 'ListObjectsV2';
  if (query.has('uploads')) return 'CreateMultipartUpload';
  const inUpload = query.has('uploadId');
  if (method === 'PUT') return inUpload ? 'UploadPart' : 'PutObject';
  if (method === 'POST') return 'CompleteMultipartUpload';
  if (method === 'DELETE') return 'AbortMultipartUpload';
  return method === 'HEAD' ? 'HeadObject' : 'GetObject';
}

/** Undefined when the sender went away before the end. */
function bodyOf(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('close', () => resolve(undefined));
  });
}

function checkDigests({ body, headers }: Request): void {
  if (headers['x-amz-checksum-sha256'] !== sha256(body).toString('base64')) throw new S3Refusal(400, 'BadDigest');
  const signed = headers['x-amz-content-sha256'];
  if (signed !== 'UNSIGNED-PAYLOAD' && signed !== digestOf(body)) throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
  const others = Object.keys(headers).filter((name) => /^x-amz-checksum-(?!sha256|algorithm)/.test(name));
  if (others.length > 0) throw new S3Refusal(400, 'InvalidRequest');
}

function etagOf(bytes: Buffer): string {
  return `"${sha256(bytes).toString('hex').slice(0, 32)}"`;
}

function isAfter(key: string, after: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
}
