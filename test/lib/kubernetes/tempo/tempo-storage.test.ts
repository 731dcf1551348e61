import { Size } from 'cdk8s';
import { VolumeAccess } from '../../../../lib/kubernetes/tempo/volume-access';
import { TempoStorage } from '../../../../lib/kubernetes/tempo/tempo-storage';

describe('the storage of a Tempo on a volume', () => {
  it('is laid out as Tempo itself does', () => {
    const storage = TempoStorage.persistentVolumeClaim('data');
    expect(storage).toMatchObject({
      claim: 'data',
      mountPath: '/var/tempo',
      access: VolumeAccess.SHARED,
      holdsWal: true,
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

  it('is mounted read-only to read it, and writable to put data back', () => {
    const { _source, _target } = TempoStorage.persistentVolumeClaim('data');
    expect(_source).toEqual({
      volume: { name: 'tempo', persistentVolumeClaim: { claimName: 'data', readOnly: true } },
      path: '/var/tempo',
      readOnly: true,
    });
    expect(_target).toEqual({
      volume: { name: 'tempo', persistentVolumeClaim: { claimName: 'data' } },
      path: '/var/tempo',
      readOnly: false,
    });
  });

  it('is read from a clone of its own when told so, and put back into the claim itself', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(10), storageClassName: 'fast' });
    const { _source, _target } = TempoStorage.persistentVolumeClaim('data', { access });
    const spec = {
      accessModes: ['ReadWriteOnce'],
      dataSource: { kind: 'PersistentVolumeClaim', name: 'data' },
      resources: { requests: { storage: { value: '10240Mi' } } },
      storageClassName: 'fast',
    };
    expect(_source.volume).toEqual({ name: 'tempo', ephemeral: { volumeClaimTemplate: { spec } } });
    expect(_source.readOnly).toBe(true);
    expect(_target.volume.persistentVolumeClaim?.claimName).toBe('data');
  });

  it('clones into the default class unless told otherwise', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(1) });
    const { volume } = TempoStorage.persistentVolumeClaim('data', { access })._source;
    expect(volume.ephemeral?.volumeClaimTemplate?.spec.storageClassName).toBeUndefined();
  });

  it.each([
    [
      { tracesPath: '/var/tempo/traces' },
      "'tracesPath' must be a path within the volume such as 'traces', got '/var/tempo/traces'",
    ],
    [{ tracesPath: '../traces' }, "'tracesPath' must be a path within the volume"],
    [{ walPath: '' }, "'walPath' must be a path within the volume"],
    [{ mountPath: 'var/tempo' }, "'mountPath' must be an absolute path, got 'var/tempo'"],
  ])('throws when a path leads elsewhere: %j', (options, message) => {
    expect(() => TempoStorage.persistentVolumeClaim('data', options)).toThrow(message);
  });
});
