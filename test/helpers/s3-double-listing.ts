import { etagOf, isAfter } from './s3-double-requests';
import type { StoredS3Object } from './s3-double-types';
import type { ArchiveStore } from './s3-double-archive';
import { foldersXml, listXml } from './s3-xml';

/** What listings don't show yet, and what they still show, as on a server that isn't consistent. */
export class ListingLag {
  /** Keys that are there. */
  readonly unlisted = new Set<string>();
  /** Objects that are gone. */
  readonly stillListed = new Map<string, StoredS3Object>();

  seen(objects: ReadonlyMap<string, StoredS3Object>): ReadonlyMap<string, StoredS3Object> {
    if (this.unlisted.size + this.stillListed.size === 0) return objects;
    return new Map([...this.stillListed, ...[...objects].filter(([key]) => !this.unlisted.has(key))]);
  }
}

/** A page of what lies in the bucket, or of its folders, as the query asks. */
export function listingOf(
  objects: ReadonlyMap<string, StoredS3Object>,
  archive: ArchiveStore,
  { query, countsKeys }: { readonly query: URLSearchParams; readonly countsKeys?: boolean },
): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const below = [...objects.keys()].filter((key) => key.startsWith(prefix));
  if (query.get('delimiter') === '/') return foldersIn(below, { prefix, after, countsKeys });
  const keys = below.filter((key) => isAfter(key, after));
  keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const page = keys.slice(0, Number(query.get('max-keys') ?? 1000));
  const found = page.flatMap((key) => {
    const object = objects.get(key);
    return object ? [{ ...object, key, etag: etagOf(object.bytes), storageClass: archive.classOf(key) }] : [];
  });
  return listXml(found, { continuation: keys.length > page.length ? page.at(-1) : undefined, countsKeys });
}

function foldersIn(
  below: readonly string[],
  { prefix, after, countsKeys }: { readonly prefix: string; readonly after: string; readonly countsKeys?: boolean },
): string {
  const deeper = below.filter((key) => key.indexOf('/', prefix.length) > 0);
  const names = deeper.map((key) => key.slice(0, key.indexOf('/', prefix.length) + 1));
  const folders = [...new Set(names)].sort().filter((name) => isAfter(name, after));
  return foldersXml(folders.slice(0, 2), { continuation: folders.length > 2 ? folders[1] : undefined, countsKeys });
}
