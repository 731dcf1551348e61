import { Duration, Size } from 'cdk8s';
import { type HelmReleaseOptions } from '../../../../lib/kubernetes/tempo/helm-release';
import { Tempo } from '../../../../lib/kubernetes/tempo/tempo';
import { TempoStorage } from '../../../../lib/kubernetes/tempo/tempo-storage';
import { VolumeAccess } from '../../../../lib/kubernetes/tempo/volume-access';

describe('a Helm release of sb-helm-charts', () => {
  const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts' });

  it('is a Deployment, with its volume, labels and ConfigMap', () => {
    expect(tempo._objects).toEqual({
      workload: { kind: 'Deployment', name: 'tempo' },
      configMaps: ['tempo-config'],
      secrets: [],
      services: ['tempo'],
      persistentVolumeClaims: ['tempo'],
    });
    expect(tempo).toMatchObject({
      name: 'tempo',
      url: 'http://tempo:3200',
      user: 10001,
      group: 10001,
      podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'tempo' },
    });
    expect(tempo.storage._config).toEqual({ path: '/var/tempo/traces', walPath: '/var/tempo/wal' });
    expect(tempo.storage.access).toBe(VolumeAccess.SHARED);
  });

  it.each([
    ['tempo', 'tempo'],
    ['my-tempo-2', 'my-tempo-2'],
    ['traces', 'traces-tempo'],
    ['a'.repeat(53), `${'a'.repeat(53)}-tempo`],
  ])('called %s names its objects %s', (release, fullname) => {
    expect(Tempo.fromHelmRelease(release, { chart: 'sb-helm-charts' })._objects.workload.name).toBe(fullname);
  });
});

describe('a Helm release of grafana-community', () => {
  const tempo = Tempo.fromHelmRelease('traces', { chart: 'grafana-community', persistence: true });

  it('is a StatefulSet whose ConfigMap is named after the chart', () => {
    expect(tempo._objects).toEqual({
      workload: { kind: 'StatefulSet', name: 'traces-tempo' },
      configMaps: ['tempo'],
      secrets: [],
      services: ['traces-tempo'],
      persistentVolumeClaims: ['storage-traces-tempo-0'],
    });
    expect(tempo).toMatchObject({
      url: 'http://traces-tempo:3200',
      user: 10001,
      podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': 'traces' },
    });
    expect(tempo.storage._config).toEqual({ path: '/var/tempo/traces', walPath: '/var/tempo/wal' });
  });

  it('throws unless its persistence is said to be on', () => {
    expect(() => Tempo.fromHelmRelease('tempo', { chart: 'grafana-community' })).toThrow(
      "describe release 'tempo': persistence is off by default in 'grafana-community' and isn't said to be on, so its data is gone with its pod; " +
        "switch it on in the chart and pass 'persistence: true'",
    );
  });
});

describe('a Helm release of tempo-distributed', () => {
  const storage = TempoStorage.s3({ bucket: 'acme-tempo', region: 'eu-west-1' });

  it('is described by what holds recent traces, and has a user of its own', () => {
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed', storage });
    expect(tempo._objects).toEqual({
      workload: { kind: 'StatefulSet', name: 'tempo-ingester' },
      configMaps: ['tempo-config', 'tempo-runtime'],
      secrets: [],
      services: ['tempo-ingester'],
      persistentVolumeClaims: [],
    });
    expect(tempo).toMatchObject({
      url: 'http://tempo-ingester:3200',
      user: 1000,
      group: 1000,
      podLabels: {
        'app.kubernetes.io/name': 'tempo',
        'app.kubernetes.io/instance': 'tempo',
        'app.kubernetes.io/component': 'ingester',
      },
      storage,
    });
  });

  it('has a live-store from 3.0 on', () => {
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed', component: 'live-store', storage });
    expect(tempo._objects.workload.name).toBe('tempo-live-store');
    expect(tempo.podLabels['app.kubernetes.io/component']).toBe('live-store');
  });

  it('throws unless its bucket is given', () => {
    expect(() => Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed' })).toThrow(
      "describe release 'tempo': 'tempo-distributed' keeps blocks in object storage only; pass 'storage: TempoStorage.s3({ bucket, region })'",
    );
  });
});

