import { createHash } from 'node:crypto';

/** The first 16 hexadecimal digits of a text's SHA-256. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A whole number from 0 to `count` − 1 that is always the same for a text, and spread evenly over texts. */
export function stableNumber(text: string, count: number): number {
  return Number(BigInt(`0x${shortHash(text)}`) % BigInt(count));
}
