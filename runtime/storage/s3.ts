import type { IncomingMessage } from 'node:http';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { partBuffers, type PartBuffers } from '../streams/part-buffers';
import { SdkLockApi } from './s3/locks/s3-lock-calls';
import { DirectReader, type SignedTarget } from './s3/direct/direct-reader';
import { DirectSender } from './s3/direct/direct-sender';
import { answerWith } from './s3/direct/sdk-answer';
import { archiveClassIn, SdkArchiveApi } from './s3/archive/archive-calls';
import { listPage } from './s3/lists/list-call';
import { required } from './s3/required';
import type * as Api from './s3/s3-api';
import { contentRangeOf, receive } from './s3/s3-body';
import { S3Bucket } from './s3/s3-bucket';
import { createS3Client, serverOptions } from './s3/s3-client';
import { S3Clock } from './s3/s3-clock';
import { credentialSource } from './s3/s3-errors';
import { S3Requests, type S3RequestsOptions } from './s3/s3-requests';
import { observeEndpoint, signedTarget } from './s3/s3-signing';
import { S3Storage } from './s3/s3-storage';
import { parseS3Url, type S3Location } from './s3/s3-url';
import { S3Versions } from './s3/s3-versions';
import { decoded, SdkBucketApi, SOURCE_ETAG_METADATA } from './s3/s3-bucket-calls';
import type { Bucket, VersionedBucket } from './bucket';
import { SdkVersionApi } from './s3/s3-version-calls';
import type { Storage } from './storage';

const DIGEST_METADATA = 'sha256';

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
  const client = createS3Client(location, clock, serverOptions(location));
  return new S3Storage({
    location,
    clock,
    ...createApis(client, location, clock),
    lockApi: new SdkLockApi(client, location.bucket),
    archiveApi: new SdkArchiveApi(client, location.bucket),
    requests: new S3Requests(options),
    buffers: options.buffers ?? partBuffers,
    largestCopy: options.largestCopy,
    credentials: credentialSource(location, process.env),
  });
}

/** A bucket that is only looked at. `url` as in `parseS3Url`. */
export function openS3Bucket(url: string, options: S3RequestsOptions = {}): Bucket {
  const location = parseS3Url(url);
  const clock = new S3Clock();
  const client = createS3Client(location, clock, serverOptions(location));
  const direct = new DirectSender({ target: targetOf(client, location), clock });
  return new S3Bucket({
    location,
    api: new SdkBucketApi(client, location.bucket, direct),
    requests: new S3Requests(options),
    credentials: credentialSource(location, process.env),
    close: () => {
      direct.close();
      client.destroy();
    },
  });
}

/** A bucket with its earlier versions. `url` as in `parseS3Url`. */
export function openS3Versions(
  url: string,
  options: Pick<S3StorageOptions, 'signal' | 'sleep' | 'largestCopy'> = {},
): VersionedBucket {
  const location = parseS3Url(url);
  const clock = new S3Clock();
  const client = createS3Client(location, clock, serverOptions(location));
  return new S3Versions({
    location,
    clock,
    api: new SdkVersionApi(client, location.bucket),
    bucketApi: new SdkBucketApi(client, location.bucket),
    archiveApi: new SdkArchiveApi(client, location.bucket),
    requests: new S3Requests(options),
    credentials: credentialSource(location, process.env),
    largestCopy: options.largestCopy,
    close: () => client.destroy(),
  });
}

function createApis(
  client: S3Client,
  location: S3Location,
  clock: S3Clock,
): { readonly api: Api.S3Api; readonly bucketApi: Api.S3BucketApi } {
  const target = targetOf(client, location);
  const sender = new DirectSender({ target, clock });
  const bucketApi = new SdkBucketApi(client, location.bucket, sender);
  const direct = { reader: new DirectReader({ target, clock }), sender };
  return { api: new SdkS3Api(client, location.bucket, { ...direct, bucketApi }), bucketApi };
}

function targetOf(client: S3Client, location: S3Location): () => SignedTarget | undefined {
  const endpoint = observeEndpoint(client);
  return () => {
    const known = endpoint();
    return known && signedTarget(client, known, serverOptions(location));
  };
}

class SdkS3Api implements Api.S3Api {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly direct: {
      readonly reader: DirectReader;
      readonly sender: DirectSender;
      readonly bucketApi: SdkBucketApi;
    },
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

  async createUpload(key: string, { copiedFrom, signal }: Api.S3CreateOptions = {}): Promise<Api.S3Upload> {
    const command = new CreateMultipartUploadCommand({
      Bucket: this.bucket,
      Key: key,
      ChecksumAlgorithm: 'SHA256',
      Metadata: copiedFrom === undefined ? undefined : { [SOURCE_ETAG_METADATA]: copiedFrom },
    });
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

  async getObject(key: string, signal?: AbortSignal): Promise<Api.S3Body> {
    return this.body(new GetObjectCommand({ Bucket: this.bucket, Key: key }), signal);
  }

  async readRange(read: Api.S3RangeRead, signal?: AbortSignal): Promise<void> {
    const result = await this.direct.reader.read(read, signal);
    if (result === 'read') return;
    const { key, offset, into, check, onReceived } = read;
    const Range = `bytes=${offset}-${offset + into.length - 1}`;
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: key, Range });
    if (result !== 'unknown') answerWith(command, result);
    const body = await this.body(command, signal);
    try {
      check(body);
    } catch (error) {
      body.stream.destroy();
      throw error;
    }
    await receive(body, into, onReceived);
  }

  async headObject(key: string, signal?: AbortSignal): Promise<Api.S3ObjectFacts> {
    const { size, modifiedAt, sha256, copiedFrom, archiveClass } = await this.direct.bucketApi.lookUp(key, signal);
    return { key, size, modifiedAt, sha256, copiedFrom, ...(archiveClass === undefined ? {} : { archiveClass }) };
  }

  async listObjects(request: Api.S3ListRequest, signal?: AbortSignal): Promise<Api.S3Page> {
    const { prefix, startAfter, continuation, maxKeys } = request;
    const page = { StartAfter: startAfter, ContinuationToken: continuation, MaxKeys: maxKeys };
    const found = await listPage(this.client, { Bucket: this.bucket, Prefix: prefix, ...page }, signal);
    return {
      objects: found.objects.map(({ key, size, modifiedAt, storageClass }) => ({
        key: decoded(key),
        size,
        modifiedAt,
        ...archiveClassIn(storageClass),
      })),
      continuation: found.continuation,
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
    this.direct.reader.close();
    this.direct.sender.close();
    this.client.destroy();
  }

  private async body(command: GetObjectCommand, signal: AbortSignal | undefined): Promise<Api.S3Body> {
    const { Body, ContentLength, ContentRange } = await this.client.send(command, { abortSignal: signal });
    const length = required(ContentLength, 'ContentLength');
    return { length, ...contentRangeOf(ContentRange), stream: Body as IncomingMessage };
  }

  private named(upload: Api.S3Upload): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.bucket, Key: upload.key, UploadId: upload.id };
  }
}
