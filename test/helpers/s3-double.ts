import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { sha256 } from '../../runtime/streams/digest';
import {
  base64Of,
  bodyOf,
  checkDigests,
  contentOf,
  etagOf,
  factsOf,
  metadataOf,
  parse,
  type S3Request as Request,
  S3Refusal,
} from './s3-double-requests';
import { ArchiveStore } from './s3-double-archive';
import type { OpenUpload, S3DoubleOptions, S3Fault, S3FaultRule, S3Operation, StoredS3Object } from './s3-double-types';
import { ListingLag, listingOf } from './s3-double-listing';
import { LockStore } from './s3-double-locks';
import { VersionStore } from './s3-double-versions';
import { copyXml, element, errorXml, keysOf, partsOfXml, uploadsXml, versioningXml, versionsXml } from './s3-xml';

export type { S3DoubleOptions, S3Fault, S3FaultRule, S3Operation } from './s3-double-types';

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

export const DOUBLE_BUCKET = 'double-bucket';
export const DOUBLE_ACCESS_KEY = 'double-access-key';

/** An S3 server in this process, strict about digests and conditions, which fails on command. Signatures aren't checked, only whose they are. */
export class S3Double {
  readonly objects = new Map<string, StoredS3Object>();
  readonly uploads = new Map<string, OpenUpload>();
  /** Empty unless versioning is on. */
  readonly history = new VersionStore();
  /** Of what lies in a bucket with locks. */
  readonly locks: LockStore;
  readonly archive = new ArchiveStore();
  readonly listings = new ListingLag();
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
    this.locks = new LockStore(options.lockDays);
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

  /** Ends all faults. */
  heal(): void {
    this.rules.length = 0;
  }

  count(operation: S3Operation): number {
    return this.log.filter((entry) => entry.operation === operation).length;
  }

  /** Stores an object as another client would, without a request. */
  place(key: string, bytes: Buffer): void {
    this.store(key, bytes, { metadata: {} });
  }

  /** Deletes an object as another client would, without a request. */
  drop(key: string): void {
    this.remove(key);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private get now(): Date {
    return this.options.clock?.() ?? new Date(Date.now() + (this.options.clockAheadMs ?? 0));
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
    const fault = this.nextFault(operation, key);
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

  private nextFault(operation: S3Operation, key: string): S3Fault | undefined {
    const found = this.rules.find(
      ({ rule, left }) => left > 0 && (rule.on === '*' || rule.on === operation) && (rule.key ?? key) === key,
    );
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
        return { status: 200, body: this.list(request.query) };
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
      case 'CopyObject':
        return this.copyObject(request, fault);
      case 'UploadPartCopy':
        return this.copyPart(request);
      case 'RestoreObject':
        return this.archive.restore(request);
      case 'DeleteObject':
        return this.deleteObject(request);
      case 'ListObjectVersions':
        return this.listVersions(request);
      case 'GetBucketVersioning':
        return { status: 200, body: versioningXml(this.options.versioning) };
      case 'GetObjectLockConfiguration':
        return { status: 200, body: this.locks.configuration() };
      case 'GetObjectRetention':
        return { status: 200, body: this.locks.retentionOf(request.key) };
      case 'GetObjectLegalHold':
        return { status: 200, body: this.locks.legalHoldOf(request.key) };
      case 'PutObjectRetention':
        this.locks.extend(request.key, request.body.toString());
        return { status: 200 };
    }
  }

  private putObject(request: Request): Answer {
    checkDigests(request);
    this.checkAbsent(request);
    const checksum = request.headers['x-amz-checksum-sha256'] as string | undefined;
    const body = this.options.corruptsUploads ? Buffer.concat([Buffer.from('10;'), request.body]) : request.body;
    this.store(request.key, body, {
      checksum,
      metadata: metadataOf(request.headers),
    });
    return { status: 200, headers: { etag: etagOf(request.body) } };
  }

  private store(key: string, bytes: Buffer, facts: Pick<StoredS3Object, 'checksum' | 'metadata'>): void {
    const checksum = this.options.keepsChecksums === false ? undefined : facts.checksum;
    const modifiedAt = this.now;
    this.objects.set(key, { bytes, modifiedAt, checksum, metadata: facts.metadata });
    this.locks.add(key, modifiedAt);
    if (this.options.versioning === 'Enabled') this.history.add(key, bytes, modifiedAt);
  }

  private list(query: URLSearchParams): string {
    const { countsKeys } = this.options;
    return listingOf(this.listings.seen(this.objects), this.archive, { query, countsKeys });
  }

  private checkAbsent({ headers, key, operation }: Request): void {
    const { honoursConditions = true } = this.options;
    if (honoursConditions === false) return;
    if (honoursConditions === 'whole' && operation === 'CompleteMultipartUpload') return;
    if (headers['if-none-match'] === '*' && this.objects.has(key)) throw new S3Refusal(412, 'PreconditionFailed');
  }

  private getObject({ headers, key, operation, query }: Request): Answer {
    const version = this.history.find(key, query.get('versionId') ?? '');
    if (version?.bytes) {
      if (operation === 'GetObject') this.archive.checkReadable(version.id);
      return { status: 200, headers: this.archive.headersOf(version.id), body: version.bytes };
    }
    const object = this.objects.get(key);
    if (!object) throw new S3Refusal(404, 'NoSuchKey');
    const etag = etagOf(object.bytes);
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag)
      throw new S3Refusal(412, 'PreconditionFailed');
    if (operation === 'GetObject') this.archive.checkReadable(key);
    const facts = { ...factsOf(object, headers), etag, ...this.archive.headersOf(key) };
    return contentOf(object.bytes, facts, { operation, headers });
  }

