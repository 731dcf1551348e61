import { type Duration } from 'cdk8s';
import {
  formatDuration,
  type KubernetesConfig,
  type KubernetesIdentity,
  type RunnerConfigInput,
} from '../../contract/index';
import { CONFIG_FOLDER } from '../private/folders';
import { type Mount } from '../private/mount';
import { literal } from '../private/checks/literal';
import { attributesOfRelease, type HelmReleaseOptions } from './helm-release';
import { type TempoAttributes } from './tempo-attributes';
import { type TempoStorage } from './tempo-storage';

/** User and group number of Tempo in its own image. */
const TEMPO_USER = 10001;

/** Leaves room for `-restore-mover` in the name of a CronJob: Kubernetes allows 52. */
const NAME = /^[a-z]([a-z0-9-]{0,36}[a-z0-9])?$/;

/**
 * The Tempo that is backed up: what runs it, where its data lies, which objects configure it.
 *
 * @example Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts' })
 */
export class Tempo {
  /**
   * As a Helm chart or the operator installs it, with the names, labels, volume and user that it has there. Throws when the chart keeps
   * the data where it can't be backed up.
   */
  static fromHelmRelease(release: string, options: HelmReleaseOptions): Tempo {
    return new Tempo(attributesOfRelease(release, options));
  }

  /** Any other, by what is known of it. */
  static fromAttributes(attributes: TempoAttributes): Tempo {
    return new Tempo(attributes);
  }

  /** Name of this Tempo: what its objects are named after, and by which a repository knows it. */
  readonly name: string;

  /** Its HTTP address; undefined: it isn't flushed. */
  readonly url: string | undefined;

  /** Labels of its pods. */
  readonly podLabels: Readonly<Record<string, string>>;

  /** User number that it runs as. */
  readonly user: number;

  /** Group number that it runs as. */
  readonly group: number;

  /** Where it keeps its data. */
  readonly storage: TempoStorage;

  /** How long it keeps blocks, when that was said; its ConfigMaps say it otherwise. */
  readonly retention: Duration | undefined;

  private constructor(private readonly attributes: TempoAttributes) {
    const { name = 'tempo', user = TEMPO_USER, group = user } = attributes;
    if (!NAME.test(literal('name', name)))
      throw new Error(
        `'name' must be up to 38 lower-case letters, digits and dashes, beginning with a letter, got '${name}'`,
      );
    if (user === 0)
      throw new Error("'user' must not be 0: pods of the runner never run as root; give Tempo a user of its own");
    if (Object.keys(attributes.podLabels).length === 0)
      throw new Error("'podLabels' must hold at least one label of Tempo's pods, got none");
    checkUrl(attributes.url);
    this.name = name;
    this.url = attributes.url;
    this.podLabels = { ...attributes.podLabels };
    this.user = user;
    this.group = group;
    this.storage = attributes.storage;
    this.retention = attributes.retention;
  }

  /** Names of its Secrets. */
  get secrets(): readonly string[] {
    return [...(this.attributes.secrets ?? [])];
  }

  /**
   * Its TCP port; undefined: it isn't reached.
   *
   * @internal
   */
  get _port(): number | undefined {
    if (this.reachableUrl === undefined) return undefined;
    const { port, protocol } = new URL(this.reachableUrl);
    return port === '' ? { 'http:': 80, 'https:': 443 }[protocol] : Number(port);
  }

  /**
   * What the runner's configuration says of it.
   *
   * @internal
   */
  get _config(): NonNullable<RunnerConfigInput['tempo']> {
    const { version } = this.attributes;
    return {
      name: this.name,
      url: this.reachableUrl,
      storage: this.storage._config,
      version,
      retention: this.retention && formatDuration(this.retention.toMilliseconds()),
      configFolders: this.configMounts.map(({ path }) => path),
      owner: `${this.user}:${this.group}`,
    };
  }

  /**
   * Its Kubernetes objects, as the runner's configuration names them.
   *
   * @internal
   */
  get _objects(): Pick<
    KubernetesConfig,
    'workload' | 'configMaps' | 'secrets' | 'services' | 'persistentVolumeClaims'
  > {
    const { workload, configMaps = [], services = [] } = this.attributes;
    return {
      workload,
      configMaps: [...configMaps],
      secrets: [...this.secrets],
      services: [...services],
      persistentVolumeClaims: this.storage.claim === undefined ? [] : [this.storage.claim],
    };
  }

  /**
   * What the pods of an identity need of its configuration: who moves data asks it how long blocks live, and may ask no API.
   *
   * @internal
   */
  _mounts(identity: KubernetesIdentity): Mount[] {
    return identity === 'restore-mover' ? this.configMounts : [];
  }

  private get configMounts(): Mount[] {
    return (this.attributes.configMaps ?? []).map((name, index) => ({
      // Optional: what is to be restored may be gone.
      volume: { name: `tempo-config-${index + 1}`, configMap: { name, optional: true } },
      path: `${CONFIG_FOLDER}-of-tempo/${name}`,
      readOnly: true,
    }));
  }

  /** A clone is older than any flush: a backup that asked for one would wait for what can't arrive there, and call the point late. */
  private get reachableUrl(): string | undefined {
    return this.storage.access?._shared === false ? undefined : this.url;
  }
}

function checkUrl(url: string | undefined): void {
  if (url === undefined || (URL.canParse(url) && /^https?:\/\/[^\s@]+$/.test(url))) return;
  // What stands before an @ may be a password.
  const shown = literal('url', url).replace(/^.*@/, '***@');
  throw new Error(`'url' must be a URL such as 'http://tempo:3200', without credentials, got '${shown}'`);
}
