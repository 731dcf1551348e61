import { type Part, partsOf } from './digest';
import { type PartBuffer, type PartBuffers, partBuffers } from './part-buffers';

interface Source {
  readonly size: number;
  read(offset: number, into: Buffer): Promise<void>;
}

export interface ReadAheadOptions {
  readonly signal?: AbortSignal;
  /** @default - those of the process */
  readonly buffers?: PartBuffers;
}

/**
 * Reads a source part by part, in order; the next part is read while the work on one goes on. The bytes belong to the work until it resolves.
 * At most two buffers are held, and the second is never waited for while the first is kept, so any number of sources may share a budget.
 */
export async function forEachPart(
  source: Source,
  work: (bytes: Buffer, part: Part) => Promise<void>,
  options: ReadAheadOptions = {},
): Promise<void> {
  const parts = partsOf(source.size);
  let upcoming = readPart(source, parts[0], options);
  for (const part of parts) {
    const current = await upcoming;
    upcoming = readPart(source, parts[part.index + 1], options);
    try {
      await work(current.bytes, part);
    } catch (error) {
      await discard(upcoming);
      throw error;
    } finally {
      current.release();
    }
  }
}

const NOTHING: PartBuffer = { bytes: Buffer.alloc(0), release: () => undefined };

function readPart(source: Source, part: Part | undefined, options: ReadAheadOptions): Promise<PartBuffer> {
  const reading = part ? readInto(source, part, options) : Promise.resolve(NOTHING);
  // It may fail while nobody waits for it yet; whoever awaits it gets the error.
  reading.catch(() => undefined);
  return reading;
}

async function readInto(
  source: Source,
  part: Part,
  { signal, buffers = partBuffers }: ReadAheadOptions,
): Promise<PartBuffer> {
  const buffer = await buffers.lease(part.length, signal);
  try {
    // Empty sources are read too: a source that grew or vanished says so.
    await source.read(part.offset, buffer.bytes);
    return buffer;
  } catch (error) {
    buffer.release();
    throw error;
  }
}

async function discard(reading: Promise<PartBuffer>): Promise<void> {
  const [result] = await Promise.allSettled([reading]);
  if (result.status === 'fulfilled') result.value.release();
}
