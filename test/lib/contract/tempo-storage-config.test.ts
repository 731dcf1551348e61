import { parseRunnerConfig } from '../../../lib/contract/runner-config';
import { ConfigError } from '../../../lib/contract/values/config-error';
import { type S3TempoStorage, tempoBucketUrl } from '../../../lib/contract/tempo-storage-config';

const REPOSITORY = { url: 'file:///srv/backup' };

function problemsOf(storage: unknown): readonly string[] {
  try {
    parseRunnerConfig({ repository: REPOSITORY, tempo: { storage } });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe("Tempo's storage", () => {
  it('is a folder unless the backend says something else', () => {
    const { tempo } = parseRunnerConfig({ repository: REPOSITORY, tempo: { storage: { path: '/data/traces' } } });
    expect(tempo.storage).toEqual({ backend: 'local', path: '/data/traces' });
  });

  it('is a bucket with all that says where it is', () => {
    const storage = {
      backend: 's3',
      bucket: 'traces',
      prefix: 'tempo/prod',
      endpoint: 'https://minio:9000',
      region: 'eu-west-1',
      pathStyle: true,
      profile: 'tempo',
      caBundle: '/etc/ca.pem',
      walPath: '/var/tempo/wal',
    };
    expect(parseRunnerConfig({ repository: REPOSITORY, tempo: { storage } }).tempo.storage).toEqual(storage);
  });

  it.each([
    [{ backend: 'gcs' }, '\'tempo.storage.backend\' must be one of local, s3, got "gcs"'],
    [{ backend: 's3' }, "'tempo.storage.bucket' must be a string, but is missing"],
    [{ backend: 's3', bucket: 'a b' }, 'must be the name of a bucket, such as \'tempo-traces\', got "a b"'],
    [
      { backend: 's3', bucket: 'traces', prefix: '/tempo/' },
      "must be a prefix such as 'tempo/prod', without slashes at its ends",
    ],
    [{ backend: 's3', bucket: 'traces', endpoint: 'minio:9000' }, "must be a URL such as 'https://minio:9000'"],
    [{ backend: 's3', bucket: 'traces', endpoint: 'http://key:secret@minio' }, 'without credentials'],
    [
      { backend: 's3', bucket: 'traces', buket: 'x' },
      "'tempo.storage.buket' is no key of the configuration; did you mean 'bucket'?",
    ],
    [{ backend: 's3', bucket: 'traces', path: '/x' }, "'tempo.storage.path' is no key of the configuration"],
    [{ bucket: 'traces' }, "'tempo.storage.bucket' is no key of the configuration; known: backend, path, walPath"],
  ])('throws when it is %j', (storage, message) => {
    expect(problemsOf(storage)).toContainEqual(expect.stringContaining(message));
  });
});

describe('the URL of the bucket', () => {
  it.each<[Omit<S3TempoStorage, 'backend'>, string]>([
    [{ bucket: 'traces' }, 's3://traces'],
    [{ bucket: 'traces', prefix: 'tempo/prod one' }, 's3://traces/tempo/prod%20one'],
    [
      { bucket: 'traces', prefix: 'p', endpoint: 'http://minio:9000', pathStyle: false, region: 'r' },
      's3://traces/p?region=r&endpoint=http%3A%2F%2Fminio%3A9000&pathStyle=false',
    ],
  ])('of %j is %s', (storage, url) => {
    expect(tempoBucketUrl({ backend: 's3', ...storage })).toBe(url);
  });
});
