/** The little XML that S3 speaks. */
export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

export function errorXml(code: string, key: string): string {
  return element(
    'Error',
    element('Code', code) + element('Message', `${code} of the double`) + element('Key', escaped(key)),
  );
}

/** Keys are URL-encoded, as `encoding-type=url` asks for. */
interface ListForm {
  readonly continuation: string | undefined;
  /** @default true */
  readonly countsKeys?: boolean;
}

export function listXml(
  objects: readonly {
    readonly key: string;
    readonly bytes: Buffer;
    readonly modifiedAt: Date;
    readonly etag: string;
    readonly storageClass: string | undefined;
  }[],
  { continuation, countsKeys = true }: ListForm,
): string {
  const contents = objects.map(({ bytes, etag, key, modifiedAt, storageClass = 'STANDARD' }) =>
    element(
      'Contents',
      element('Key', urlEncoded(key)) +
        element('ETag', escaped(etag)) +
        element('Size', String(bytes.length)) +
        element('StorageClass', storageClass) +
        element('LastModified', modifiedAt.toISOString()),
    ),
  );
  const next = continuation === undefined ? '' : element('NextContinuationToken', escaped(continuation));
  const truncated = element('IsTruncated', String(continuation !== undefined));
  const count = countsKeys ? element('KeyCount', String(contents.length)) : '';
  return element('ListBucketResult', element('EncodingType', 'url') + count + truncated + next + contents.join(''));
}

export function uploadsXml(
  uploads: ReadonlyMap<string, { readonly key: string; readonly initiatedAt: Date }>,
  prefix: string,
): string {
  const found = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
  const items = found.map(([id, { initiatedAt, key }]) =>
    element(
      'Upload',
      element('Key', escaped(key)) + element('UploadId', id) + element('Initiated', initiatedAt.toISOString()),
    ),
  );
  return element('ListMultipartUploadsResult', items.join(''));
}

/** The common prefixes of a listing with a delimiter. */
export function foldersXml(folders: readonly string[], { continuation, countsKeys = true }: ListForm): string {
  const items = folders.map((folder) => element('CommonPrefixes', element('Prefix', urlEncoded(folder))));
  const next = continuation === undefined ? '' : element('NextContinuationToken', escaped(continuation));
  const truncated = element('IsTruncated', String(continuation !== undefined));
  const count = countsKeys ? element('KeyCount', String(items.length)) : '';
  return element('ListBucketResult', element('EncodingType', 'url') + count + truncated + next + items.join(''));
}

export function copyXml(name: string, etag: string, checksum: string | undefined): string {
  const digest = checksum === undefined ? '' : element('ChecksumSHA256', checksum);
  return element(name, element('ETag', escaped(etag)) + element('LastModified', new Date(0).toISOString()) + digest);
}

export function versioningXml(status: string | undefined): string {
  const isSet = status !== undefined && status !== 'Off';
  return element('VersioningConfiguration', isSet ? element('Status', status) : '');
}

interface ShownVersion {
  readonly key: string;
  readonly id: string;
  readonly modifiedAt: Date;
  readonly bytes: Buffer | undefined;
  readonly isLatest: boolean;
}

/** `last` is what the next page begins after. */
export function versionsXml(
  versions: readonly ShownVersion[],
  { last, classOf }: { readonly last: ShownVersion | undefined; readonly classOf: (id: string) => string | undefined },
): string {
  const items = versions.map(({ key, id, modifiedAt, bytes, isLatest }) =>
    element(
      bytes ? 'Version' : 'DeleteMarker',
      element('Key', urlEncoded(key)) +
        element('VersionId', id) +
        element('IsLatest', String(isLatest)) +
        element('LastModified', modifiedAt.toISOString()) +
        (bytes ? sizeAndClass(id, bytes.length, classOf(id)) : ''),
    ),
  );
  const next =
    last === undefined ? '' : element('NextKeyMarker', urlEncoded(last.key)) + element('NextVersionIdMarker', last.id);
  const truncated = element('IsTruncated', String(last !== undefined));
  return element('ListVersionsResult', element('EncodingType', 'url') + truncated + next + items.join(''));
}

function sizeAndClass(id: string, size: number, storageClass = 'STANDARD'): string {
  return element('Size', String(size)) + element('ETag', escaped(`"${id}"`)) + element('StorageClass', storageClass);
}

/** The keys that a DeleteObjects request names. */
export function keysOf(xml: string): string[] {
  return [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => unescaped(key));
}

/** The parts that a CompleteMultipartUpload request names. */
export function partsOfXml(xml: string): { number: number; etag: string; checksum: string }[] {
  return [...xml.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(contentOf(part, 'PartNumber')),
    etag: unescaped(contentOf(part, 'ETag')),
    checksum: contentOf(part, 'ChecksumSHA256'),
  }));
}

function contentOf(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
}

function urlEncoded(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/').replaceAll('%20', '+');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescaped(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(\w+);/g, (whole, name: string) => named[name] ?? whole);
}
