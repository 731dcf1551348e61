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
export function listXml(
  objects: readonly { readonly key: string; readonly size: number; readonly modifiedAt: Date }[],
  continuation: string | undefined,
): string {
  const contents = objects.map(({ key, modifiedAt, size }) =>
    element(
      'Contents',
      element('Key', urlEncoded(key)) +
        element('Size', String(size)) +
        element('LastModified', modifiedAt.toISOString()),
    ),
  );
  const next = continuation === undefined ? '' : element('NextContinuationToken', escaped(continuation));
  const truncated = element('IsTruncated', String(continuation !== undefined));
  return element('ListBucketResult', element('EncodingType', 'url') + truncated + next + contents.join(''));
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
