import { type Duration } from 'cdk8s';
import { type TempoAttributes } from './tempo-attributes';
import { TempoStorage } from './tempo-storage';
import { type VolumeAccess } from './volume-access';

/** A chart, or the operator, that installs Tempo. */
export type TempoChart = 'sb-helm-charts' | 'grafana-community' | 'tempo-operator';

/** What a release does differently from its chart's defaults. */
export interface HelmReleaseOptions {
  /**
   * Which chart it is of: `tempo` of sb-helm-charts (0.4), `tempo` of grafana-community (2.x, also the older grafana/tempo), or
   * TempoMonolithic of the operator, where the release is the name of that object.
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
   * How a backup reaches the volume.
   *
   * @default VolumeAccess.SHARED
   */
  readonly access?: VolumeAccess;

  /**
   * User and group number that Tempo runs as.
   *
   * @default 10001
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
  readonly claim: string;
  readonly tracesPath: string;
  readonly configMap: string;
}

const SHAPES: Readonly<Record<TempoChart, (release: string, fullname: string) => Shape>> = {
  // A Deployment, though its documentation says StatefulSet.
  'sb-helm-charts': (release, fullname) => ({
    kind: 'Deployment',
    fullname,
    podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': release },
    claim: fullname,
    tracesPath: 'traces',
    configMap: `${fullname}-config`,
  }),
  'grafana-community': (release, fullname) => ({
    kind: 'StatefulSet',
    fullname,
    podLabels: { 'app.kubernetes.io/name': 'tempo', 'app.kubernetes.io/instance': release },
    claim: `storage-${fullname}-0`,
    tracesPath: 'traces',
    // After the chart, not after the release.
    configMap: 'tempo',
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
    configMap: `tempo-${release}-config`,
  }),
};

const PERSISTENT_BY_DEFAULT: Readonly<Record<TempoChart, boolean>> = {
  'sb-helm-charts': true,
  'grafana-community': false,
  'tempo-operator': true,
};

/** The attributes of the Tempo that a release installs. */
export function attributesOfRelease(release: string, options: HelmReleaseOptions): TempoAttributes {
  const { chart, name, fullnameOverride, access, user, secrets, version, retention } = options;
  requirePersistence(release, options);
  const { kind, fullname, podLabels, claim, tracesPath, configMap } = SHAPES[chart](
    release,
    fullnameOverride ?? fullnameOf(release),
  );
  return {
    name,
    url: `http://${fullname}:3200`,
    podLabels,
    workload: { kind, name: fullname },
    storage: TempoStorage.persistentVolumeClaim(claim, { tracesPath, access }),
    user,
    configMaps: [configMap],
    secrets,
    services: [fullname],
    version,
    retention,
  };
}

function requirePersistence(release: string, { chart, persistence }: HelmReleaseOptions): void {
  if (persistence ?? PERSISTENT_BY_DEFAULT[chart]) return;
  const state = persistence === false ? 'is off' : `is off by default in '${chart}' and isn't said to be on`;
  throw new Error(
    `describe release '${release}': persistence ${state}, so its data is gone with its pod; switch it on in the chart and pass 'persistence: true'`,
  );
}

/** As the charts' own templates make it. */
function fullnameOf(release: string): string {
  const name = release.includes('tempo') ? release : `${release}-tempo`;
  return name.slice(0, 63).replace(/-$/, '');
}
