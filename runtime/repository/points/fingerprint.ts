import { createHash } from 'node:crypto';

/** SHA-256 over a tenant's block IDs alone: equal means that no block came or went. */
export function fingerprintOfIds(ids: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const id of [...ids].sort()) hash.update(`${id}\n`);
  return hash.digest('hex');
}

/** SHA-256 over a tenant's block IDs and the state of each: equal means that no block came, went or changed. */
export function fingerprint(blocks: Iterable<readonly [id: string, seen: string]>): string {
  const hash = createHash('sha256');
  const lines = Array.from(blocks, ([id, seen]) => `${id} ${seen}\n`).sort();
  return hash.update(lines.join('')).digest('hex');
}
