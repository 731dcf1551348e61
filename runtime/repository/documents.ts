import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { z } from 'zod';
import { DocumentError, parseDocument } from '../../lib/contract/manifest';
import { IntegrityError, UsageError } from '../errors';
import { ByteBudget } from '../streams/byte-budget';

const MIB = 1024 * 1024;

/** What a gzipped document may unfold to: an index of 200,000 blocks; a bomb ends here. */
const UNFOLDED_LIMIT = 128 * MIB;

/** Bytes of documents, as they are stored, that are read at once: a hostile repository may have thousands of the largest size. */
export const storedBudget = new ByteBudget(32 * MIB);
/** The same for what they unfold to. A larger one is unfolded alone. */
export const unfoldedBudget = new ByteBudget(32 * MIB);

/** A header of ten bytes, and a trailer of eight. */
const SMALLEST_GZIP = 18;

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

/** Reads a gzipped document. Its last four bytes say what it unfolds to, so memory is reserved for just that, and one that lies is damaged. */
export async function readFolded<T>(
  schema: z.ZodType<T>,
  file: { readonly key: string; readonly bytes: Buffer },
  limit = UNFOLDED_LIMIT,
): Promise<T> {
  const { key, bytes } = file;
  const announced = bytes.length < SMALLEST_GZIP ? 0 : bytes.readUInt32LE(bytes.length - 4);
  if (announced > limit) throw damaged(file, `it unfolds to more than ${limit} bytes`);
  const release = await unfoldedBudget.acquire(announced);
  try {
    return readDocument(schema, key, await decompressed(file, announced));
  } finally {
    release();
  }
}

async function decompressed(file: { readonly key: string; readonly bytes: Buffer }, limit: number): Promise<string> {
  try {
    return (await unfold(file.bytes, { maxOutputLength: Math.max(1, limit) })).toString('utf8');
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw damaged(file, tooLarge ? `it unfolds to more than ${limit} bytes` : 'it is no gzip file', cause);
  }
}

function damaged(
  { key, bytes }: { readonly key: string; readonly bytes: Buffer },
  reason: string,
  cause?: unknown,
): IntegrityError {
  return new IntegrityError(`read repository: '${key}' is damaged: ${reason}`, { key, size: bytes.length }, { cause });
}
