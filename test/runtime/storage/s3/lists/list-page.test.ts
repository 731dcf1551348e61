import { parseListPage } from '../../../../../runtime/storage/s3/lists/list-page';

const AT = '2026-11-23T08:30:00.000Z';
const ENTRY = `<Key>a/b</Key><LastModified>${AT}</LastModified><ETag>&quot;e1&quot;</ETag><Size>12</Size>`;
const contents = (inner: string): string => `<Contents>${inner}</Contents>`;

function page(
  inner: string,
  isTruncated = 'false',
  keys = inner.split(/<Contents|<CommonPrefixes/).length - 1,
): string {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult ${namespace}><Name>b</Name><Prefix>a/</Prefix><KeyCount>${keys}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${inner}</ListBucketResult>\n`;
}

describe('a page of a listing', () => {
  it('has objects with what is said of each', () => {
    const more = `<Owner><ID>o</ID></Owner><ChecksumAlgorithm>SHA256</ChecksumAlgorithm><StorageClass>GLACIER</StorageClass>`;
    const other = ENTRY.replace('a/b', 'a/c%2B').replace('&quot;e1&quot;', '&#34;e2-3&#x22;');
    expect(parseListPage(page(contents(ENTRY + more) + contents(other)))).toEqual({
      objects: [
        { key: 'a/b', size: 12, modifiedAt: new Date(AT), etag: '"e1"', storageClass: 'GLACIER' },
        { key: 'a/c%2B', size: 12, modifiedAt: new Date(AT), etag: '"e2-3"' },
      ],
      folders: [],
    });
  });

  it('has folders, and where the next page begins', () => {
    const folders = ['a/x/', 'a/y&amp;z/'].map((name) => `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`);
    const token = '<NextContinuationToken>t&amp;1</NextContinuationToken>';
    expect(parseListPage(page(token + folders.join(''), 'true'))).toEqual({
      objects: [],
      folders: ['a/x/', 'a/y&z/'],
      continuation: 't&1',
    });
  });

  it('may be empty', () => {
    expect(parseListPage(page(''))).toEqual({ objects: [], folders: [] });
  });

  it.each<[string, string]>([
    ['ends too early', page(contents(ENTRY)).slice(0, -25)],
    ['is none', '<html><body>Sign in</body></html>'],
    ['is an error', '<Error><Code>SlowDown</Code></Error>'],
    ['has an object without a key', page(contents(ENTRY.replace(/<Key>.*<\/Key>/, '')))],
    ['has an object without an ETag', page(contents(ENTRY.replace(/<ETag>.*<\/ETag>/, '')))],
    ['has an object without a size', page(contents(ENTRY.replace(/<Size>.*<\/Size>/, '')))],
    ['has a size that is no number', page(contents(ENTRY.replace('12', '12 MB')))],
    ['has no time', page(contents(ENTRY.replace(AT, 'yesterday')))],
    ['goes on nowhere', page(contents(ENTRY), 'true')],
    ['does not say whether it goes on', page(contents(ENTRY)).replace(/<IsTruncated>.*<\/IsTruncated>/, '')],
    ['has a folder without a name', page('<CommonPrefixes></CommonPrefixes>')],
    ['has fewer objects than it says', page(contents(ENTRY), 'false', 2)],
    ['does not say how many it has', page(contents(ENTRY)).replace(/<KeyCount>.*<\/KeyCount>/, '')],
    ['has another form', page(`<Contents type="x">${ENTRY}</Contents>`)],
  ])('that %s is left to a parser', (_, xml) => {
    expect(parseListPage(xml)).toBeUndefined();
  });
});
