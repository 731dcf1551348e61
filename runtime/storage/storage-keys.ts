import { StorageError } from '../errors';

/**
 * Throws unless the key is a relative path of plain segments. Keys may come out of a manifest that somebody else wrote, so nothing that could
 * leave the repository is passed on to a disk.
 */
export function checkKey(key: string, url: string): void {
  const safe = key !== '' && !key.includes('\0') && key.split('/').every((s) => s !== '' && s !== '.' && s !== '..');
  if (safe) return;
  throw new StorageError(
    `use key '${key}' in '${url}': a key is a relative path without empty, '.' or '..' segments; the document that names it is damaged or hostile`,
    { key },
  );
}

/** The order of the keys' UTF-8 bytes, which is that of code points; JavaScript's own order is that of UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
  }
  return a.length - b.length;
}
