import type { Readable } from 'node:stream';

export interface S3Upload {
  readonly key: string;
  readonly id: string;
}

export interface S3OpenUpload extends S3Upload {
  readonly initiatedAt: Date;
}

export interface S3CreateOptions {
  /** ETag of what the server copies into it. @default - it is sent */
  readonly copiedFrom?: string;
  readonly signal?: AbortSignal;
}

/** What a server answered to one part. */
export interface S3UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly sha256: Buffer;
}

/** Of a body, as announced, not yet received. */
export interface S3BodyFacts {
  readonly length: number;
  /** Of the whole object, where the answer says so. */
  readonly objectSize?: number;
  /** Of the first byte, where the server answered with a part of the object. */
  readonly offset?: number;
}

export interface S3Body extends S3BodyFacts {
  readonly stream: Readable;
}

/** A range of an object, as long as `into` is, to be read into it. */
export interface S3RangeRead {
  readonly key: string;
  readonly offset: number;
  readonly into: Buffer;
  /** Throws when what was announced isn't the range; called before any of it is received. */
  readonly check: (facts: S3BodyFacts) => void;
  /** So many bytes more are there, in order, so that a repetition can go on where a connection broke. */
  readonly onReceived: (bytes: number) => void;
}

export interface S3ObjectFacts {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly sha256?: string;
  /** ETag of what the server copied it from. */
  readonly copiedFrom?: string;
  /** See `StoredObject.archiveClass`. */
  readonly archiveClass?: string;
}

/** An object as a listing, or a read of it, shows it. */
export interface S3ListedObject extends S3ObjectFacts {
  readonly etag: string;
}

/** One that another one is copied from. */
export interface S3CopySource {
  readonly bucket: string;
  readonly key: string;
  /** @default - whatever lies there */
  readonly etag?: string;
  /** @default - the current one */
  readonly versionId?: string;
}

export interface S3FolderPage {
  readonly folders: readonly string[];
  readonly continuation?: string;
}

/** What lies in a bucket beside what this program stores, and what the server does with it by itself. Single requests, as in `S3Api`. */
export interface S3BucketApi {
  /** Resolves to the SHA-256 of the whole object where the answer has one. The server may ignore that the key must be absent. */
  copyObject(key: string, source: S3CopySource, signal?: AbortSignal): Promise<string | undefined>;
  /** With its ETag, and the ETag of what it was copied from. */
  lookUp(key: string, signal?: AbortSignal): Promise<S3ListedObject>;
  getIfMatch(
    key: string,
    at: { readonly etag?: string; readonly range?: { readonly offset: number; readonly length: number } },
    signal?: AbortSignal,
  ): Promise<S3Body & { readonly etag: string }>;
  listWithEtags(
    request: S3ListRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly objects: readonly S3ListedObject[]; readonly continuation?: string }>;
  /** Resolves to the part's ETag, and its SHA-256 where the answer has one. */
  copyPart(
    upload: S3Upload,
    part: { readonly number: number; readonly offset: number; readonly length: number },
    from: { readonly source: S3CopySource; readonly signal?: AbortSignal },
  ): Promise<{ readonly etag: string; readonly sha256?: Buffer }>;
  /** The common prefixes below `prefix` up to the next `/`. */
  listFolders(request: S3ListRequest, signal?: AbortSignal): Promise<S3FolderPage>;
}

export interface S3Page {
  readonly objects: readonly S3ObjectFacts[];
  readonly continuation?: string;
}

export interface S3ListRequest {
  readonly prefix: string;
  readonly startAfter?: string;
  readonly continuation?: string;
  readonly maxKeys: number;
}

export interface S3DeleteFailure {
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Single requests, each sent once: no retries, no waiting, keys in full. What they throw is read by `s3FailureOf`.
 * All that needs the SDK is behind this interface.
 */
export interface S3Api {
  /** Only if the key is absent. */
  putObject(key: string, body: Buffer, sha256: Buffer, signal?: AbortSignal): Promise<void>;
  createUpload(key: string, options?: S3CreateOptions): Promise<S3Upload>;
  /** Resolves to the part's ETag. */
  uploadPart(upload: S3Upload, part: Omit<S3UploadedPart, 'etag'>, body: Buffer, signal?: AbortSignal): Promise<string>;
  /** Only if the key is absent. */
  completeUpload(upload: S3Upload, parts: readonly S3UploadedPart[], signal?: AbortSignal): Promise<void>;
  abortUpload(upload: S3Upload, signal?: AbortSignal): Promise<void>;
  openUploads(key: string, signal?: AbortSignal): Promise<readonly S3OpenUpload[]>;
  getObject(key: string, signal?: AbortSignal): Promise<S3Body>;
  readRange(read: S3RangeRead, signal?: AbortSignal): Promise<void>;
  headObject(key: string, signal?: AbortSignal): Promise<S3ObjectFacts>;
  listObjects(request: S3ListRequest, signal?: AbortSignal): Promise<S3Page>;
  /** Resolves to those that could not be deleted. */
  deleteObjects(keys: readonly string[], signal?: AbortSignal): Promise<readonly S3DeleteFailure[]>;
  close(): void;
}
