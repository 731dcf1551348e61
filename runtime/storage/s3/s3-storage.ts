import { type IntegrityError, StorageError } from '../../errors';
import { partSizeOf, sha256 } from '../../streams/digest';
import type { PartBuffers } from '../../streams/part-buffers';
import { endsEarly, objectMissing } from '../object-errors';
import type { S3Api, S3BodyFacts, S3BucketApi, S3DeleteFailure, S3Page, S3RangeRead } from './s3-api';
import { receiveWhole } from './s3-body';
import type { S3Clock } from './s3-clock';
import { openLocks, type S3LockApi } from './locks/s3-locks';
import { S3Archive, type S3ArchiveApi } from './archive/s3-archive';
import { S3Copier } from './s3-copy';
import { explainS3Error } from './s3-errors';
import { isAbsent, isAlreadyThere, isPastEnd, mayHaveCommitted, s3FailureOf } from './s3-failure';
import { putInParts } from './s3-multipart';
import type { S3Requests } from './s3-requests';
import { type S3Location, serverOf } from './s3-url';
import {
  type Archive,
  type ByteSource,
  type LocatedObject,
  type ObjectLocks,
  type PutOptions,
  type PutResult,
  type RequestCounts,
  type Storage,
  type StoredObject,
} from '../storage';
import { checkKey } from '../storage-keys';

const DEFAULT_GET_LIMIT = 64 * 1024 * 1024;
const LIST_PAGE = 1000;
const DELETE_PAGE = 1000;

export interface S3StorageParts {
  readonly location: S3Location;
  readonly api: S3Api;
  readonly bucketApi: S3BucketApi;
  readonly lockApi: S3LockApi;
  readonly archiveApi: S3ArchiveApi;
  readonly largestCopy?: number;
  readonly requests: S3Requests;
  readonly clock: S3Clock;
  readonly buffers: PartBuffers;
  /** See `credentialSource`. */
  readonly credentials: string;
}

/** Objects in a bucket, below a prefix. */
export class S3Storage implements Storage {
  readonly url: string;
  readonly isServer = true;
  readonly archive: Archive;
  private readonly api: S3Api;
  private readonly copier: S3Copier;

  constructor(private readonly parts: S3StorageParts) {
    this.url = parts.location.url;
    this.api = parts.api;
    this.copier = new S3Copier({ ...parts, server: serverOf(parts.location) });
    this.archive = new S3Archive(parts.archiveApi, parts.requests, {
      fullKey: (key) => this.fullKey(key),
      explained: (action, work) => this.explained(action, work),
    });
  }

  get requests(): Readonly<RequestCounts> {
    return this.parts.requests.counts;
  }

  copies(source: ByteSource): boolean {
    return this.copier.takes(source);
  }

  put(key: string, source: ByteSource, { isFresh = false, inParts = false }: PutOptions = {}): Promise<PutResult> {
    return this.explained(`store '${key}'`, async () => {
      const fullKey = this.fullKey(key);
      const copied = this.copier.takes(source) ? await this.copier.copy(fullKey, source, isFresh) : undefined;
      if (copied) return copied;
      if (!inParts && source.size <= partSizeOf(source.size)) return this.putWhole(fullKey, source);
      const result = await putInParts(fullKey, source, {
        ...this.parts,
        holds: (...wanted) => this.holds(...wanted),
      });
      return { ...result, size: source.size };
    });
  }

  get(key: string, limit = DEFAULT_GET_LIMIT): Promise<Buffer> {
    return this.reading(key, () =>
      this.parts.requests.run('get', async (signal) => {
        const body = await this.api.getObject(this.fullKey(key), signal);
        return receiveWhole(body, { key, url: this.url, limit });
      }),
    );
  }

