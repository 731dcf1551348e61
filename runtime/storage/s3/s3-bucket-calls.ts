import type { IncomingMessage } from 'node:http';
import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  GetObjectCommand,
  HeadObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import { archiveClassIn } from './archive/archive-calls';
import type { DirectSender, WholeAnswer } from './direct/direct-sender';
import { answerWith } from './direct/sdk-answer';
import { listPage } from './lists/list-call';
import type { ListPage } from './lists/list-page';
import { required } from './required';
import type * as Api from './s3-api';

/** The ETag of what an object was copied from: it has another one itself where that was sent in parts. */
export const SOURCE_ETAG_METADATA = 'source-etag';

/** Looking at a bucket and copying within a server, with the AWS SDK. */
export class SdkBucketApi implements Api.S3BucketApi {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    /** @default - all goes through the SDK */
    private readonly direct?: DirectSender,
  ) {}

  async copyObject(key: string, source: Api.S3CopySource, signal?: AbortSignal): Promise<string | undefined> {
    const input: CopyObjectCommandInput = {
      Bucket: this.bucket,
      Key: key,
      CopySource: copySource(source),
      CopySourceIfMatch: source.etag,
      IfNoneMatch: '*',
      ChecksumAlgorithm: 'SHA256',
      MetadataDirective: 'REPLACE',
      // With those of the source it would take rights on tags, and a repository has no use for them.
      TaggingDirective: 'REPLACE',
      Metadata: source.etag === undefined ? {} : { [SOURCE_ETAG_METADATA]: source.etag },
    };
    const command = new CopyObjectCommand(input);
    const answer = await this.direct?.send({ method: 'PUT', key, headers: copyHeaders(source) }, signal);
    // An error may come with status 200, when the server had begun to answer before.
    const text = answer?.status === 200 ? answer.body.toString('latin1') : '';
    if (answer && text.includes('<CopyObjectResult') && !text.includes('<Error'))
      return hexOf(checksumIn(text) ?? answer.headers['x-amz-checksum-sha256']);
    if (answer) answerWith(command, answer);
    const { CopyObjectResult } = await this.client.send(command, { abortSignal: signal });
    return hexOf(CopyObjectResult?.ChecksumSHA256);
  }

  async copyPart(
    upload: Api.S3Upload,
    { number, offset, length }: { readonly number: number; readonly offset: number; readonly length: number },
    { source, signal }: { readonly source: Api.S3CopySource; readonly signal?: AbortSignal },
  ): Promise<{ readonly etag: string; readonly sha256?: Buffer }> {
    const command = new UploadPartCopyCommand({
      Bucket: this.bucket,
      Key: upload.key,
      UploadId: upload.id,
      PartNumber: number,
      CopySource: copySource(source),
      CopySourceIfMatch: source.etag,
      CopySourceRange: `bytes=${offset}-${offset + length - 1}`,
    });
    const { CopyPartResult } = await this.client.send(command, { abortSignal: signal });
    const checksum = CopyPartResult?.ChecksumSHA256;
    return {
      etag: required(CopyPartResult?.ETag, 'ETag'),
      sha256: checksum === undefined ? undefined : Buffer.from(checksum, 'base64'),
    };
  }

  async lookUp(key: string, signal?: AbortSignal): Promise<Api.S3ListedObject> {
    const command = new HeadObjectCommand({ Bucket: this.bucket, Key: key, ChecksumMode: 'ENABLED' });
    const headers = { 'x-amz-checksum-mode': 'ENABLED' };
    const answer = await this.direct?.send({ method: 'HEAD', key, headers }, signal);
    const direct = answer?.status === 200 ? factsIn(key, answer) : undefined;
    if (direct) return direct;
    if (answer) answerWith(command, answer);
    const found = await this.client.send(command, { abortSignal: signal });
    return {
      key,
      size: required(found.ContentLength, 'ContentLength'),
      modifiedAt: required(found.LastModified, 'LastModified'),
      etag: required(found.ETag, 'ETag'),
      sha256: hexOf(found.ChecksumSHA256) ?? found.Metadata?.['sha256'],
      copiedFrom: found.Metadata?.[SOURCE_ETAG_METADATA],
      ...archiveClassIn(found.StorageClass),
    };
  }

  async getIfMatch(
    key: string,
    { etag, range }: { readonly etag?: string; readonly range?: { readonly offset: number; readonly length: number } },
    signal?: AbortSignal,
  ): Promise<Api.S3Body & { readonly etag: string }> {
    const command = new GetObjectCommand({
      Bucket: this.bucket,
      Key: key,
      IfMatch: etag,
      Range: range && `bytes=${range.offset}-${range.offset + range.length - 1}`,
    });
    if (range === undefined && etag === undefined) {
      const answer = await this.direct?.send({ method: 'GET', key, headers: {} }, signal);
      const { etag: found } = answer?.headers ?? {};
      if (answer?.status === 200 && found !== undefined)
        return { length: answer.body.length, etag: found, stream: Readable.from([answer.body]) };
      if (answer) answerWith(command, answer);
    }
    const { Body, ContentLength, ETag } = await this.client.send(command, { abortSignal: signal });
    return {
      length: required(ContentLength, 'ContentLength'),
      etag: required(ETag, 'ETag'),
      stream: Body as IncomingMessage,
    };
  }

  async listWithEtags(
    request: Api.S3ListRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly objects: readonly Api.S3ListedObject[]; readonly continuation?: string }> {
    const { objects, continuation } = await this.list(request, undefined, signal);
    return { objects: objects.map((object) => ({ ...object, key: decoded(object.key) })), continuation };
  }

  async listFolders(request: Api.S3ListRequest, signal?: AbortSignal): Promise<Api.S3FolderPage> {
    const { folders, continuation } = await this.list(request, '/', signal);
    return { folders: folders.map(decoded), continuation };
  }

  private list(
    { prefix, startAfter, continuation, maxKeys }: Api.S3ListRequest,
    delimiter: string | undefined,
    signal?: AbortSignal,
  ): Promise<ListPage> {
    const page = { StartAfter: startAfter, ContinuationToken: continuation, MaxKeys: maxKeys };
    return listPage(this.client, { Bucket: this.bucket, Prefix: prefix, Delimiter: delimiter, ...page }, signal);
  }
}

