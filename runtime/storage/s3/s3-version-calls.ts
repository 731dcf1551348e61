import type { IncomingMessage } from 'node:http';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ObjectVersion as SdkVersion,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectVersion } from '../bucket';
import { archiveClassIn } from './archive/archive-calls';
import { required } from './required';
import { copySource, decoded, SOURCE_ETAG_METADATA } from './s3-bucket-calls';
import type { S3Body, S3Upload } from './s3-api';
import type { S3VersionApi, S3VersionMarker } from './s3-versions';

/** Looking at versions, copying them and putting delete markers, with the AWS SDK. A version ID goes into no deletion. */
export class SdkVersionApi implements S3VersionApi {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  async versioning(signal?: AbortSignal): Promise<'enabled' | 'suspended' | 'off'> {
    const command = new GetBucketVersioningCommand({ Bucket: this.bucket });
    const { Status } = await this.client.send(command, { abortSignal: signal });
    return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off';
  }

  async listVersions(
    prefix: string,
    marker: S3VersionMarker | undefined,
    signal?: AbortSignal,
  ): Promise<{ readonly versions: readonly ObjectVersion[]; readonly next?: S3VersionMarker }> {
    const command = new ListObjectVersionsCommand({
      Bucket: this.bucket,
      Prefix: prefix,
      KeyMarker: marker?.key,
      VersionIdMarker: marker?.id,
      MaxKeys: 1000,
      EncodingType: 'url',
    });
    const page = await this.client.send(command, { abortSignal: signal });
    const versions = (page.Versions ?? []).map((version) => ({ ...factsOf(version), content: contentOf(version) }));
    const next = page.IsTruncated
      ? { key: decoded(required(page.NextKeyMarker, 'NextKeyMarker')), id: page.NextVersionIdMarker }
      : undefined;
    return { versions: [...versions, ...(page.DeleteMarkers ?? []).map(factsOf)], next };
  }

  async getVersion(key: string, id: string, signal?: AbortSignal): Promise<S3Body> {
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: key, VersionId: id });
    const { Body, ContentLength } = await this.client.send(command, { abortSignal: signal });
    const stream = Body as IncomingMessage;
    return { length: required(ContentLength, 'ContentLength'), stream };
  }

  async copyVersion(
    { key, id }: ObjectVersion,
    { etag }: { readonly etag: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const command = new CopyObjectCommand({
      Bucket: this.bucket,
      Key: key,
      CopySource: copySource({ bucket: this.bucket, key, versionId: id }),
      MetadataDirective: 'REPLACE',
      Metadata: { [SOURCE_ETAG_METADATA]: etag },
    });
    await this.client.send(command, { abortSignal: signal });
  }

  async createUpload(
    { key }: ObjectVersion,
    { etag }: { readonly etag: string },
    signal?: AbortSignal,
  ): Promise<S3Upload> {
    const command = new CreateMultipartUploadCommand({
      Bucket: this.bucket,
      Key: key,
      Metadata: { [SOURCE_ETAG_METADATA]: etag },
    });
    const { UploadId } = await this.client.send(command, { abortSignal: signal });
    return { key, id: required(UploadId, 'UploadId') };
  }

  async completeUpload(
    { key, id }: S3Upload,
    parts: readonly { readonly number: number; readonly etag: string }[],
    signal?: AbortSignal,
  ): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: this.bucket,
      Key: key,
      UploadId: id,
      MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
    });
    await this.client.send(command, { abortSignal: signal });
  }

  async abortUpload({ key, id }: S3Upload, signal?: AbortSignal): Promise<void> {
    const command = new AbortMultipartUploadCommand({ Bucket: this.bucket, Key: key, UploadId: id });
    await this.client.send(command, { abortSignal: signal });
  }

  async hide(key: string, signal?: AbortSignal): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }), { abortSignal: signal });
  }
}

function factsOf({ Key, VersionId, LastModified, IsLatest }: SdkVersion): Omit<ObjectVersion, 'content'> {
  return {
    key: decoded(required(Key, 'Key')),
    id: required(VersionId, 'VersionId'),
    modifiedAt: required(LastModified, 'LastModified'),
    isLatest: IsLatest ?? false,
  };
}

function contentOf({ ETag, Size, StorageClass }: SdkVersion): ObjectVersion['content'] {
  return {
    etag: required(ETag, 'ETag'),
    size: required(Size, 'Size'),
    ...archiveClassIn(StorageClass),
  };
}
