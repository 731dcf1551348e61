import { Duration, Size } from 'cdk8s';
import { KUBERNETES_IDENTITIES } from '../../../../lib/contract/index';
import { VolumeAccess } from '../../../../lib/kubernetes/tempo/volume-access';
import { Tempo } from '../../../../lib/kubernetes/tempo/tempo';
import { type TempoAttributes } from '../../../../lib/kubernetes/tempo/tempo-attributes';
import { TempoStorage } from '../../../../lib/kubernetes/tempo/tempo-storage';

const storage = TempoStorage.persistentVolumeClaim('storage-tempo-0');
const tempoWith = (attributes: Partial<TempoAttributes> = {}): Tempo =>
  Tempo.fromAttributes({
    podLabels: { app: 'tempo' },
    workload: { kind: 'StatefulSet', name: 'tempo' },
    storage,
    ...attributes,
  });

describe('a Tempo by its attributes', () => {
  it('has defaults for all that can be left out', () => {
    const tempo = tempoWith();
    expect(tempo).toMatchObject({ name: 'tempo', url: undefined, user: 10001, group: 10001, secrets: [] });
    expect(tempo._config).toEqual({
      name: 'tempo',
      configFolders: [],
      owner: '10001:10001',
      storage: { path: '/var/tempo/traces', walPath: '/var/tempo/wal' },
    });
    expect(tempo._objects).toEqual({
      workload: { kind: 'StatefulSet', name: 'tempo' },
      configMaps: [],
      secrets: [],
      services: [],
      persistentVolumeClaims: ['storage-tempo-0'],
    });
    expect(tempo._port).toBeUndefined();
  });

  it('takes every attribute', () => {
    const tempo = tempoWith({
      name: 'traces',
      url: 'http://traces:3200',
      user: 1000,
      group: 2000,
      configMaps: ['a', 'b'],
      secrets: ['c'],
      services: ['d'],
      version: '2.9',
      retention: Duration.days(14),
    });
    expect(tempo._config).toMatchObject({
      name: 'traces',
      url: 'http://traces:3200',
      owner: '1000:2000',
      version: '2.9',
      retention: '14d',
    });
    expect(tempo._objects).toMatchObject({ configMaps: ['a', 'b'], secrets: ['c'], services: ['d'] });
    expect([tempo.podLabels, tempo.retention?.toDays()]).toEqual([{ app: 'tempo' }, 14]);
  });

  it('has its ConfigMaps mounted for those who move data, gone or not, and for nobody else', () => {
    const tempo = tempoWith({ configMaps: ['tempo', 'tempo.runtime'] });
    const mount = (name: string, number: number) => ({
      volume: { name: `tempo-config-${number}`, configMap: { name, optional: true } },
      path: `/etc/tempo-backup-of-tempo/${name}`,
      readOnly: true,
    });
    expect(tempo._mounts('restore-mover')).toEqual([mount('tempo', 1), mount('tempo.runtime', 2)]);
    expect(tempo._config.configFolders).toEqual(tempo._mounts('restore-mover').map(({ path }) => path));
    const others = KUBERNETES_IDENTITIES.filter((identity) => identity !== 'restore-mover');
    expect(others.flatMap((identity) => tempo._mounts(identity))).toEqual([]);
  });

  it('has the group of its user unless told otherwise', () => {
    expect(tempoWith({ user: 1000 }).group).toBe(1000);
  });

  it.each([
    ['http://tempo:3200', 3200],
    ['http://tempo', 80],
    ['https://tempo.acme.dev', 443],
  ])('is reached at the port of %s', (url, port) => {
    expect(tempoWith({ url })._port).toBe(port);
  });

  it('is left alone when a clone is read, which no flush can reach', () => {
    const url = 'http://tempo:3200';
    const cloned = TempoStorage.persistentVolumeClaim('c', { access: VolumeAccess.clone({ size: Size.gibibytes(1) }) });
    const tempo = tempoWith({ url, storage: cloned });
    expect([tempo._config.url, tempo._port, tempo.url]).toEqual([undefined, undefined, url]);
    expect(tempoWith({ url })._config.url).toBe(url);
  });

  it.each([
    ['name is too long', { name: 'a'.repeat(39) }, "'name' must be up to 38 lower-case letters"],
    ['name has capitals', { name: 'Tempo' }, "got 'Tempo'"],
    ['user is root', { user: 0 }, "'user' must not be 0"],
    [
      'address is no URL',
      { url: 'tempo:3200' },
      "'url' must be a URL such as 'http://tempo:3200', without credentials, got 'tempo:3200'",
    ],
    ['address holds a password', { url: 'http://me:secret@tempo:3200' }, "got '***@tempo:3200'"],
    ['pods have no labels', { podLabels: {} }, "'podLabels' must hold at least one label"],
  ] as [string, Partial<TempoAttributes>, string][])('throws when its %s', (_, attributes, message) => {
    expect(() => tempoWith(attributes)).toThrow(message);
  });

  it('takes a name of 38 characters', () => {
    expect(tempoWith({ name: 'a'.repeat(38) }).name).toHaveLength(38);
  });
});
