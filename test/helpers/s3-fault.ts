export type S3Operation =
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'ListObjectsV2'
  | 'DeleteObjects'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListMultipartUploads'
  | 'CopyObject'
  | 'UploadPartCopy'
  | 'DeleteObject'
  | 'RestoreObject'
  | 'ListObjectVersions'
  | 'GetBucketVersioning'
  | 'GetObjectLockConfiguration'
  | 'GetObjectRetention'
  | 'GetObjectLegalHold'
  | 'PutObjectRetention';

/** What goes wrong with one request. */
export type S3Fault =
  /** Refused, nothing done. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly code: string;
      readonly headers?: Record<string, string>;
    }
  /** The connection breaks while the request's body arrives. */
  | { readonly kind: 'reset-request' }
  /** The connection breaks in the middle of the answer's body. */
  | { readonly kind: 'reset-response' }
  /** The answer announces all its bytes and ends in good order after half of them. */
  | { readonly kind: 'truncate' }
  /** Done, but the connection breaks before the answer. */
  | { readonly kind: 'lose-response' }
  /** Done, but answered with an error. */
  | { readonly kind: 'refuse-after-commit'; readonly status: number; readonly code: string }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Never answered. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'wrong-etag' }
  /** An error inside an answer that began with 200. */
  | { readonly kind: 'error-in-200'; readonly code: string }
  /** Of DeleteObjects: this key can't be deleted. */
  | { readonly kind: 'refuse-key'; readonly key: string; readonly code: string };

export interface S3FaultRule {
  readonly on: S3Operation | '*';
  /** @default - any */
  readonly key?: string;
  readonly fault: S3Fault;
  /** @default 1 */
  readonly times?: number;
  /** Requests that pass before. @default 0 */
  readonly skip?: number;
}
