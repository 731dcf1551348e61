import { createHash } from 'node:crypto';
import { type ByteSource } from '../../runtime/storage/storage';

export function sourceOf(bytes: Buffer | string): ByteSource {
  const all = Buffer.from(bytes);
  return {
    size: all.length,
    read: async (offset, into) => {
      if (offset + into.length > all.length) throw new Error(`source ends at ${all.length}`);
      all.copy(into, 0, offset);
    },
  };
}

/** Says that it has one byte more than it has. */
export function shortSource(bytes: Buffer): ByteSource {
  return { ...sourceOf(bytes), size: bytes.length + 1 };
}

/** Throws once `after` bytes were read. */
export function breakingSource(bytes: Buffer, after: number, error: Error): ByteSource {
  const whole = sourceOf(bytes);
  return {
    size: whole.size,
    read: async (offset, into) => {
      if (offset + into.length > after) throw error;
      await whole.read(offset, into);
    },
  };
}

/** Not repetitive, the same for the same seed, and quick to make. */
export function bytesOf(size: number, seed: string): Buffer {
  const block = createHash('shake256', { outputLength: 64 * 1024 + 7 })
    .update(seed)
    .digest();
  return Buffer.alloc(size, block);
}
