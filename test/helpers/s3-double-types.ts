export type { S3Fault, S3FaultRule, S3Operation } from './s3-fault';

export interface S3DoubleOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** False: like a server that knows no checksums. @default true */
  readonly keepsChecksums?: boolean;
  /** Of the server's clock before the real one. @default 0 */
  readonly clockAheadMs?: number;
  /** Answers come in chunks, without their length, as refusals of AWS do. @default none */
  readonly chunked?: 'refusals' | 'all';
  /** Whose signatures are accepted. @default - that of `DOUBLE_ACCESS_KEY` */
  readonly accepts?: (accessKey: string) => boolean;
  /** False: it overwrites whatever it is told; `'whole'`: what comes in parts overwrites, as on Ceph. @default true */
  readonly honoursConditions?: boolean | 'whole';
  /** False: listings don't say how many keys they have, so that the SDK has to parse them. @default true */
  readonly countsKeys?: boolean;
  /** Keeps what it is sent with something before it, as a server does that doesn't know a framing. @default false */
  readonly corruptsUploads?: boolean;
  /**
   * How it copies: AWS says the SHA-256 and honours If-None-Match; MinIO says it in a header, and never of parts; others only when asked later.
   * @default 'minio'
   */
  readonly copies?: 'aws' | 'minio' | 'silent';
  /** Of versioning. @default 'Off' */
  readonly versioning?: 'Enabled' | 'Suspended' | 'Off';
  /** For how many days new objects are locked. @default - the bucket has no lock */
  readonly lockDays?: number;
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
