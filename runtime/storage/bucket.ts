import type { ByteSource, RequestCounts, Thaw, ThawRequest } from './storage';

/** What a listing tells of an object in a bucket. */
export interface BucketObject {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly etag: string;
}

/** A bucket, or a prefix of one, that belongs to somebody else: it is only ever looked at. Keys are relative to the prefix. */
export interface Bucket {
  /** As the user would type it, without credentials. */
  readonly url: string;
  readonly requests: Readonly<RequestCounts>;
  /** How many bytes of objects were received so far. */
  readonly bytesRead: number;
  /** The names below the prefix up to the next `/`, each once. */
  folders(prefix: string): AsyncIterable<string>;
  /** In the order of their keys' UTF-8 bytes. */
  list(prefix: string): AsyncIterable<BucketObject>;
  /** A whole small object; undefined when it is absent. Throws `IntegrityError` when larger than `limit` bytes. */
  get(key: string, limit: number): Promise<{ readonly bytes: Buffer; readonly etag: string } | undefined>;
  /** The bytes of an object as it was listed. `changed` makes the error that is thrown when it isn't any more. */
  source(object: BucketObject, changed: () => Error): ByteSource;
  close(): Promise<void>;
}

/** What a listing of versions tells: a version of an object, or a delete marker. */
export interface ObjectVersion {
  readonly key: string;
  /** `null` (the text) for what was stored while versioning was off or suspended. */
  readonly id: string;
  readonly modifiedAt: Date;
  readonly isLatest: boolean;
  /** Undefined for a delete marker. */
  readonly content?: {
    readonly size: number;
    readonly etag: string;
    /** Such as `GLACIER`: it can't be read or copied unless it is thawed. */
    readonly archiveClass?: string;
  };
}

/** A bucket, or a prefix of one, with what lay there before. Nothing here deletes a version. Keys are relative to the prefix. */
export interface VersionedBucket {
  /** As the user would type it, without credentials. */
  readonly url: string;
  readonly requests: Readonly<RequestCounts>;
  versioning(): Promise<'enabled' | 'suspended' | 'off'>;
  /** Of each key one after the other, the newest first; markers may come apart from versions of the same time. */
  versions(prefix: string): AsyncIterable<ObjectVersion>;
  /** The bytes of a small version. */
  readVersion(version: ObjectVersion, limit: number): Promise<Buffer>;
  /** Makes it the current one again, by a copy that the server makes. */
  bringBack(version: ObjectVersion): Promise<void>;
  /** Whether the current object is a copy of the version, made by `bringBack`. */
  isBack(version: ObjectVersion): Promise<boolean>;
  /** How far a version in an archive class is; undefined when it can be read like any other. Listings show the class of a thawed one, too. */
  thawOf(version: ObjectVersion): Promise<Thaw | undefined>;
  /** Harmless when it was requested already. */
  thaw(version: ObjectVersion, request: ThawRequest): Promise<void>;
  /** Puts a delete marker over the key: its versions stay. */
  hide(key: string): Promise<void>;
  /** The server's clock. */
  now(): Promise<Date>;
  close(): Promise<void>;
}
