/** What a page of a listing says, as it is spelled there. */
export interface ListPage {
  readonly objects: readonly ListedEntry[];
  /** Names up to the next delimiter. */
  readonly folders: readonly string[];
  readonly continuation?: string;
}

export interface ListedEntry {
  readonly key: string;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly etag: string;
  readonly storageClass?: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Reads an answer to ListObjectsV2. That has a fixed form, of which an XML parser makes thousands of small objects: half of what a listing costs
 * the client. Undefined for whatever doesn't look as S3 documents it: then a parser has to see it.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function parseListPage(xml: string): ListPage | undefined {
  if (!xml.includes('<ListBucketResult') || !xml.trimEnd().endsWith('</ListBucketResult>')) return undefined;
  const objects = elementsIn(xml, 'Contents').map(entryIn);
  const folders = elementsIn(xml, 'CommonPrefixes').map((element) => textIn(element, 'Prefix'));
  if (!objects.every(isDefined) || !folders.every(isDefined)) return undefined;
  // Nothing may be overlooked because it is spelled in another way.
  if (Number(textIn(xml, 'KeyCount') ?? NaN) !== objects.length + folders.length) return undefined;
  const isTruncated = textIn(xml, 'IsTruncated');
  const continuation = textIn(xml, 'NextContinuationToken');
  if (isTruncated === 'true') return continuation === undefined ? undefined : { objects, folders, continuation };
  return isTruncated === 'false' ? { objects, folders } : undefined;
}

function entryIn(element: string): ListedEntry | undefined {
  const key = textIn(element, 'Key');
  const size = Number(textIn(element, 'Size') ?? NaN);
  const modifiedAt = new Date(textIn(element, 'LastModified') ?? NaN);
  const etag = textIn(element, 'ETag');
  const storageClass = textIn(element, 'StorageClass');
  const isWhole = Number.isSafeInteger(size) && !Number.isNaN(modifiedAt.getTime());
  if (key === undefined || etag === undefined || !isWhole) return undefined;
  return { key, size, modifiedAt, etag, ...(storageClass === undefined ? {} : { storageClass }) };
}

function elementsIn(xml: string, name: string): string[] {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const elements: string[] = [];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) break;
    elements.push(xml.slice(at + open.length, end));
    at = end;
  }
  return elements;
}

/** Of the first element of the name. */
function textIn(xml: string, name: string): string | undefined {
  const open = `<${name}>`;
  const at = xml.indexOf(open);
  const end = at < 0 ? -1 : xml.indexOf(`</${name}>`, at);
  return end < 0 ? undefined : unescaped(xml.slice(at + open.length, end));
}

function unescaped(text: string): string {
  // A copy: a slice would keep the whole answer in memory for as long as what was listed.
  if (!text.includes('&')) return Buffer.from(text).toString();
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/gi, (entity, decimal, hex, name: string | undefined) => {
    if (name !== undefined) return ENTITIES[name] ?? entity;
    return String.fromCodePoint(decimal === undefined ? parseInt(String(hex), 16) : Number(decimal));
  });
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
