import { Size } from 'cdk8s';
import { VolumeAccess } from '../../../../lib/kubernetes/tempo/volume-access';
import { CaBundle } from '../../../../lib/kubernetes/repository/ca-bundle';
import { S3Credentials } from '../../../../lib/kubernetes/repository/s3-credentials';
import { TempoStorage } from '../../../../lib/kubernetes/tempo/tempo-storage';

describe('the storage of a Tempo on a volume', () => {
  it('is laid out as Tempo itself does', () => {
    const storage = TempoStorage.persistentVolumeClaim('data');
    expect(storage).toMatchObject({
      backend: 'local',
      claim: 'data',
      access: VolumeAccess.SHARED,
      holdsWal: true,
      _port: undefined,
    });
    expect(storage._config).toEqual({ path: '/var/tempo/traces', walPath: '/var/tempo/wal' });
  });

  it('takes other folders', () => {
    const options = { mountPath: '/data/', tracesPath: 'tempo/blocks', walPath: 'live-store/traces' };
    const { _config } = TempoStorage.persistentVolumeClaim('data', options);
    expect(_config).toEqual({ path: '/data/tempo/blocks', walPath: '/data/live-store/traces' });
  });

  it('may lack the WAL', () => {
    const storage = TempoStorage.persistentVolumeClaim('data', { walPath: null });
    expect([storage.holdsWal, storage._config]).toEqual([false, { path: '/var/tempo/traces' }]);
  });

  it('takes a construct for the claim', () => {
    expect(TempoStorage.persistentVolumeClaim({ name: 'data' }).claim).toBe('data');
  });

  const [backup, mover] = ['backup', 'restore-mover'] as const;

  it('is mounted read-only to read it, writable to put data back, and nowhere else', () => {
    const storage = TempoStorage.persistentVolumeClaim('data');
    const mount = (claim: object, readOnly: boolean) => [
      { volume: { name: 'tempo', persistentVolumeClaim: claim }, path: '/var/tempo', readOnly },
    ];
    expect(storage._mounts(backup)).toEqual(mount({ claimName: 'data', readOnly: true }, true));
    expect(storage._mounts(mover)).toEqual(mount({ claimName: 'data' }, false));
    const others = ['verify', 'prune', 'restore', 'snapshot'] as const;
    expect(others.flatMap((identity) => storage._mounts(identity))).toEqual([]);
  });

  it('is read from a clone of its own when told so, and put back into the claim itself', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(10), storageClassName: 'fast' });
    const storage = TempoStorage.persistentVolumeClaim('data', { access });
    const spec = {
      accessModes: ['ReadWriteOnce'],
      dataSource: { kind: 'PersistentVolumeClaim', name: 'data' },
      resources: { requests: { storage: { value: '10240Mi' } } },
      storageClassName: 'fast',
    };
    const volume = { name: 'tempo', ephemeral: { volumeClaimTemplate: { spec } } };
    expect(storage._mounts(backup)).toEqual([{ volume, path: '/var/tempo', readOnly: true }]);
    expect(storage._mounts(mover)[0]?.volume.persistentVolumeClaim?.claimName).toBe('data');
  });

  it('clones into the default class unless told otherwise', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(1) });
    const [mount] = TempoStorage.persistentVolumeClaim('data', { access })._mounts(backup);
    expect(mount?.volume.ephemeral?.volumeClaimTemplate?.spec.storageClassName).toBeUndefined();
  });

  it.each([
    [
      { tracesPath: '/var/tempo/traces' },
      "'tracesPath' must be a path within the volume such as 'traces', got '/var/tempo/traces'",
    ],
    [{ tracesPath: '../traces' }, "'tracesPath' must be a path within the volume"],
    [{ walPath: '' }, "'walPath' must be a path within the volume"],
    [{ mountPath: 'var/tempo' }, "'mountPath' must be an absolute path, got 'var/tempo'"],
    [{ mountPath: '/' }, "'mountPath' must not be '/', where a pod of the runner has files of its own"],
    [{ mountPath: '/tmp/' }, "'mountPath' must not be '/tmp/'"],
    [{ mountPath: '/etc/tempo-backup' }, "'mountPath' must not be '/etc/tempo-backup'"],
  ])('throws when a path leads elsewhere: %j', (options, message) => {
    expect(() => TempoStorage.persistentVolumeClaim('data', options)).toThrow(message);
  });
});

describe('the storage of a Tempo in a bucket', () => {
  it('is on AWS, without a volume, unless told otherwise', () => {
    const storage = TempoStorage.s3({ bucket: 'acme-tempo', region: 'eu-west-1' });
    expect(storage).toMatchObject({ backend: 's3', claim: undefined, access: undefined, holdsWal: false, _port: 443 });
    expect(storage._config).toEqual({ backend: 's3', bucket: 'acme-tempo', region: 'eu-west-1' });
    expect([storage._mounts('backup'), storage._credentials]).toEqual([[], undefined]);
  });

  it('takes everything of another server', () => {
    const credentials = S3Credentials.fromSecret('keys');
    const storage = TempoStorage.s3({
      bucket: 'tempo',
      prefix: 'prod',
      endpoint: 'http://minio:9000',
      pathStyle: false,
      credentials,
      caBundle: CaBundle.fromConfigMap('ca'),
    });
    expect(storage._config).toMatchObject({
      prefix: 'prod',
      endpoint: 'http://minio:9000',
      pathStyle: false,
      caBundle: '/etc/tempo-backup-tempo-ca/ca.crt',
    });
    expect([storage._port, storage._credentials]).toEqual([9000, credentials]);
    expect(storage._mounts('backup').map(({ path }) => path)).toEqual(['/etc/tempo-backup-tempo-ca']);
  });

  it('may have its WAL on a volume', () => {
    const storage = TempoStorage.s3({ bucket: 'tempo', wal: { claim: 'wal', mountPath: '/data' } });
    expect(storage).toMatchObject({ claim: 'wal', access: VolumeAccess.SHARED, holdsWal: true });
    expect(storage._config).toMatchObject({ walPath: '/data/wal' });
    expect(storage._mounts('restore-mover')[0]).toMatchObject({ path: '/data', readOnly: false });
    const live = TempoStorage.s3({ bucket: 'tempo', wal: { claim: 'wal', walPath: 'live-store/traces' } });
    expect(live._config.walPath).toBe('/var/tempo/live-store/traces');
  });

  it('throws when its endpoint is no URL', () => {
    expect(() => TempoStorage.s3({ bucket: 'tempo', endpoint: 'minio:9000' })).toThrow(
      "'endpoint' must be an http or https URL such as 'https://minio:9000', got 'minio:9000'",
    );
  });
});
