import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { z } from 'zod';
import { DocumentError, parseDocument } from '../../lib/contract/manifest';
import { IntegrityError, UsageError } from '../errors';
import type { ByteSource } from '../storage/storage';

const MIB = 1024 * 1024;

/** What a gzipped document may unfold to: an index of 200,000 blocks; a bomb ends here. */
const UNFOLDED_LIMIT = 128 * MIB;

const fold = promisify(gzip);
const unfold = promisify(gunzip);

/** Reads a JSON document of the repository: exit code 2 for one of a newer release, 12 for a damaged one. */
export function readDocument<T>(schema: z.ZodType<T>, key: string, text: string): T {
  try {
    return parseDocument(schema, `'${key}'`, text);
  } catch (cause) {
    if (!(cause instanceof DocumentError)) throw cause;
    if (cause.newer) throw new UsageError(`read repository: ${cause.message}`, { key }, { cause });
    throw new IntegrityError(`read repository: ${cause.message}`, { key }, { cause });
  }
}

/** Level 3: hashes don't shrink at any level, and the rest shrinks enough at this one, in a third of the time of the default. */
export async function compressed(text: string): Promise<Buffer> {
  return fold(text, { level: 3 });
}

export async function decompressed(key: string, bytes: Buffer): Promise<string> {
  try {
    return (await unfold(bytes, { maxOutputLength: UNFOLDED_LIMIT })).toString('utf8');
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const reason = tooLarge ? `it unfolds to more than ${UNFOLDED_LIMIT} bytes` : 'it is no gzip file';
    throw new IntegrityError(`read repository: '${key}' is damaged: ${reason}`, { key, size: bytes.length }, { cause });
  }
}

export function bytesInMemory(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, into) => {
      bytes.copy(into, 0, offset, offset + into.length);
      return Promise.resolve();
    },
  };
}
