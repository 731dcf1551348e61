import type { ObjectVersion, VersionedBucket } from '../bucket';
import type { RequestCounts, Thaw, ThawRequest } from '../storage';
import { S3Archive, type S3ArchiveApi } from './archive/s3-archive';
import { forEachConcurrently } from '../../streams/concurrency';
import type { S3Body, S3BucketApi, S3Upload } from './s3-api';
import { receiveWhole } from './s3-body';
import type { S3Clock } from './s3-clock';
import { explainedInBucket } from './s3-errors';
import { isAbsent, s3FailureOf } from './s3-failure';
import type { S3Requests } from './s3-requests';
import type { S3Location } from './s3-url';

const GIB = 1024 ** 3;
const LARGEST_COPY = 5 * GIB;
const COPY_PART = GIB;
const PARTS_AT_ONCE = 4;

/** Where a listing of versions goes on. */
export interface S3VersionMarker {
  readonly key: string;
  readonly id?: string;
}

/** Single requests, as in `S3Api`; none of them can delete a version. */
export interface S3VersionApi {
  versioning(signal?: AbortSignal): Promise<'enabled' | 'suspended' | 'off'>;
  listVersions(
    prefix: string,
    marker: S3VersionMarker | undefined,
    signal?: AbortSignal,
  ): Promise<{ readonly versions: readonly ObjectVersion[]; readonly next?: S3VersionMarker }>;
  getVersion(key: string, id: string, signal?: AbortSignal): Promise<S3Body>;
  /** Over whatever lies there, with the ETag of the version in its metadata. */
  copyVersion(version: ObjectVersion, source: { readonly etag: string }, signal?: AbortSignal): Promise<void>;
  /** As `copyVersion`, of what is too large for it. */
  createUpload(version: ObjectVersion, source: { readonly etag: string }, signal?: AbortSignal): Promise<S3Upload>;
  completeUpload(
    upload: S3Upload,
    parts: readonly { readonly number: number; readonly etag: string }[],
    signal?: AbortSignal,
  ): Promise<void>;
  abortUpload(upload: S3Upload, signal?: AbortSignal): Promise<void>;
  /** Without a version ID: puts a delete marker. */
  hide(key: string, signal?: AbortSignal): Promise<void>;
}

export interface S3VersionsParts {
  readonly location: S3Location;
  readonly api: S3VersionApi;
  readonly bucketApi: S3BucketApi;
  readonly archiveApi: S3ArchiveApi;
  readonly requests: S3Requests;
  readonly clock: S3Clock;
  readonly credentials: string;
  /** @default 5 GiB, the most that S3 copies at once */
  readonly largestCopy?: number;
  readonly close: () => void;
}

/** A bucket whose earlier versions can be brought back. */
export class S3Versions implements VersionedBucket {
  readonly url: string;
  private readonly archive: S3Archive;

  constructor(private readonly parts: S3VersionsParts) {
    this.url = parts.location.url;
    this.archive = new S3Archive(parts.archiveApi, parts.requests, {
      fullKey: (key) => this.fullKey(key),
      explained: (action, work) => this.explained(action, work),
    });
  }

  get requests(): Readonly<RequestCounts> {
    return this.parts.requests.counts;
  }

  versioning(): Promise<'enabled' | 'suspended' | 'off'> {
    return this.run('head', 'ask for the versioning', (signal) => this.parts.api.versioning(signal));
  }

  async *versions(prefix: string): AsyncIterable<ObjectVersion> {
    const { prefix: base } = this.parts.location;
    let marker: S3VersionMarker | undefined;
    do {
      const from = marker;
      const page = await this.run('list', `list the versions of '${base}${prefix}'`, (signal) =>
        this.parts.api.listVersions(base + prefix, from, signal),
      );
      for (const version of page.versions) yield { ...version, key: version.key.slice(base.length) };
      marker = page.next;
    } while (marker !== undefined);
  }

  readVersion({ key, id }: ObjectVersion, limit: number): Promise<Buffer> {
    return this.run('get', `read version '${id}' of '${key}'`, async (signal) => {
      const body = await this.parts.api.getVersion(this.fullKey(key), id, signal);
      return receiveWhole(body, { key, url: this.url, limit });
    });
  }

  async bringBack(version: ObjectVersion): Promise<void> {
    const { content } = version;
    if (!content) throw new Error(`bring '${version.key}' back: '${version.id}' is a delete marker`);
    const full = { ...version, key: this.fullKey(version.key) };
    if (content.size > (this.parts.largestCopy ?? LARGEST_COPY)) return this.copyInParts(full, content);
    await this.run('put', `bring '${version.key}' back`, (signal) => this.parts.api.copyVersion(full, content, signal));
  }

  async isBack({ key, content }: ObjectVersion): Promise<boolean> {
    return this.explained(`look up '${key}'`, async () => {
      try {
        const { bucketApi, requests } = this.parts;
        const found = await requests.run('head', (signal) => bucketApi.lookUp(this.fullKey(key), signal));
        return found.copiedFrom === content?.etag && found.size === content?.size;
      } catch (error) {
        if (isAbsent(s3FailureOf(error))) return false;
        throw error;
      }
    });
  }

  thawOf({ key, id }: ObjectVersion): Promise<Thaw | undefined> {
    return this.archive.stateOf(key, id);
  }

  thaw({ key, id }: ObjectVersion, request: ThawRequest): Promise<void> {
    return this.archive.thaw(key, request, id);
  }

  hide(key: string): Promise<void> {
    return this.run('delete', `put a delete marker over '${key}'`, (signal) =>
      this.parts.api.hide(this.fullKey(key), signal),
    );
  }

  async now(): Promise<Date> {
    if (!this.parts.clock.now()) await this.versioning();
    return this.parts.clock.now() ?? new Date();
  }

  async close(): Promise<void> {
    this.parts.close();
  }

  private async copyInParts(version: ObjectVersion, { size, etag }: { size: number; etag: string }): Promise<void> {
    const { api, bucketApi, location, requests } = this.parts;
    const source = { bucket: location.bucket, key: version.key, versionId: version.id };
    const numbers = Array.from({ length: Math.ceil(size / COPY_PART) }, (_, index) => index + 1);
    await this.explained(`bring '${version.key}' back`, async () => {
      const upload = await requests.run('multipart', (signal) => api.createUpload(version, { etag }, signal));
      const done: { number: number; etag: string }[] = [];
      try {
        const copy = async (number: number): Promise<void> => {
          const offset = (number - 1) * COPY_PART;
          const part = { number, offset, length: Math.min(COPY_PART, size - offset) };
          const made = await requests.run('multipart', (signal) =>
            bucketApi.copyPart(upload, part, { source, signal }),
          );
          done[number - 1] = { number, etag: made.etag };
        };
        await forEachConcurrently(numbers, PARTS_AT_ONCE, copy, requests.signal);
        await requests.run('multipart', (signal) => api.completeUpload(upload, done, signal));
      } catch (error) {
        await Promise.allSettled([requests.run('multipart', (signal) => api.abortUpload(upload, signal))]);
        throw error;
      }
    });
  }

  private fullKey(key: string): string {
    return this.parts.location.prefix + key;
  }

  private run<T>(kind: keyof RequestCounts, action: string, send: (signal?: AbortSignal) => Promise<T>): Promise<T> {
    return this.explained(action, () => this.parts.requests.run(kind, send));
  }

  private explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    return explainedInBucket(this.parts, action, work);
  }
}
