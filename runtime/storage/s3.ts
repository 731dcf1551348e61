import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StorageError, UsageError } from '../errors';
import { partBuffers, type PartBuffers } from '../streams/part-buffers';
import type * as Api from './s3/s3-api';
import { sharedRead } from './s3/s3-body';
import { S3Bucket } from './s3/s3-bucket';
import { S3Clock } from './s3/s3-clock';
import { credentialSource } from './s3/s3-errors';
import { MOST_REQUESTS_IN_FLIGHT, S3Requests, type S3RequestsOptions } from './s3/s3-requests';
import { S3Storage } from './s3/s3-storage';
import { parseS3Url, type S3Location } from './s3/s3-url';
import { S3Versions } from './s3/s3-versions';
import { SdkBucketApi, SOURCE_ETAG_METADATA } from './s3-bucket-calls';
import type { Bucket, VersionedBucket } from './bucket';
import { SdkVersionApi } from './s3-version-calls';
import type { Storage } from './storage';

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;
const DIGEST_METADATA = 'sha256';
const CHECKSUM_HEADER = 'x-amz-checksum-sha256';

export interface S3StorageOptions extends S3RequestsOptions {
  /** @default - those of the process */
  readonly buffers?: PartBuffers;
  /** Larger objects are copied in parts. @default 5 GiB, the most that S3 copies at once */
  readonly largestCopy?: number;
}

/** `url` as in `parseS3Url`; credentials come from the SDK's default chain. Sends nothing yet. */
export async function openS3Storage(url: string, options: S3StorageOptions = {}): Promise<Storage> {
  const location = parseS3Url(url);
  const clock = new S3Clock();
  const client = createClient(location, clock);
  return new S3Storage({
    location,
    clock,
    api: new SdkS3Api(client, location.bucket),
    bucketApi: new SdkBucketApi(client, location.bucket),
    requests: new S3Requests(options),
    buffers: options.buffers ?? partBuffers,
    largestCopy: options.largestCopy,
    credentials: credentialSource(location, process.env),
  });
}

/** A bucket that is only looked at. `url` as in `parseS3Url`. */
export function openS3Bucket(url: string, options: S3RequestsOptions = {}): Bucket {
  const location = parseS3Url(url);
  const client = createClient(location, new S3Clock());
  return new S3Bucket({
    location,
    api: new SdkBucketApi(client, location.bucket),
    requests: new S3Requests(options),
    credentials: credentialSource(location, process.env),
    close: () => client.destroy(),
  });
}

/** A bucket with its earlier versions. `url` as in `parseS3Url`. */
export function openS3Versions(
  url: string,
  options: Pick<S3StorageOptions, 'signal' | 'sleep' | 'largestCopy'> = {},
): VersionedBucket {
  const location = parseS3Url(url);
  const clock = new S3Clock();
  const client = createClient(location, clock);
  return new S3Versions({
    location,
    clock,
    api: new SdkVersionApi(client, location.bucket),
    bucketApi: new SdkBucketApi(client, location.bucket),
    requests: new S3Requests(options),
    credentials: credentialSource(location, process.env),
    largestCopy: options.largestCopy,
    close: () => client.destroy(),
  });
}

function createClient(location: S3Location, clock: S3Clock): S3Client {
  // A custom endpoint rarely cares about the region, but signatures need one.
  const fallback = location.endpoint === undefined ? undefined : (process.env['AWS_REGION'] ?? 'us-east-1');
  const config: S3ClientConfig = {
    region: location.region ?? fallback,
    endpoint: location.endpoint,
    forcePathStyle: location.pathStyle,
    profile: location.profile,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would open a connection for each part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      ...agents(location.caBundle),
    },
  };
  // A key that is undefined would hide the SDK's own ways to find it.
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as S3ClientConfig;
  // The version of the SDK is pinned; what later ones will need is no concern of those who run this one.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const client = new S3Client(given);
  passFailuresOn(client);
  useOwnDigests(client, location);
  observeClock(client, clock);
  return client;
}

function agents(caBundle: string | undefined): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const limit = MOST_REQUESTS_IN_FLIGHT;
  const pool = { keepAlive: true, maxSockets: limit, maxFreeSockets: limit, onread: sharedRead };
  const trusted = caBundle === undefined ? {} : { ca: [...rootCertificates, readCaBundle(caBundle)] };
  return { httpAgent: new HttpAgent(pool), httpsAgent: new HttpsAgent({ ...pool, ...trusted }) };
}

