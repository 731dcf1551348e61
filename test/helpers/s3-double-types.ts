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
  | 'ListObjectVersions'
  | 'GetBucketVersioning';

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
  readonly fault: S3Fault;
  /** @default 1 */
  readonly times?: number;
  /** Requests that pass before. @default 0 */
  readonly skip?: number;
}

export interface S3DoubleOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** False: like a server that knows no checksums. @default true */
  readonly keepsChecksums?: boolean;
  /** Of the server's clock before the real one. @default 0 */
  readonly clockAheadMs?: number;
  /** False: it overwrites whatever it is told. @default true */
  readonly honoursConditions?: boolean;
  /** Keeps what it is sent with something before it, as a server does that doesn't know a framing. @default false */
  readonly corruptsUploads?: boolean;
  /** How it copies: AWS says the SHA-256 and honours If-None-Match; MinIO says it only when asked later, and never of parts. @default 'minio' */
  readonly copies?: 'aws' | 'minio';
  /** Of versioning. @default 'Off' */
  readonly versioning?: 'Enabled' | 'Suspended' | 'Off';
  /** What time it is, for versions. @default - the clock of the machine */
  readonly clock?: () => Date;
}

export interface StoredS3Object {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
  /** As in the `x-amz-checksum-sha256` header. */
  readonly checksum?: string;
  readonly metadata: Record<string, string>;
}

export interface OpenUpload {
  readonly key: string;
  readonly initiatedAt: Date;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
  /** Whether each part has a SHA-256. */
  readonly isChecked?: boolean;
  readonly metadata?: Record<string, string>;
}
