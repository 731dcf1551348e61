import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { digestOf, sha256 } from '../../runtime/streams/digest';
import type { S3Operation, StoredS3Object } from './s3-double-types';

export interface S3Request {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export class S3Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(code);
  }
}

export function parse(message: IncomingMessage): Pick<S3Request, 'operation' | 'bucket' | 'key' | 'query'> {
  const url = new URL(message.url ?? '/', 'http://double');
  const [, bucket = '', ...segments] = url.pathname.split('/');
  const key = segments.map(decodeURIComponent).join('/');
  return { operation: operationOf(message, key, url.searchParams), bucket, key, query: url.searchParams };
}

function operationOf(message: IncomingMessage, key: string, query: URLSearchParams): S3Operation {
  const { method, headers } = message;
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  if (key === '' && query.has('versions')) return 'ListObjectVersions';
  if (key === '' && query.has('versioning')) return 'GetBucketVersioning';
  if (key === '' && query.has('object-lock')) return 'GetObjectLockConfiguration';
  if (query.has('legal-hold')) return 'GetObjectLegalHold';
  if (query.has('retention')) return method === 'PUT' ? 'PutObjectRetention' : 'GetObjectRetention';
  if (key === '')
    return query.has('uploads') ? 'ListMultipartUploads' : query.has('delete') ? 'DeleteObjects' : 'ListObjectsV2';
  if (query.has('uploads')) return 'CreateMultipartUpload';
  const inUpload = query.has('uploadId');
  if (method === 'PUT' && isCopy) return inUpload ? 'UploadPartCopy' : 'CopyObject';
  if (method === 'PUT') return inUpload ? 'UploadPart' : 'PutObject';
  if (query.has('restore')) return 'RestoreObject';
  if (method === 'POST') return 'CompleteMultipartUpload';
  if (method === 'DELETE') return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
  return method === 'HEAD' ? 'HeadObject' : 'GetObject';
}

/** Undefined when the sender went away before the end. */
export function bodyOf(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('close', () => resolve(undefined));
  });
}

export function checkDigests({ body, headers }: S3Request): void {
  if (headers['x-amz-checksum-sha256'] !== sha256(body).toString('base64')) throw new S3Refusal(400, 'BadDigest');
  const signed = headers['x-amz-content-sha256'];
  if (signed !== 'UNSIGNED-PAYLOAD' && signed !== digestOf(body)) throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
  const others = Object.keys(headers).filter((name) => /^x-amz-checksum-(?!sha256|algorithm)/.test(name));
  if (others.length > 0) throw new S3Refusal(400, 'InvalidRequest');
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

export function base64Of(bytes: Buffer): string {
  return sha256(bytes).toString('base64');
}

export function isAfter(key: string, after: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
}

export function metadataOf(headers: IncomingMessage['headers']): Record<string, string> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(metadata) as Record<string, string>;
}

/** The answer to a head, or to a get of all or a range. */
export function contentOf(
  bytes: Buffer,
  facts: Record<string, string>,
  { operation, headers }: Pick<S3Request, 'operation' | 'headers'>,
): { readonly status: number; readonly headers: Record<string, string>; readonly body?: Buffer } {
  if (operation === 'HeadObject') return { status: 200, headers: { ...facts, 'content-length': String(bytes.length) } };
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (!range) return { status: 200, headers: facts, body: bytes };
  const first = Number(range[1]);
  const part = bytes.subarray(first, Number(range[2]) + 1);
  if (part.length === 0) throw new S3Refusal(416, 'InvalidRange', { 'content-range': `bytes */${bytes.length}` });
  const contentRange = `bytes ${first}-${first + part.length - 1}/${bytes.length}`;
  return { status: 206, headers: { ...facts, 'content-range': contentRange }, body: part };
}

/** The headers that tell of an object; its checksum only who asks for it. */
export function factsOf(
  { modifiedAt, metadata, checksum }: StoredS3Object,
  headers: IncomingMessage['headers'],
): Record<string, string> {
  const saysChecksum = checksum !== undefined && headers['x-amz-checksum-mode'] === 'ENABLED';
  return {
    'last-modified': modifiedAt.toUTCString(),
    ...metadata,
    ...(saysChecksum ? { 'x-amz-checksum-sha256': checksum } : {}),
  };
}
