import { type Duration } from 'cdk8s';
import { literal } from '../private/checks/literal';
import { type TempoAttributes } from './tempo-attributes';
import { TempoStorage } from './tempo-storage';
import { type VolumeAccess } from './volume-access';

/** A chart, or the operator, that installs Tempo. */
export type TempoChart = 'sb-helm-charts' | 'grafana-community' | 'tempo-distributed' | 'tempo-operator';

/** What a release does differently from its chart's defaults. */
export interface HelmReleaseOptions {
  /**
   * Which chart it is of: `tempo` of sb-helm-charts (0.4), `tempo` of grafana-community (2.x, also the older grafana/tempo),
   * `tempo-distributed`, or TempoMonolithic of the operator, where the release is the name of that object.
   */
  readonly chart: TempoChart;

  /**
   * Name of this Tempo.
   *
   * @default 'tempo'
   */
  readonly name?: string;

  /**
   * Name of the chart's objects, as its value `fullnameOverride` says.
   *
   * @default - the release when it contains `tempo`, else `<release>-tempo`; the operator's are always `tempo-<release>`
   */
  readonly fullnameOverride?: string;

  /**
   * Whether the chart's persistence is on. Without it the data lies in an emptyDir, which is gone with the pod and can't be backed up.
   *
   * @default - true for `sb-helm-charts` and `tempo-operator`; must be said for `grafana-community`, where it is off by default
   */
  readonly persistence?: boolean;

  /**
   * Where it keeps its data, when that isn't the chart's volume: `TempoStorage.s3()`.
   *
   * @default - the chart's volume; must be given for `tempo-distributed`, which has none for blocks
   */
  readonly storage?: TempoStorage;

  /**
   * Of `tempo-distributed`, what holds recent traces: the ingester up to Tempo 2.10, the live-store from 3.0 on.
   *
   * @default 'ingester'
   */
  readonly component?: 'ingester' | 'live-store';

  /**
   * How a backup reaches the volume.
   *
   * @default VolumeAccess.SHARED
   */
  readonly access?: VolumeAccess;

  /**
   * Its HTTP address, when the release doesn't serve it at the usual port, or in clear to everybody; null: it isn't reached, so not flushed.
   *
   * @default - `http://` the name of the chart's objects `:3200`
   */
  readonly url?: string | null;

  /**
   * User and group number that Tempo runs as.
   *
   * @default - 10001, for `tempo-distributed` 1000
   */
  readonly user?: number;

  /**
   * Names of Secrets that belong to Tempo's configuration. They need `secretsEncryption` in the plan.
   *
   * @default - none: with local storage the charts make none
   */
  readonly secrets?: readonly string[];

  /**
   * Tempo's version, such as `2.9`.
   *
   * @default - asked for, else inferred from its data
   */
  readonly version?: string;

  /**
   * How long Tempo keeps blocks.
   *
   * @default - as its ConfigMap says
   */
  readonly retention?: Duration;
}

/** What a chart names and places in its own way. */
interface Shape {
  readonly kind: 'StatefulSet' | 'Deployment';
  readonly fullname: string;
  readonly podLabels: Readonly<Record<string, string>>;
  readonly claim?: string;
  readonly tracesPath?: string;
  readonly configMaps: readonly string[];
  readonly user?: number;
}

