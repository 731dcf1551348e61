import { UsageError } from '../../../../runtime/errors';
import { parseS3Url } from '../../../../runtime/storage/s3/s3-url';

describe('parseS3Url', () => {
  it('reads a bucket, a prefix and nothing else', () => {
    expect(parseS3Url('s3://my.bucket-1/backups/prod')).toEqual({
      url: 's3://my.bucket-1/backups/prod',
      bucket: 'my.bucket-1',
      prefix: 'backups/prod/',
      pathStyle: false,
    });
  });

  it('reads every parameter', () => {
    const url =
      's3://b-1/p?region=eu-central-1&endpoint=https://minio:9000&pathStyle=false&profile=backup&caBundle=/etc/ca.pem';

    expect(parseS3Url(url)).toEqual({
      url,
      bucket: 'b-1',
      prefix: 'p/',
      region: 'eu-central-1',
      endpoint: 'https://minio:9000',
      pathStyle: false,
      profile: 'backup',
      caBundle: '/etc/ca.pem',
    });
  });

  it.each([
    ['s3://bucket', ''],
    ['s3://bucket/', ''],
    ['s3://bucket//a//b/', 'a/b/'],
    ['s3://bucket/a%20b', 'a b/'],
  ])('takes the prefix of %s for %j', (url, prefix) => {
    expect(parseS3Url(url).prefix).toBe(prefix);
  });

  it.each([
    ['s3://bucket?endpoint=http://localhost', true],
    ['s3://bucket?endpoint=http://localhost&pathStyle=false', false],
    ['s3://bucket?pathStyle=true', true],
    ['s3://bucket', false],
  ])('addresses the bucket of %s by path: %j', (url, pathStyle) => {
    expect(parseS3Url(url).pathStyle).toBe(pathStyle);
  });

  it.each([
    ['https://bucket/a', 'it is no s3:// URL'],
    ['not a url', 'it is no s3:// URL'],
    ['s3:///prefix', `'' is no bucket name`],
    ['s3://a/prefix', `'a' is no bucket name`],
    ['s3://bucket?regoin=x', `'regoin' is unknown; known are region, endpoint`],
    ['s3://bucket?region=', `'region' is empty`],
    ['s3://bucket?region=a&region=b', `'region' is given twice`],
    ['s3://bucket?pathStyle=yes', `'pathStyle' must be true or false, got 'yes'`],
    ['s3://bucket?endpoint=localhost:9000', `'endpoint' is no http or https URL`],
    ['s3://bucket/%ZZ', 'not properly percent-encoded'],
  ])('throws when the URL is %s', (url, message) => {
    expect(() => parseS3Url(url)).toThrow(UsageError);
    expect(() => parseS3Url(url)).toThrow(message);
  });

  it.each(['s3://key:top-secret@bucket/p', 's3://bucket/p?endpoint=https://key:top-secret@host'])(
    'refuses credentials in %s without repeating them',
    (url) => {
      expect(() => parseS3Url(url)).toThrow(/holds credentials; give them by environment or profile/);
      expect(() => parseS3Url(url)).not.toThrow(/top-secret/);
    },
  );
});
