import { parseRunnerConfig } from '../../../../lib/contract/index';
import { BackupRepository } from '../../../../lib/kubernetes/repository/backup-repository';
import { CaBundle } from '../../../../lib/kubernetes/repository/ca-bundle';
import { S3Credentials } from '../../../../lib/kubernetes/repository/s3-credentials';
import { parseS3Url } from '../../../../runtime/storage/s3/s3-url';

describe('a repository in a bucket of AWS', () => {
  it('is created when missing, by the identity of the pods, unless told otherwise', () => {
    const repository = BackupRepository.s3({ bucket: 'acme', region: 'eu-west-1' });
    expect(repository).toMatchObject({
      url: 's3://acme?region=eu-west-1',
      create: true,
      _port: 443,
    });
    expect([repository._credentials, repository._mounts('backup')]).toEqual([undefined, []]);
  });

  it('takes prefix, credentials, and that it must exist', () => {
    const credentials = S3Credentials.fromSecret('keys');
    const repository = BackupRepository.s3({
      bucket: 'acme',
      region: 'eu-west-1',
      prefix: '/prod/eu/',
      credentials,
      create: false,
    });
    expect(repository).toMatchObject({
      url: 's3://acme/prod/eu?region=eu-west-1',
      create: false,
    });
    expect(repository._credentials).toBe(credentials);
  });
});

describe('a repository behind another endpoint', () => {
  const minio = (options: Partial<Parameters<typeof BackupRepository.s3Compatible>[0]> = {}) =>
    BackupRepository.s3Compatible({ endpoint: 'https://minio:9000', bucket: 'acme', ...options });

  it('has the bucket in the path unless told otherwise', () => {
    expect(minio().url).toBe('s3://acme?endpoint=https://minio:9000&pathStyle=true');
    expect(minio({ pathStyle: false }).url).toBe('s3://acme?endpoint=https://minio:9000&pathStyle=false');
  });

  it('is found by the runner as it was meant', () => {
    const caBundle = CaBundle.fromConfigMap('ca');
    const { url } = minio({ prefix: 'a b/c&d', region: 'us-east-1', caBundle });
    expect(parseS3Url(url)).toMatchObject({
      bucket: 'acme',
      prefix: 'a b/c&d/',
      region: 'us-east-1',
      endpoint: 'https://minio:9000',
      pathStyle: true,
      caBundle: '/etc/tempo-backup-ca/ca.crt',
    });
    expect(parseRunnerConfig({ repository: { url } }).repository.url).toBe(url);
  });

  it.each([
    ['https://minio:9000', 9000],
    ['https://minio', 443],
    ['http://minio', 80],
  ])('is reached at the port of %s', (endpoint, port) => {
    expect(minio({ endpoint })._port).toBe(port);
  });

  it.each([
    ['minio:9000', "'endpoint' must be an http or https URL such as 'https://minio:9000', got 'minio:9000'"],
    ['https://key:secret@minio', "'endpoint' must hold no credentials"],
  ])('throws when the endpoint is %s', (endpoint, message) => {
    expect(() => minio({ endpoint })).toThrow(message);
  });
});

describe('a repository on a volume', () => {
  it('is the root of the volume unless told otherwise', () => {
    const repository = BackupRepository.volume('backups');
    expect(repository).toMatchObject({
      url: 'file:///repository',
      create: true,
      _port: undefined,
    });
    expect(BackupRepository.volume({ name: 'backups' }, { path: 'prod', create: false })).toMatchObject({
      url: 'file:///repository/prod',
      create: false,
    });
  });

  it('is mounted in every pod, and writable for those who write', () => {
    const repository = BackupRepository.volume({ name: 'backups' });
    const volume = { name: 'repository', persistentVolumeClaim: { claimName: 'backups' } };
    expect(repository._mounts('backup')).toEqual([{ volume, path: '/repository', readOnly: false }]);
    const identities = ['backup', 'verify', 'prune', 'snapshot', 'restore', 'restore-mover'] as const;
    expect(identities.map((identity) => repository._mounts(identity)[0]?.readOnly)).toEqual([
      ...[false, false, false, false],
      ...[true, true],
    ]);
  });
});

