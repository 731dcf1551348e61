import type { ObjectReference } from '../../lib/contract/manifest';
import { IntegrityError } from '../errors';
import type { ByteSource, Storage } from '../storage/storage';
import { combineDigests, isOfWhole, partSizeOf, partsOf, sha256 } from '../streams/digest';
import { fetchObject, storedSource } from './fetch';

/**
 * An object of the repository as something to store elsewhere, whose last read fails unless all bytes together are what the reference says: so
 * nothing damaged is ever stored. To be read part by part, as every storage does.
 *
 * A digest of the whole bytes can't be followed while parts come in any order, so such an object is read once before.
 */
export async function verifiedSource(
  storage: Pick<Storage, 'read'>,
  reference: ObjectReference,
  signal?: AbortSignal,
): Promise<ByteSource> {
  const { key, size, sha256: expected } = reference;
  const source = storedSource(storage, key, size);
  if (isOfWhole(expected, size)) {
    await fetchObject(storage, reference, async () => undefined, signal);
    return source;
  }
  const digests = new Map<number, Buffer>();
  const parts = partsOf(size);
  return {
    size,
    read: async (offset, into) => {
      await source.read(offset, into);
      digests.set(offset / partSizeOf(size), sha256(into));
      if (digests.size < parts.length) return;
      const found = combineDigests(parts.flatMap(({ index }) => digests.get(index) ?? []));
      if (found !== expected) throw damaged(reference, found);
    },
  };
}

/**
 * The object for a server that copies it by itself: its own digest, which it has kept since the object was sent, must be what the reference
 * says. Undefined when that can't be told without reading. Where it is read after all, as a server declines to copy it, it is verified.
 */
export async function copyableSource(
  storage: Pick<Storage, 'read' | 'locate'>,
  reference: ObjectReference,
  signal?: AbortSignal,
): Promise<ByteSource | undefined> {
  const found = await storage.locate?.(reference.key);
  if (found?.sha256 === undefined) return undefined;
  if (found.size !== reference.size || found.sha256 !== reference.sha256) throw damaged(reference, found.sha256);
  let verified: Promise<ByteSource> | undefined;
  return {
    size: reference.size,
    remote: found.remote,
    read: async (offset, into) => {
      verified ??= verifiedSource(storage, reference, signal);
      await (await verified).read(offset, into);
    },
  };
}

function damaged({ key, sha256: expected }: ObjectReference, found: string): IntegrityError {
  return new IntegrityError(
    `read '${key}': it is damaged: its SHA-256 differs; restore it from a replica or an object version`,
    { key, expected, found },
  );
}
