import { createHash } from 'node:crypto';
import type { ObjectReference } from '../../lib/contract/manifest';
import { IntegrityError } from '../errors';
import type { ByteSource, Storage } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { combineDigests, isOfWhole, type Part, partsOf, sha256 } from '../streams/digest';
import { partBuffers } from '../streams/part-buffers';
import { forEachPart } from '../streams/read-ahead';

const PARTS_AT_ONCE = 4;

/** Takes a part of an object. The bytes are only valid until the promise resolves; parts may come in any order. */
export type PartWriter = (offset: number, bytes: Buffer) => Promise<void>;

/**
 * Reads an object and hashes every byte once. Parts are handed on as they come, so nothing that was written may be used before this
 * resolves: only then the whole is known to be what the manifest says.
 */
export async function fetchObject(
  storage: Pick<Storage, 'read'>,
  reference: ObjectReference,
  write: PartWriter,
  signal?: AbortSignal,
): Promise<void> {
  const source = storedSource(storage, reference.key, reference.size);
  const found = await digestOfSource(source, { write, signal, like: reference.sha256 });
  if (found === reference.sha256) return;
  throw new IntegrityError(
    `read '${reference.key}': it is damaged: its SHA-256 differs; restore it from a replica or an object version`,
    {
      key: reference.key,
      expected: reference.sha256,
      found,
    },
  );
}

/** An object as something that parquet readers can read in any order. Not hashed: a range has no digest. */
export function objectSource(storage: Storage, reference: ObjectReference): ByteSource {
  return storedSource(storage, reference.key, reference.size);
}

export function storedSource(storage: Pick<Storage, 'read'>, key: string, size: number): ByteSource {
  return {
    size,
    read: async (offset, into) => {
      if (!Number.isSafeInteger(offset) || offset < 0 || offset + into.length > size) {
        throw new RangeError(`'${key}' has ${size} bytes, asked for ${into.length} at ${offset}`);
      }
      if (into.length > 0) await storage.read(key, offset, into);
    },
  };
}

export interface DigestOptions {
  /** Is also given each part. */
  readonly write?: PartWriter;
  readonly signal?: AbortSignal;
  /** A digest to compare with: the result has the same form, see `isOfWhole`. @default - the repository's usual one */
  readonly like?: string;
}

/** The digest of all bytes of a source. */
export async function digestOfSource(source: ByteSource, options: DigestOptions = {}): Promise<string> {
  if (options.like !== undefined && isOfWhole(options.like, source.size)) return digestOfWhole(source, options);
  const parts = partsOf(source.size);
  const digests: Buffer[] = new Array<Buffer>(parts.length);
  const work = async (part: Part): Promise<void> => {
    const { bytes, release } = await partBuffers.lease(part.length, options.signal);
    try {
      await source.read(part.offset, bytes);
      digests[part.index] = sha256(bytes);
      await options.write?.(part.offset, bytes);
    } finally {
      release();
    }
  };
  await forEachConcurrently(parts, PARTS_AT_ONCE, work, options.signal);
  return combineDigests(digests);
}

/** In order, as one hash takes bytes in no other way. */
async function digestOfWhole(source: ByteSource, { write, signal }: DigestOptions): Promise<string> {
  const hash = createHash('sha256');
  const take = async (bytes: Buffer, { offset }: Part): Promise<void> => {
    hash.update(bytes);
    await write?.(offset, bytes);
  };
  await forEachPart(source, take, { signal });
  return hash.digest('hex');
}