function readCaBundle(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(`read 'caBundle' '${path}': ${code}; name a readable PEM file`, { path }, { cause });
  }
}

/**
 * The digest that was computed while the bytes were read guards them, so the SDK hashes nothing again. It also signs them, until the server
 * has shown that it compares bytes with the `x-amz-checksum-sha256` header, which is signed itself: hashing twice costs a server of one's own
 * a tenth of its time. AWS doesn't mind, and there are bucket policies that refuse unsigned payloads.
 *
 * Lists of keys to delete are guarded by Content-MD5: each server knows it, while the SDK's CRC32 is refused by older ones.
 */
function useOwnDigests(client: S3Client, location: S3Location): void {
  let comparesChecksums = false;
  client.middlewareStack.add(
    (next) => async (args) => {
      const { headers, body } = args.request as { headers: Record<string, string>; body?: unknown };
      const sha256 = headers[CHECKSUM_HEADER];
      const guarded = sha256 !== undefined && Buffer.isBuffer(body);
      if (guarded) headers['x-amz-content-sha256'] = comparesChecksums ? 'UNSIGNED-PAYLOAD' : hexOf(sha256);
      if ('x-amz-checksum-crc32' in headers && typeof body === 'string') useContentMd5(headers, body);
      const result = await next(args);
      if (guarded && location.endpoint !== undefined)
        comparesChecksums ||= headersOf(result.response)[CHECKSUM_HEADER] === sha256;
      return result;
    },
    { step: 'build', priority: 'low', name: 'useOwnDigests' },
  );
}

function useContentMd5(headers: Record<string, string>, body: string): void {
  delete headers['x-amz-checksum-crc32'];
  delete headers['x-amz-sdk-checksum-algorithm'];
  headers['content-md5'] = createHash('md5').update(body).digest('base64');
}

/** Attempts are repeated by `S3Requests`. Others name the SDK's own step as their neighbour, so it is replaced rather than removed. */
function passFailuresOn(client: S3Client): void {
  client.middlewareStack.add((next) => (args) => next(args), {
    step: 'finalizeRequest',
    priority: 'high',
    name: 'retryMiddleware',
    tags: ['RETRY'],
    override: true,
  });
}

function observeClock(client: S3Client, clock: S3Clock): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      clock.observe(headersOf(result.response)['date']);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'observeClock' },
  );
}

function headersOf(response: unknown): Readonly<Record<string, string | undefined>> {
  return (response as { headers?: Record<string, string> }).headers ?? {};
}

