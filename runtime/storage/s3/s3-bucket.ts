import type { Bucket, BucketObject } from '../bucket';
import type { ByteSource, RequestCounts } from '../storage';
import type { S3BucketApi } from './s3-api';
import { receive, receiveWhole } from './s3-body';
import { explainedInBucket } from './s3-errors';
import { isAbsent, isAlreadyThere, isPastEnd, s3FailureOf } from './s3-failure';
import type { S3Requests } from './s3-requests';
import { type S3Location, serverOf } from './s3-url';

const LIST_PAGE = 1000;

export interface S3BucketParts {
  readonly location: S3Location;
  readonly api: S3BucketApi;
  readonly requests: S3Requests;
  /** See `credentialSource`. */
  readonly credentials: string;
  readonly close: () => void;
}

/** A bucket that is only looked at. */
export class S3Bucket implements Bucket {
  readonly url: string;
  private received = 0;

  constructor(private readonly parts: S3BucketParts) {
    this.url = parts.location.url;
  }

  get requests(): Readonly<RequestCounts> {
    return this.parts.requests.counts;
  }

  get bytesRead(): number {
    return this.received;
  }

  async *folders(prefix: string): AsyncIterable<string> {
    const base = this.parts.location.prefix + prefix;
    let continuation: string | undefined;
    do {
      const request = { prefix: base, continuation, maxKeys: LIST_PAGE };
      const page = await this.run('list', `list '${base}'`, (signal) => this.parts.api.listFolders(request, signal));
      for (const folder of page.folders) yield folder.slice(base.length).replace(/\/$/, '');
      continuation = page.continuation;
    } while (continuation !== undefined);
  }

  async *list(prefix: string): AsyncIterable<BucketObject> {
    const { prefix: base } = this.parts.location;
    let continuation: string | undefined;
    do {
      const request = { prefix: base + prefix, continuation, maxKeys: LIST_PAGE };
      const page = await this.run('list', `list '${base}${prefix}'`, (signal) =>
        this.parts.api.listWithEtags(request, signal),
      );
      for (const object of page.objects) yield { ...object, key: object.key.slice(base.length) };
      continuation = page.continuation;
    } while (continuation !== undefined);
  }

  async get(key: string, limit: number): Promise<{ readonly bytes: Buffer; readonly etag: string } | undefined> {
    return this.explained(`read '${key}'`, async () => {
      try {
        return await this.parts.requests.run('get', (signal) => this.getWhole(key, limit, signal));
      } catch (error) {
        if (isAbsent(s3FailureOf(error))) return undefined;
        throw error;
      }
    });
  }

  source(object: BucketObject, changed: () => Error): ByteSource {
    const { location } = this.parts;
    const key = location.prefix + object.key;
    const { etag, size } = object;
    return {
      size,
      remote: { server: serverOf(location), bucket: location.bucket, key, etag, changed },
      read: (offset, into) => this.read({ key, etag }, { offset, into, changed }),
    };
  }

  async close(): Promise<void> {
    this.parts.close();
  }

  private async getWhole(
    key: string,
    limit: number,
    signal?: AbortSignal,
  ): Promise<{ readonly bytes: Buffer; readonly etag: string }> {
    const body = await this.parts.api.getIfMatch(this.parts.location.prefix + key, {}, signal);
    const bytes = await receiveWhole(body, { key, url: this.url, limit }, (count) => (this.received += count));
    return { bytes, etag: body.etag };
  }

  private async read(
    { key, etag }: { readonly key: string; readonly etag: string },
    { offset, into, changed }: { readonly offset: number; readonly into: Buffer; readonly changed: () => Error },
  ): Promise<void> {
    if (into.length === 0) return;
    const isChange = (error: unknown): boolean => {
      const failure = s3FailureOf(error);
      return isAbsent(failure) || isAlreadyThere(failure) || isPastEnd(failure);
    };
    await this.explained(`read '${key}'`, () =>
      this.parts.requests.run('get', async (signal) => {
        const range = { offset, length: into.length };
        const body = await this.parts.api.getIfMatch(key, { etag, range }, signal).catch((error: unknown) => {
          throw isChange(error) ? changed() : error;
        });
        if (body.length !== into.length) {
          body.stream.destroy();
          throw changed();
        }
        await receive(body, into, (count) => (this.received += count));
      }),
    );
  }

  private run<T>(kind: keyof RequestCounts, action: string, send: (signal?: AbortSignal) => Promise<T>): Promise<T> {
    return this.explained(action, () => this.parts.requests.run(kind, send));
  }

  private explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    return explainedInBucket(this.parts, action, work);
  }
}
