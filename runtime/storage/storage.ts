/**
 * Bytes of a known number that can be read in any order: what `put` takes and what parquet readers take.
 * `read` throws when it can't fill the buffer, so a short file is never stored as if it were whole.
 */
export interface ByteSource {
  readonly size: number;
  /** Where these very bytes lie on a server: a storage there copies them without sending them through here. */
  readonly remote?: RemoteObject;
  read(offset: number, into: Buffer): Promise<void>;
}

/** Bytes that are here already. */
export function bytesInMemory(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, into) => {
      bytes.copy(into, 0, offset, offset + into.length);
      return Promise.resolve();
    },
  };
}

/** An object that its server can copy. */
export interface RemoteObject {
  /** Server, region and credentials in one text: where it is the same, the server can copy. */
  readonly server: string;
  readonly bucket: string;
  /** In full. */
  readonly key: string;
  /** Copied only while it is this. Equal ETags of one key mean equal bytes. */
  readonly etag: string;
  /** What to throw when it is gone, or something else by now. */
  changed(): Error;
}

/** What a storage knows of an object without reading its bytes. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** By the storage's own clock. */
  readonly modifiedAt: Date;
  /** See `streams/digest.ts`; absent in listings, and where the server doesn't keep it. */
  readonly sha256?: string;
  /** ETag of what a server copied it from. @default - it was sent */
  readonly copiedFrom?: string;
  /** Such as `GLACIER`: it can't be read or copied before it is thawed. @default - it can be read */
  readonly archiveClass?: string;
}

/** How far an object in an archive class is on its way to be read. */
export type ThawState = 'archived' | 'thawing' | 'thawed';

export interface Thaw {
  readonly state: ThawState;
  /** When what is thawed can't be read any more. @default - it isn't thawed, or nobody says */
  readonly until?: Date;
}

export interface ThawRequest {
  readonly tier: 'standard' | 'bulk' | 'expedited';
  /** How long it can be read once it is thawed. */
  readonly days: number;
}

/** What a storage knows of objects that it keeps where they can't be read at once. */
export interface Archive {
  /** Undefined when the object is absent, or in no archive class by now. */
  stateOf(key: string): Promise<Thaw | undefined>;
  /** Harmless when it was requested already. */
  thaw(key: string, request: ThawRequest): Promise<void>;
}

export interface PutOptions {
  /** Nobody can have stored anything under the key, so a copy needs no look at it. @default false */
  readonly isFresh?: boolean;
  /** Sent to a server in parts, however small it is. @default - by its size */
  readonly inParts?: boolean;
}

export interface PutResult {
  /** False when the key existed already: nothing was written, and what is there may differ from what was given. */
  readonly created: boolean;
  readonly size: number;
  /** Of the bytes given, computed once while they passed, or by the server that copied them. */
  readonly sha256: string;
  /** True when the server copied the bytes, so that none passed here. @default false */
  readonly copied?: boolean;
}

export type RequestKind = 'put' | 'get' | 'head' | 'list' | 'delete' | 'multipart';
export type RequestCounts = Record<RequestKind, number>;

/**
 * The byte interface. Keys are relative, `/`-separated, and never start with `/` or hold `.` or `..` segments.
 *
 * Implementations repeat what is safe to repeat by themselves (every call here is, as keys never change their bytes) and throw
 * `StorageError` or one of its kin when they give up. No call leaves anything readable behind unless it succeeded.
 */
export interface Storage {
  /** As the user would type it, without credentials. */
  readonly url: string;
  /** A server of which nobody knows whether it keeps its promises. @default false */
  readonly isServer?: boolean;
  /** @default - all that it has can be read at once */
  readonly archive?: Archive;
  /** How many requests were made so far, retries included. */
  readonly requests: Readonly<RequestCounts>;
  /** Creates the object, only if absent. Resolves when a reader sees all of it; it survives power loss after `sync`. */
  put(key: string, source: ByteSource, options?: PutOptions): Promise<PutResult>;
  /** Whether it would have its server copy the source. @default - it can't */
  copies?(source: ByteSource): boolean;
  /** A whole small object. Throws `ObjectMissingError` when absent, `IntegrityError` when larger than `limit` bytes (default 64 MiB). */
  get(key: string, limit?: number): Promise<Buffer>;
  /** Fills `into` from `offset`. Throws `ObjectMissingError` when absent, `IntegrityError` when the object ends before. */
  read(key: string, offset: number, into: Buffer): Promise<void>;
  head(key: string): Promise<StoredObject | undefined>;
  /** In the order of their keys' UTF-8 bytes; `startAfter` is exclusive. Absent prefix: nothing. */
  list(prefix: string, startAfter?: string): AsyncIterable<StoredObject>;
  /** Absent keys are no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Resolves when everything put before survives power loss. */
  sync(): Promise<void>;
  /** The storage's clock: what `modifiedAt` is compared with. */
  now(): Promise<Date>;
  close(): Promise<void>;
  /** Where an object lies for a server that can copy it. Undefined when it is absent, or can't be copied in this way. */
  locate?(key: string): Promise<LocatedObject | undefined>;
  /** The locks on its objects. Undefined when it locks none. @default - it can't lock */
  locks?(): Promise<ObjectLocks | undefined>;
}

/** Until when a version of an object can't be deleted for good, and whether somebody may lift that. */
export interface ObjectLock {
  /** Of S3: GOVERNANCE or COMPLIANCE. */
  readonly mode: string;
  readonly until: Date;
}

/** Locks on the objects of a storage: whoever may only lock can make one longer, never shorter. */
export interface ObjectLocks {
  /** For how long each new object is locked, in milliseconds. Undefined when the storage doesn't say. */
  readonly period: number | undefined;
  /** How it is locked. */
  readonly mode: string;
  /** Undefined when the object isn't locked, or absent. The lock may be over. */
  lockOf(key: string): Promise<ObjectLock | undefined>;
  /** Whether somebody holds the object (a legal hold), which has no end until it is lifted. */
  isHeld(key: string): Promise<boolean>;
  lockUntil(key: string, lock: ObjectLock): Promise<void>;
}

/** An object of a storage, with what a server needs to copy it. */
export interface LocatedObject extends StoredObject {
  readonly remote: RemoteObject;
}