  async read(key: string, offset: number, into: Buffer): Promise<void> {
    if (into.length === 0) return this.checkEnd(key, offset);
    let received = 0;
    await this.reading(key, () =>
      // A repetition goes on where the connection broke: keys never change their bytes.
      this.parts.requests.run('get', (signal) => {
        const rest = into.subarray(received);
        return this.readRange(
          key,
          { offset: offset + received, into: rest, onReceived: (n) => (received += n) },
          signal,
        );
      }),
    );
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.explained(`look up '${key}'`, async () => {
      const facts = await this.headFull(this.fullKey(key));
      return facts && { ...facts, key };
    });
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<StoredObject> {
    const { prefix: base } = this.parts.location;
    const first = { prefix: base + prefix, startAfter: startAfter === '' ? undefined : base + startAfter };
    let page: S3Page | undefined;
    do {
      page = await this.listPage({ ...first, continuation: page?.continuation, maxKeys: LIST_PAGE });
      for (const object of page.objects) yield { ...object, key: object.key.slice(base.length) };
    } while (page.continuation !== undefined);
  }

  async delete(keys: readonly string[]): Promise<void> {
    const fullKeys = keys.map((key) => this.fullKey(key));
    for (let start = 0; start < fullKeys.length; start += DELETE_PAGE) {
      await this.deletePage(fullKeys.slice(start, start + DELETE_PAGE));
    }
  }

  async sync(): Promise<void> {
    // The server answers a put when the object is durable.
  }

  now(): Promise<Date> {
    return this.explained('ask the time', () => this.serverTime());
  }

  async close(): Promise<void> {
    this.api.close();
  }

  locate(key: string): Promise<LocatedObject | undefined> {
    return this.explained(`look up '${key}'`, async () => {
      const { bucketApi, location, requests } = this.parts;
      const fullKey = this.fullKey(key);
      const changed = (): Error => objectMissing(key, this.url);
      try {
        const found = await requests.run('head', (signal) => bucketApi.lookUp(fullKey, signal));
        const remote = { server: serverOf(location), bucket: location.bucket, key: fullKey, etag: found.etag, changed };
        return { ...found, key, remote };
      } catch (error) {
        if (isAbsent(s3FailureOf(error))) return undefined;
        throw error;
      }
    });
  }

  locks(): Promise<ObjectLocks | undefined> {
    const { lockApi: api, requests } = this.parts;
    return openLocks({
      api,
      requests,
      fullKey: (key) => this.fullKey(key),
      explained: (action, work) => this.explained(action, work),
    });
  }

  private async putWhole(fullKey: string, source: ByteSource): Promise<PutResult> {
    const { buffers, requests } = this.parts;
    const buffer = await buffers.lease(source.size, requests.signal);
    try {
      await source.read(0, buffer.bytes);
      const digest = sha256(buffer.bytes);
      const created = await this.create(fullKey, buffer.bytes, digest);
      return { created, size: source.size, sha256: digest.toString('hex') };
    } finally {
      buffer.release();
    }
  }

  /**
   * A repetition that finds the key taken may have met its own first attempt, whose answer got lost. It says `created` when an attempt may
   * have been committed and just our bytes are there. Should another writer have stored the same bytes meanwhile, that is harmless either way.
   */
  private async create(fullKey: string, bytes: Buffer, digest: Buffer): Promise<boolean> {
    let ambiguous = false;
    try {
      await this.parts.requests.run('put', (signal) => this.api.putObject(fullKey, bytes, digest, signal), {
        onFailure: (failure) => (ambiguous ||= mayHaveCommitted(failure)),
      });
      return true;
    } catch (error) {
      if (!isAlreadyThere(s3FailureOf(error))) throw error;
      return ambiguous && (await this.holds(fullKey, bytes.length, digest.toString('hex')));
    }
  }

  private async holds(fullKey: string, size: number, digest: string): Promise<boolean> {
    const facts = await this.headFull(fullKey);
    return facts?.size === size && facts.sha256 === digest;
  }

  private async headFull(fullKey: string): Promise<StoredObject | undefined> {
    try {
      return await this.parts.requests.run('head', (signal) => this.api.headObject(fullKey, signal));
    } catch (error) {
      if (isAbsent(s3FailureOf(error))) return undefined;
      throw error;
    }
  }

  private async readRange(
    key: string,
    range: Pick<S3RangeRead, 'offset' | 'into' | 'onReceived'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { offset, into } = range;
    const pastEnd = (size: number): IntegrityError => endsEarly(key, this.url, { offset, wanted: into.length, size });
    const check = (facts: S3BodyFacts): void => {
      if ((facts.offset ?? 0) === offset && facts.length === into.length) return;
      const size = facts.objectSize ?? facts.length;
      if (size < offset + into.length) throw pastEnd(size);
      throw new StorageError(`read '${key}' in '${this.url}': the server ignores byte ranges; use another server`);
    };
    try {
      await this.api.readRange({ ...range, key: this.fullKey(key), check }, signal);
    } catch (error) {
      const failure = s3FailureOf(error);
      throw isPastEnd(failure) ? pastEnd(failure.objectSize ?? 0) : error;
    }
  }

  private async checkEnd(key: string, offset: number): Promise<void> {
    const object = await this.head(key);
    if (!object) throw objectMissing(key, this.url);
    if (object.size < offset) throw endsEarly(key, this.url, { offset, wanted: 0, size: object.size });
  }

  private listPage(request: Parameters<S3Api['listObjects']>[0]): Promise<S3Page> {
    return this.explained(`list '${request.prefix}'`, () =>
      this.parts.requests.run('list', (signal) => this.api.listObjects(request, signal)),
    );
  }

  private deletePage(fullKeys: readonly string[]): Promise<void> {
    let left = fullKeys;
    return this.explained(`delete ${fullKeys.length} objects`, () =>
      this.parts.requests.run('delete', async (signal) => {
        const failures = await this.api.deleteObjects(left, signal);
        const real = failures.filter(({ code }) => code !== 'NoSuchKey');
        left = real.map(({ key }) => key);
        if (real[0]) throw deletionError(real[0]);
      }),
    );
  }

  private async serverTime(): Promise<Date> {
    const { clock, location, requests } = this.parts;
    const known = clock.now();
    if (known) return known;
    await requests.run('list', (signal) => this.api.listObjects({ prefix: location.prefix, maxKeys: 1 }, signal));
    return clock.now() ?? new Date();
  }

  private fullKey(key: string): string {
    checkKey(key, this.url);
    return this.parts.location.prefix + key;
  }

  private async reading<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.explained(`read '${key}'`, async () => {
      try {
        return await work();
      } catch (error) {
        if (isAbsent(s3FailureOf(error))) throw objectMissing(key, this.url);
        throw error;
      }
    });
  }

  private async explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    const { credentials, location } = this.parts;
    try {
      return await work();
    } catch (error) {
      throw explainS3Error(error, { action, credentials, location });
    }
  }
}

function deletionError({ key, code, message }: S3DeleteFailure): Error {
  return Object.assign(new Error(`'${key}': ${message}`), { name: code });
}