describe("a TempoMonolithic of Tempo's operator", () => {
  it('keeps its blocks elsewhere, and its objects begin with tempo-', () => {
    const tempo = Tempo.fromHelmRelease('sample', { chart: 'tempo-operator' });
    expect(tempo._objects).toEqual({
      workload: { kind: 'StatefulSet', name: 'tempo-sample' },
      configMaps: ['tempo-sample-config'],
      secrets: [],
      services: ['tempo-sample'],
      persistentVolumeClaims: ['tempo-storage-tempo-sample-0'],
    });
    expect(tempo).toMatchObject({
      url: 'http://tempo-sample:3200',
      podLabels: {
        'app.kubernetes.io/name': 'tempo-monolithic',
        'app.kubernetes.io/instance': 'sample',
        'app.kubernetes.io/managed-by': 'tempo-operator',
        'app.kubernetes.io/component': 'tempo',
      },
    });
    expect(tempo.storage._config).toEqual({ path: '/var/tempo/blocks', walPath: '/var/tempo/wal' });
  });
});

describe('a release that differs from its chart', () => {
  it('has an overriding name cut off as the charts do', () => {
    const fullnameOverride = `${'a'.repeat(62)}-bc`;
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', fullnameOverride });
    expect(tempo._objects.workload.name).toBe('a'.repeat(62));
  });

  it('is described by what differs', () => {
    const access = VolumeAccess.clone({ size: Size.gibibytes(10) });
    const tempo = Tempo.fromHelmRelease('tempo', {
      chart: 'sb-helm-charts',
      name: 'prod',
      fullnameOverride: 'traces',
      persistence: true,
      access,
      user: 1000,
      secrets: ['tempo-s3'],
      version: '2.9',
      retention: Duration.days(7),
    });
    expect(tempo).toMatchObject({
      name: 'prod',
      url: 'http://traces:3200',
      user: 1000,
      group: 1000,
      secrets: ['tempo-s3'],
    });
    expect(tempo._config).toMatchObject({ version: '2.9', retention: '7d' });
    expect([tempo.storage.claim, tempo.storage.access]).toEqual(['traces', access]);
  });

  it('has another address, or none when it lets only its own gateway in', () => {
    const urlOf = (url: string | null) => Tempo.fromHelmRelease('sample', { chart: 'tempo-operator', url }).url;
    expect([urlOf('http://tempo-sample:8080'), urlOf(null)]).toEqual(['http://tempo-sample:8080', undefined]);
  });

  it('needs no persistence when its data lies elsewhere', () => {
    const storage = TempoStorage.s3({ bucket: 'acme-tempo', region: 'eu-west-1' });
    expect(Tempo.fromHelmRelease('tempo', { chart: 'grafana-community', storage }).storage).toBe(storage);
  });

  it('throws when its persistence is off', () => {
    expect(() => Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', persistence: false })).toThrow(
      "describe release 'tempo': persistence is off, so its data is gone with its pod",
    );
  });
});

describe('a release that cannot be what is said of it', () => {
  const storage = TempoStorage.s3({ bucket: 'acme-tempo', region: 'eu-west-1' });
  const access = VolumeAccess.clone({ size: Size.gibibytes(10) });

  it.each([
    ['', "'release' must not be empty"],
    ['Tempo', "describe release 'Tempo': the name of a release must be up to 53 lower-case letters, digits and dashes"],
    ['tempo.v2', "describe release 'tempo.v2': the name of a release must be"],
    ['a'.repeat(54), 'the name of a release must be up to 53'],
  ])('throws when its name is %j', (release, message) => {
    expect(() => Tempo.fromHelmRelease(release, { chart: 'sb-helm-charts' })).toThrow(message);
  });

  it.each([
    [
      { chart: 'grafana' as never },
      "'chart' must be one of sb-helm-charts, grafana-community, tempo-distributed, tempo-operator, got 'grafana'",
    ],
    [
      { chart: 'tempo-operator', fullnameOverride: 'traces' },
      "'fullnameOverride' is 'traces', but the operator's objects are always 'tempo-tempo'; leave it out",
    ],
    [
      { chart: 'sb-helm-charts', component: 'live-store' },
      "'component' is 'live-store', but 'sb-helm-charts' has no components; leave it out",
    ],
    [
      { chart: 'sb-helm-charts', storage, access },
      "'access' is of the chart's volume, but 'storage' says that the data lies elsewhere; give it to 'storage'",
    ],
  ] as [HelmReleaseOptions, string][])('throws instead of ignoring an option: %j', (options, message) => {
    expect(() => Tempo.fromHelmRelease('tempo', options)).toThrow(`describe release 'tempo': ${message}`);
  });
});