export function copySource({ bucket, key, versionId }: Api.S3CopySource): string {
  const path = `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  return versionId === undefined ? path : `${path}?versionId=${encodeURIComponent(versionId)}`;
}

function copyHeaders(source: Api.S3CopySource): Record<string, string> {
  const { etag } = source;
  return {
    'content-length': '0',
    'if-none-match': '*',
    'x-amz-checksum-algorithm': 'SHA256',
    'x-amz-copy-source': copySource(source),
    'x-amz-metadata-directive': 'REPLACE',
    // Tags aren't taken along, as no command may read or put them.
    'x-amz-tagging-directive': 'REPLACE',
    ...(etag === undefined ? {} : { 'x-amz-copy-source-if-match': etag, [`x-amz-meta-${SOURCE_ETAG_METADATA}`]: etag }),
  };
}

/** AWS says it here, MinIO in a header. */
function checksumIn(copyResult: string): string | undefined {
  return /<ChecksumSHA256>([^<]+)<\/ChecksumSHA256>/.exec(copyResult)?.[1];
}

/** Undefined when something is missing, which the SDK then says. */
function factsIn(key: string, { headers }: WholeAnswer): Api.S3ListedObject | undefined {
  const { 'content-length': length, 'last-modified': modified, etag } = headers;
  if (length === undefined || modified === undefined || etag === undefined) return undefined;
  return {
    key,
    size: Number(length),
    modifiedAt: new Date(modified),
    etag,
    sha256: hexOf(headers['x-amz-checksum-sha256']) ?? headers['x-amz-meta-sha256'],
    copiedFrom: headers[`x-amz-meta-${SOURCE_ETAG_METADATA}`],
    ...archiveClassIn(headers['x-amz-storage-class']),
  };
}

/** Base64 with the number of parts behind it, as in the header, to hexadecimal. */
function hexOf(checksum: string | undefined): string | undefined {
  if (checksum === undefined) return undefined;
  const [base64 = '', parts] = checksum.split('-');
  const hex = Buffer.from(base64, 'base64').toString('hex');
  return parts === undefined ? hex : `${hex}-${parts}`;
}

export function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll('+', '%20'));
}
