import { hash } from 'node:crypto';

const MIB = 1024 * 1024;
const SMALLEST_PART = 8 * MIB;
const MOST_PARTS = 10_000;

/**
 * The size of the parts in which an object of `size` bytes is sent and hashed: 8 MiB, doubled until 10,000 parts are enough.
 * It depends on the size alone, so that the digest does too. Changing it changes the repository format.
 */
export function partSizeOf(size: number): number {
  let partSize = SMALLEST_PART;
  while (size > partSize * MOST_PARTS) partSize *= 2;
  return partSize;
}

export interface Part {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

/** The parts of an object of `size` bytes; an empty object is one empty part. */
export function partsOf(size: number): Part[] {
  const partSize = partSizeOf(size);
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, index) => ({
    index,
    offset: index * partSize,
    length: Math.min(partSize, size - index * partSize),
  }));
}

export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/**
 * The digest of an object from the SHA-256 of its parts: `<hex>` of the bytes where there is one part, else `<hex>-<parts>`, the SHA-256 of
 * the parts' SHA-256 one after the other. That is what S3 calls the composite checksum of a multipart upload: each byte is hashed once, parts
 * can be hashed and repeated independently, and S3 keeps and returns the very same value.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export function combineDigests(partDigests: readonly Buffer[]): string {
  const [first] = partDigests;
  if (partDigests.length === 1 && first) return first.toString('hex');
  return `${sha256(Buffer.concat(partDigests)).toString('hex')}-${partDigests.length}`;
}

/**
 * Whether a digest is of the whole bytes at once though the object has several parts: that is what a server computes that copies an object in
 * one request. It has no number of parts behind it.
 */
export function isOfWhole(digest: string, size: number): boolean {
  return size > partSizeOf(size) && !digest.includes('-');
}

/** The digest of bytes that are in memory. */
export function digestOf(bytes: Buffer): string {
  return combineDigests(partsOf(bytes.length).map((p) => sha256(bytes.subarray(p.offset, p.offset + p.length))));
}
