/** What is known of a failed request, however it failed: by an answer of the server, on the way, or before it was sent. */
export interface S3Failure {
  /** Of S3 (`SlowDown`), else of the system (`ECONNRESET`), else the error's name. */
  readonly code: string;
  /** Absent when there was no answer. */
  readonly status?: number;
  readonly message: string;
  /** Where the bucket is, when the server said so. */
  readonly bucketRegion?: string;
  /** The server's clock, when it answered. */
  readonly serverTime?: Date;
  /** Of the object whose range was asked for and doesn't exist. */
  readonly objectSize?: number;
}

/** The body ended before the bytes that its header announced. */
export class TruncatedBodyError extends Error {
  readonly code = 'TruncatedBody';
}

/** A request failed for good. Whatever else is thrown while requests are made (by a source, by a signal) isn't storage's to explain. */
export class S3RequestError extends Error {
  constructor(
    readonly failure: S3Failure,
    cause: unknown,
  ) {
    super(failure.message, { cause });
  }
}

/** Duck-typed, so that this module needs no SDK. */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly message?: unknown;
  readonly Region?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);
const BROKEN = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'TruncatedBody',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
const SLOW_DOWN = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'KMS.ThrottlingException',
  'RequestLimitExceeded',
  'TooManyRequests',
  'TooManyRequestsException',
]);
// A body that was damaged on its way is refused by its checksum, and arrives the next time.
const TRANSIENT = new Set([
  'RequestTimeout',
  'InternalError',
  'ServiceUnavailable',
  'OperationAborted',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
]);
const DISK_FULL = new Set([
  'XMinioStorageFull',
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioAdminBucketQuotaExceeded',
]);

export function s3FailureOf(error: unknown): S3Failure {
  if (error instanceof S3RequestError) return error.failure;
  const thrown = (typeof error === 'object' && error !== null ? error : { message: error }) as Thrown;
  const headers = thrown.$response?.headers ?? {};
  const status = thrown.$metadata?.httpStatusCode;
  const date = headers['date'];
  return {
    code: codeOf(thrown),
    status: typeof status === 'number' ? status : undefined,
    message: oneLine(typeof thrown.message === 'string' ? thrown.message : ''),
    bucketRegion: headers['x-amz-bucket-region'] ?? (typeof thrown.Region === 'string' ? thrown.Region : undefined),
    serverTime: date === undefined ? undefined : new Date(date),
    objectSize: sizeIn(headers['content-range']),
  };
}

export function isUnreachable(failure: S3Failure): boolean {
  return failure.status === undefined && UNREACHABLE.has(failure.code);
}

export function isDiskFull(failure: S3Failure): boolean {
  return failure.status === 507 || DISK_FULL.has(failure.code);
}

export function asksToSlowDown(failure: S3Failure): boolean {
  return SLOW_DOWN.has(failure.code) || failure.status === 429 || failure.status === 503;
}

/** Two conditional writes of one key met; neither is decided. */
export function isConflict(failure: S3Failure): boolean {
  return failure.code === 'ConditionalRequestConflict';
}

/** The key existed before. */
export function isAlreadyThere(failure: S3Failure): boolean {
  return failure.status === 412 || failure.code === 'PreconditionFailed';
}

export function isAbsent(failure: S3Failure): boolean {
  return (
    failure.code === 'NoSuchKey' ||
    failure.code === 'NotFound' ||
    (failure.status === 404 && failure.code === 'Unknown')
  );
}

/** The object ends before the first byte that was asked for. */
export function isPastEnd(failure: S3Failure): boolean {
  return failure.status === 416 || failure.code === 'InvalidRange';
}

export function isRetryable(failure: S3Failure): boolean {
  if (isDiskFull(failure) || failure.status === 501) return false;
  if (asksToSlowDown(failure) || isConflict(failure) || TRANSIENT.has(failure.code)) return true;
  if (failure.status !== undefined && failure.status >= 500) return true;
  return BROKEN.has(failure.code) || isUnreachable(failure);
}

/** Whether a write may have been done although its request failed. A refusal to slow down or to decide a conflict means that it wasn't. */
export function mayHaveCommitted(failure: S3Failure): boolean {
  if (asksToSlowDown(failure) && failure.code !== 'ServiceUnavailable' && failure.code !== 'Unknown') return false;
  return isRetryable(failure) && !isConflict(failure) && !isUnreachable(failure);
}

function codeOf(thrown: Thrown): string {
  // Broken connections are renamed by the SDK ('TimeoutError'); the system's own code says more.
  if (typeof thrown.code === 'string' && thrown.$metadata?.httpStatusCode === undefined) return thrown.code;
  if (typeof thrown.Code === 'string') return thrown.Code;
  if (typeof thrown.name === 'string' && thrown.name !== 'Error') return thrown.name;
  return thrown.message === 'aborted' ? 'ECONNRESET' : 'Unknown';
}

function sizeIn(contentRange: string | undefined): number | undefined {
  const [, size] = /^bytes \*\/(\d+)$/.exec(contentRange ?? '') ?? [];
  return size === undefined ? undefined : Number(size);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
