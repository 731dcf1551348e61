import { Lazy, Yaml } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { ConfigError, parseRunnerConfig, type RunnerConfig, type RunnerConfigInput } from '../../contract/index';
import { CONFIG_FOLDER } from './folders';
import { shortHash } from './hash';
import { recommendedLabels } from './labels';
import { type Mount } from './mount';

/** Absolute path of the configuration file in each pod. */
export const CONFIG_FILE = `${CONFIG_FOLDER}/config.yaml`;

/** What the runner's configuration is made from. */
export interface ConfigurationProps {
  /** Name of the Tempo. */
  readonly tempo: string;
  /** What the configuration says, asked for at synth: rules may be added until then. */
  readonly produce: () => RunnerConfigInput;
  /** Files that lie beside it, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** The ConfigMap with the runner's configuration. */
export class Configuration extends Construct {
  /** The volume with the configuration, for every pod. */
  readonly mount: Mount;

  private last: { readonly text: string; readonly config: RunnerConfig } | undefined;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ConfigurationProps,
  ) {
    super(scope, id);
    const name = `${props.tempo}-backup-config`;
    new k8s.KubeConfigMap(this, 'ConfigMap', {
      metadata: { name, labels: recommendedLabels(props.tempo) },
      data: Lazy.any({ produce: () => this.data }) as Record<string, string>,
    });
    this.mount = { volume: { name: 'config', configMap: { name } }, path: CONFIG_FOLDER, readOnly: true };
    this.node.addValidation({ validate: () => problemsOf(() => this.config) });
  }

  /** With every default filled in. Throws a `ConfigError`. */
  get config(): RunnerConfig {
    const input = this.props.produce();
    const text = JSON.stringify(input);
    // Every pod template asks for the hash, and a plan takes milliseconds to check.
    if (this.last?.text !== text) this.last = { text, config: parseRunnerConfig(input) };
    return this.last.config;
  }

  /** Changes exactly when the content of the ConfigMap does. */
  get hash(): string {
    return shortHash(JSON.stringify(this.data));
  }

  private get data(): Record<string, string> {
    // What is undefined has no place in YAML.
    const config: unknown = JSON.parse(JSON.stringify(this.config));
    return { 'config.yaml': Yaml.stringify(config), ...this.props.files };
  }
}

/** What an attempt finds wrong with the configuration. */
export function problemsOf(attempt: () => unknown): string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems];
    throw error;
  }
}