  private deleteObjects({ body, headers }: Request, fault: S3Fault | undefined): Answer {
    const md5 = createHash('md5').update(body).digest('base64');
    if (headers['content-md5'] !== md5) throw new S3Refusal(400, 'InvalidDigest');
    const keys = keysOf(body.toString());
    if (keys.length > 1000) throw new S3Refusal(400, 'MalformedXML');
    const refused = fault?.kind === 'refuse-key' ? keys.filter((key) => key === fault.key) : [];
    for (const key of keys) if (!refused.includes(key)) this.remove(key);
    const code = fault?.kind === 'refuse-key' ? fault.code : '';
    const errors = refused.map((key) => element('Error', element('Key', key) + element('Code', code)));
    return { status: 200, body: element('DeleteResult', errors.join('')) };
  }

  /** Two to a page. */
  private remove(key: string): void {
    this.objects.delete(key);
    this.locks.hide(key);
    if (this.options.versioning === 'Enabled') this.history.add(key, undefined, this.now);
  }

  /** Of a version never: nothing here is to delete one. */
  private deleteObject({ key, query }: Request): Answer {
    if (query.has('versionId')) throw new S3Refusal(403, 'AccessDenied');
    this.remove(key);
    return { status: 204 };
  }

  private listVersions({ query }: Request): Answer {
    const all = this.history.list(query.get('prefix') ?? '');
    const marker = query.get('version-id-marker');
    const start = marker === null ? 0 : all.findIndex(({ id }) => id === marker) + 1;
    const page = all.slice(start, start + Number(query.get('max-keys') ?? 1000));
    const last = start + page.length < all.length ? page.at(-1) : undefined;
    return { status: 200, body: versionsXml(page, { last, classOf: (id) => this.archive.classOf(id) }) };
  }

  private sourceOf({ headers }: Request): Buffer {
    const [path = '', versionId] = String(headers['x-amz-copy-source']).split('?versionId=');
    const [, ...segments] = path.replace(/^\//, '').split('/');
    const key = segments.map(decodeURIComponent).join('/');
    const bytes = versionId === undefined ? this.objects.get(key)?.bytes : this.history.find(key, versionId)?.bytes;
    if (!bytes) throw new S3Refusal(404, 'NoSuchKey');
    this.archive.checkReadable(versionId ?? key);
    const wanted = headers['x-amz-copy-source-if-match'];
    if (wanted !== undefined && wanted !== etagOf(bytes)) throw new S3Refusal(412, 'PreconditionFailed');
    return bytes;
  }

  private copyObject(request: Request, fault: S3Fault | undefined): Answer {
    if (fault?.kind === 'error-in-200') return { status: 200, body: errorXml(fault.code, request.key) };
    const bytes = this.sourceOf(request);
    const { copies = 'minio' } = this.options;
    if (copies === 'aws') this.checkAbsent(request);
    const checksum = request.headers['x-amz-checksum-algorithm'] === 'SHA256' ? base64Of(bytes) : undefined;
    this.store(request.key, bytes, { checksum, metadata: metadataOf(request.headers) });
    const body = copyXml('CopyObjectResult', etagOf(bytes), copies === 'aws' ? checksum : undefined);
    const headers: Record<string, string> =
      copies === 'minio' && checksum !== undefined ? { 'x-amz-checksum-sha256': checksum } : {};
    return { status: 200, headers, body };
  }

  private copyPart(request: Request): Answer {
    const upload = this.uploadOf(request);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'])) ?? [];
    const bytes = this.sourceOf(request).subarray(Number(first), Number(last) + 1);
    if (this.options.copies !== 'aws' && upload.isChecked) throw new S3Refusal(400, 'InvalidArgument');
    upload.parts.set(Number(request.query.get('partNumber')), { bytes, etag: etagOf(bytes) });
    return { status: 200, body: copyXml('CopyPartResult', etagOf(bytes), base64Of(bytes)) };
  }

  private createUpload({ headers, key }: Request): Answer {
    const isChecked = headers['x-amz-checksum-algorithm'] === 'SHA256';
    const metadata = metadataOf(headers);
    const id = randomUUID();
    this.uploads.set(id, { key, initiatedAt: this.now, parts: new Map(), isChecked, metadata });
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
      if (part?.etag !== etag || (upload.isChecked && base64Of(part.bytes) !== checksum))
        throw new S3Refusal(400, 'InvalidPart');
      return part.bytes;
    });
    if (parts.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024)) throw new S3Refusal(400, 'EntityTooSmall');
    if (fault?.kind === 'error-in-200') return { status: 200, body: errorXml(fault.code, request.key) };
    const bytes = Buffer.concat(parts);
    const composite = sha256(Buffer.concat(parts.map((part) => sha256(part)))).toString('base64');
    const checksum = upload.isChecked ? `${composite}-${parts.length}` : undefined;
    this.store(request.key, bytes, { checksum, metadata: upload.metadata ?? {} });
    this.uploads.delete(request.query.get('uploadId') ?? '');
    return { status: 200, body: element('CompleteMultipartUploadResult', element('ETag', '"x-1"')) };
  }

  private uploadOf({ key, query }: Request): OpenUpload {
    const upload = this.uploads.get(query.get('uploadId') ?? '');
    if (upload?.key !== key) throw new S3Refusal(404, 'NoSuchUpload');
    return upload;
  }
}