const SHAPES: Readonly<Record<TempoChart, (release: string, fullname: string, options: HelmReleaseOptions) => Shape>> =
  {
    // A Deployment, though its documentation says StatefulSet.
    'sb-helm-charts': (release, fullname) => ({
      kind: 'Deployment',
      fullname,
      podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': release },
      claim: fullname,
      tracesPath: 'traces',
      configMaps: [`${fullname}-config`],
    }),
    'grafana-community': (release, fullname) => ({
      kind: 'StatefulSet',
      fullname,
      podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': release },
      claim: `storage-${fullname}-0`,
      tracesPath: 'traces',
      // After the chart, not after the release.
      configMaps: ['tempo'],
    }),
    'tempo-distributed': (release, fullname, { component = 'ingester' }) => ({
      kind: 'StatefulSet',
      fullname: `${fullname}-${component}`,
      podLabels: {
        'app.kubernetes.io/name': 'tempo',
        'app.kubernetes.io/instance': release,
        'app.kubernetes.io/component': component,
      },
      configMaps: [`${fullname}-config`, `${fullname}-runtime`],
      user: 1000,
    }),
    'tempo-operator': (release) => ({
      kind: 'StatefulSet',
      fullname: `tempo-${release}`,
      podLabels: {
        'app.kubernetes.io/name': 'tempo-monolithic',
        'app.kubernetes.io/instance': release,
        'app.kubernetes.io/managed-by': 'tempo-operator',
        'app.kubernetes.io/component': 'tempo',
      },
      claim: `tempo-storage-tempo-${release}-0`,
      tracesPath: 'blocks',
      configMaps: [`tempo-${release}-config`],
    }),
  };

/** Helm's own limit. With dots the charts' Services would have names that Kubernetes refuses. */
const RELEASE = /^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/;

/** The attributes of the Tempo that a release installs. */
export function attributesOfRelease(release: string, options: HelmReleaseOptions): TempoAttributes {
  checkOptions(release, options);
  const { chart, name, secrets, version, retention } = options;
  const shape = SHAPES[chart](release, fullnameOf(release, options), options);
  return {
    name,
    url: options.url === null ? undefined : (options.url ?? `http://${shape.fullname}:3200`),
    podLabels: shape.podLabels,
    workload: { kind: shape.kind, name: shape.fullname },
    storage: options.storage ?? chartStorage(release, shape, options),
    user: options.user ?? shape.user,
    configMaps: shape.configMaps,
    secrets,
    services: [shape.fullname],
    version,
    retention,
  };
}

function chartStorage(release: string, { claim, tracesPath }: Shape, options: HelmReleaseOptions): TempoStorage {
  const { chart, access, persistence = chart !== 'grafana-community' } = options;
  if (claim === undefined)
    throw new Error(
      `describe release '${release}': '${chart}' keeps blocks in object storage only; pass 'storage: TempoStorage.s3({ bucket, region })'`,
    );
  if (persistence) return TempoStorage.persistentVolumeClaim(claim, { tracesPath, access });
  const state = options.persistence === false ? 'is off' : `is off by default in '${chart}' and isn't said to be on`;
  throw new Error(
    `describe release '${release}': persistence ${state}, so its data is gone with its pod; switch it on in the chart and pass 'persistence: true'`,
  );
}

/** What would be ignored is refused: whoever says it counts on it. */
function checkOptions(release: string, options: HelmReleaseOptions): void {
  const { chart, fullnameOverride, component, access, storage } = options;
  const refuse = (problem: string): never => {
    throw new Error(`describe release '${release}': ${problem}`);
  };
  if (!RELEASE.test(literal('release', release)))
    refuse(
      "the name of a release must be up to 53 lower-case letters, digits and dashes; pass the name that 'helm list' shows",
    );
  const charts = Object.keys(SHAPES);
  if (!charts.includes(chart)) refuse(`'chart' must be one of ${charts.join(', ')}, got '${chart}'`);
  if (fullnameOverride !== undefined && chart === 'tempo-operator')
    refuse(
      `'fullnameOverride' is '${fullnameOverride}', but the operator's objects are always 'tempo-${release}'; leave it out`,
    );
  if (component !== undefined && chart !== 'tempo-distributed')
    refuse(`'component' is '${component}', but '${chart}' has no components; leave it out`);
  if (access !== undefined && storage !== undefined)
    refuse("'access' is of the chart's volume, but 'storage' says that the data lies elsewhere; give it to 'storage'");
}

/** As the charts' own templates make it. */
function fullnameOf(release: string, { fullnameOverride }: HelmReleaseOptions): string {
  const name = fullnameOverride ?? (release.includes('tempo') ? release : `${release}-tempo`);
  return literal('fullnameOverride', name).slice(0, 63).replace(/-$/, '');
}