describe('a repository that cannot be', () => {
  const bucket = (name: string) => BackupRepository.s3({ bucket: name, region: 'eu-west-1' });

  it.each(['a/b', 's3://acme', 'Acme', 'acme?x=1', 'acme#x', 'acme@x', 'ab'])(
    'throws when its bucket is %j',
    (name) => {
      expect(() => bucket(name)).toThrow(
        `'bucket' must be the name of a bucket, 3 to 63 lower-case letters, digits, dots and dashes, got '${name}'; a path in it is its 'prefix'`,
      );
    },
  );

  it.each<[string, () => BackupRepository]>([
    ["'bucket' must not be empty", () => bucket('')],
    ["'region' must not be empty", () => BackupRepository.s3({ bucket: 'acme', region: '' })],
    [
      "'prefix' must be a path within the volume or bucket, without '.' and '..', got '../x'",
      () => BackupRepository.s3({ bucket: 'acme', region: 'eu-west-1', prefix: '../x' }),
    ],
    [
      "'path' must be a path within the volume or bucket, without '.' and '..', got 'a/../../x'",
      () => BackupRepository.volume('backups', { path: 'a/../../x' }),
    ],
  ])('throws: %s', (message, make) => {
    expect(make).toThrow(message);
  });
});

describe('access keys', () => {
  const variables = (credentials: S3Credentials, identity: 'backup' | 'prune') =>
    credentials._environment(identity).map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef]);

  it('come from one Secret for all', () => {
    const credentials = S3Credentials.fromSecret('keys');
    expect(variables(credentials, 'backup')).toEqual([
      ['AWS_ACCESS_KEY_ID', { name: 'keys', key: 'access-key-id' }],
      ['AWS_SECRET_ACCESS_KEY', { name: 'keys', key: 'secret-access-key' }],
    ]);
    expect(variables(credentials, 'prune')).toEqual(variables(credentials, 'backup'));
  });

  it('come from a Secret for each identity, and other keys, when told so', () => {
    const names = { backup: 'w', verify: 'v', prune: 'p', restore: 'r', 'restore-mover': 'r', snapshot: 'w' };
    const credentials = S3Credentials.fromSecrets(names, { accessKeyIdKey: 'id', secretAccessKeyKey: 'key' });
    expect(variables(credentials, 'prune')).toEqual([
      ['AWS_ACCESS_KEY_ID', { name: 'p', key: 'id' }],
      ['AWS_SECRET_ACCESS_KEY', { name: 'p', key: 'key' }],
    ]);
    expect(variables(credentials, 'backup')[0]).toEqual(['AWS_ACCESS_KEY_ID', { name: 'w', key: 'id' }]);
  });
});

describe('a bundle of certificate authorities', () => {
  it('comes from a ConfigMap or a Secret', () => {
    const items = [{ key: 'ca.crt', path: 'ca.crt' }];
    expect(CaBundle.fromConfigMap('trust')._mount('ca')).toEqual({
      volume: { name: 'ca', configMap: { name: 'trust', items } },
      path: '/etc/tempo-backup-ca',
      readOnly: true,
    });
    expect(CaBundle.fromSecret('trust', { key: 'root.pem' })._mount('ca').volume).toEqual({
      name: 'ca',
      secret: { secretName: 'trust', items: [{ key: 'root.pem', path: 'ca.crt' }] },
    });
    expect(CaBundle.fromConfigMap('trust', { key: 'bundle' })._mount('ca').volume.configMap?.items?.[0]?.key).toBe(
      'bundle',
    );
    expect(CaBundle.fromSecret('trust')._mount('ca').volume.secret?.items?.[0]?.key).toBe('ca.crt');
  });
});