class SdkS3Api implements Api.S3Api {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  async putObject(key: string, body: Buffer, sha256: Buffer, signal?: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.bucket,
      Key: key,
      Body: body,
      ContentLength: body.length,
      IfNoneMatch: '*',
      ChecksumSHA256: sha256.toString('base64'),
      Metadata: { [DIGEST_METADATA]: sha256.toString('hex') },
    });
    await this.client.send(command, { abortSignal: signal });
  }

  async createUpload(key: string, signal?: AbortSignal): Promise<Api.S3Upload> {
    const command = new CreateMultipartUploadCommand({ Bucket: this.bucket, Key: key, ChecksumAlgorithm: 'SHA256' });
    const { UploadId } = await this.client.send(command, { abortSignal: signal });
    return { key, id: required(UploadId, 'UploadId') };
  }

  async uploadPart(
    upload: Api.S3Upload,
    part: Omit<Api.S3UploadedPart, 'etag'>,
    body: Buffer,
    signal?: AbortSignal,
  ): Promise<string> {
    const command = new UploadPartCommand({
      ...this.named(upload),
      PartNumber: part.number,
      Body: body,
      ContentLength: body.length,
      ChecksumSHA256: part.sha256.toString('base64'),
    });
    const { ETag } = await this.client.send(command, { abortSignal: signal });
    return required(ETag, 'ETag');
  }

  async completeUpload(
    upload: Api.S3Upload,
    parts: readonly Api.S3UploadedPart[],
    signal?: AbortSignal,
  ): Promise<void> {
    const Parts = parts.map(({ number, etag, sha256 }) => ({
      PartNumber: number,
      ETag: etag,
      ChecksumSHA256: sha256.toString('base64'),
    }));
    const command = new CompleteMultipartUploadCommand({
      ...this.named(upload),
      IfNoneMatch: '*',
      MultipartUpload: { Parts },
    });
    await this.client.send(command, { abortSignal: signal });
  }

  async abortUpload(upload: Api.S3Upload, signal?: AbortSignal): Promise<void> {
    await this.client.send(new AbortMultipartUploadCommand(this.named(upload)), { abortSignal: signal });
  }

  async openUploads(key: string, signal?: AbortSignal): Promise<readonly Api.S3OpenUpload[]> {
    const command = new ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: key });
    const { Uploads = [] } = await this.client.send(command, { abortSignal: signal });
    return Uploads.map(({ Key, UploadId, Initiated }) => ({
      key: required(Key, 'Key'),
      id: required(UploadId, 'UploadId'),
      initiatedAt: Initiated ?? new Date(0),
    }));
  }

  async getObject(
    key: string,
    range: { readonly offset: number; readonly length: number } | undefined,
    signal?: AbortSignal,
  ): Promise<Api.S3Body> {
    const Range = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: key, Range });
    const { Body, ContentLength, ContentRange } = await this.client.send(command, { abortSignal: signal });
    const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange ?? '') ?? [];
    return {
      length: required(ContentLength, 'ContentLength'),
      offset: first === undefined ? undefined : Number(first),
      objectSize: size === undefined ? undefined : Number(size),
      stream: Body as IncomingMessage,
      socket: (Body as IncomingMessage).socket,
    };
  }

  async headObject(key: string, signal?: AbortSignal): Promise<Api.S3ObjectFacts> {
    const command = new HeadObjectCommand({ Bucket: this.bucket, Key: key, ChecksumMode: 'ENABLED' });
    const found = await this.client.send(command, { abortSignal: signal });
    return {
      key,
      size: required(found.ContentLength, 'ContentLength'),
      modifiedAt: required(found.LastModified, 'LastModified'),
      sha256: digestOfChecksum(found.ChecksumSHA256) ?? found.Metadata?.[DIGEST_METADATA],
      copiedFrom: found.Metadata?.[SOURCE_ETAG_METADATA],
    };
  }

  async listObjects(request: Api.S3ListRequest, signal?: AbortSignal): Promise<Api.S3Page> {
    const command = new ListObjectsV2Command({
      Bucket: this.bucket,
      Prefix: request.prefix,
      StartAfter: request.startAfter,
      ContinuationToken: request.continuation,
      MaxKeys: request.maxKeys,
      // XML can't hold every character that a key can.
      EncodingType: 'url',
    });
    const {
      Contents = [],
      IsTruncated,
      NextContinuationToken,
    } = await this.client.send(command, { abortSignal: signal });
    return {
      objects: Contents.map(({ Key, Size, LastModified }) => ({
        key: decodeURIComponent(required(Key, 'Key').replaceAll('+', '%20')),
        size: required(Size, 'Size'),
        modifiedAt: required(LastModified, 'LastModified'),
      })),
      continuation: IsTruncated ? NextContinuationToken : undefined,
    };
  }

  async deleteObjects(keys: readonly string[], signal?: AbortSignal): Promise<readonly Api.S3DeleteFailure[]> {
    const command = new DeleteObjectsCommand({
      Bucket: this.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    });
    const { Errors = [] } = await this.client.send(command, { abortSignal: signal });
    return Errors.map(({ Key = '', Code = 'Unknown', Message = '' }) => ({ key: Key, code: Code, message: Message }));
  }

  close(): void {
    this.client.destroy();
  }

  private named(upload: Api.S3Upload): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.bucket, Key: upload.key, UploadId: upload.id };
  }
}

/** `base64` or `base64-parts`, as in `streams/digest.ts` but for the encoding. */
function digestOfChecksum(checksum: string | undefined): string | undefined {
  if (checksum === undefined) return undefined;
  const [base64 = '', parts] = checksum.split('-');
  return parts === undefined ? hexOf(base64) : `${hexOf(base64)}-${parts}`;
}

function hexOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) {
    throw new StorageError(
      `read the server's answer: it has no ${name}; check that 'endpoint' is an S3 server, not a proxy`,
    );
  }
  return value;
}
