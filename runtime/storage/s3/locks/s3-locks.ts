import type { ObjectLock, ObjectLocks } from '../../storage';
import { isAbsent, type S3Failure, s3FailureOf } from '../s3-failure';
import type { S3Requests } from '../s3-requests';

/** What new objects of a bucket are locked for, where it says so. */
export interface S3BucketLock {
  /** In milliseconds. */
  readonly period?: number;
  readonly mode?: string;
}

/** Single requests, as in `S3Api`. */
export interface S3LockApi {
  /** Undefined: the bucket locks nothing. */
  bucketLock(signal?: AbortSignal): Promise<S3BucketLock | undefined>;
  objectLock(key: string, signal?: AbortSignal): Promise<ObjectLock | undefined>;
  legalHold(key: string, signal?: AbortSignal): Promise<boolean>;
  lockUntil(key: string, lock: ObjectLock, signal?: AbortSignal): Promise<void>;
}

export interface S3LockParts {
  readonly api: S3LockApi;
  readonly requests: S3Requests;
  readonly fullKey: (key: string) => string;
  /** Turns a failure into an error for people. */
  readonly explained: <T>(action: string, work: () => Promise<T>) => Promise<T>;
}

const NO_LOCK_IN_BUCKET = new Set([
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
  'MethodNotAllowed',
]);
const NO_LOCK_ON_OBJECT = new Set(['NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError']);
const DEFAULT_MODE = 'GOVERNANCE';

/** Undefined where the server, or the bucket, locks nothing. */
export async function openLocks(parts: S3LockParts): Promise<ObjectLocks | undefined> {
  const { api, explained, requests } = parts;
  const found = await explained('ask whether objects are locked', async () => {
    const send = (signal?: AbortSignal): Promise<S3BucketLock | undefined> => api.bucketLock(signal);
    return unless(isLockless, () => requests.run('head', send));
  });
  return found && new S3Locks(parts, found);
}

class S3Locks implements ObjectLocks {
  readonly period: number | undefined;
  readonly mode: string;

  constructor(
    private readonly parts: S3LockParts,
    { period, mode }: S3BucketLock,
  ) {
    this.period = period;
    this.mode = mode ?? DEFAULT_MODE;
  }

  lockOf(key: string): Promise<ObjectLock | undefined> {
    const { api, explained, fullKey, requests } = this.parts;
    return explained(`ask for the lock of '${key}'`, () =>
      unless(isUnlocked, () => requests.run('head', (signal) => api.objectLock(fullKey(key), signal))),
    );
  }

  async isHeld(key: string): Promise<boolean> {
    const { api, explained, fullKey, requests } = this.parts;
    const held = await explained(`ask for the legal hold of '${key}'`, () =>
      unless(isUnlocked, () => requests.run('head', (signal) => api.legalHold(fullKey(key), signal))),
    );
    return held === true;
  }

  lockUntil(key: string, lock: ObjectLock): Promise<void> {
    const { api, explained, fullKey, requests } = this.parts;
    return explained(`lock '${key}' until ${lock.until.toISOString()}`, () =>
      requests.run('put', (signal) => api.lockUntil(fullKey(key), lock, signal)),
    );
  }
}

function isLockless({ code }: S3Failure): boolean {
  return NO_LOCK_IN_BUCKET.has(code);
}

function isUnlocked(failure: S3Failure): boolean {
  return isAbsent(failure) || NO_LOCK_ON_OBJECT.has(failure.code);
}

/** Undefined when it fails in this way. */
async function unless<T>(expected: (failure: S3Failure) => boolean, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (expected(s3FailureOf(error))) return undefined;
    throw error;
  }
}
