import { literal } from './private/checks/literal';
import { VERSION } from './private/version';

/** When the kubelet pulls an image. */
export type PullPolicy = 'IfNotPresent' | 'Always' | 'Never';

const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Which image it is, and how it is pulled. */
export interface RunnerImageOptions {
  /**
   * Tag of the image.
   *
   * @default - the version of this package: both are made together
   */
  readonly tag?: string;

  /**
   * Digest of the image, `sha256:…`. It decides over the tag.
   *
   * @default - as the tag says
   */
  readonly digest?: string;

  /**
   * When the kubelet pulls it. A recovery in the middle of a registry's outage works only when the image may come from the node.
   *
   * @default 'IfNotPresent'
   */
  readonly pullPolicy?: PullPolicy;

  /**
   * Names of the Secrets with the registry's credentials.
   *
   * @default - none
   */
  readonly pullSecrets?: readonly string[];
}

/**
 * The image of the runner.
 *
 * @example RunnerImage.fromRegistry('registry.acme.dev/tempo-backup', { tag: '1.4.0' })
 */
export class RunnerImage {
  /** From a registry, by its name there without a tag. Throws when the name carries one, or when there is no such tag or digest. */
  static fromRegistry(name: string, options: RunnerImageOptions = {}): RunnerImage {
    const tag = /(:[^/:]+|@.*)$/.exec(literal('name', name))?.[0];
    if (tag !== undefined)
      throw new Error(`'name' must carry no tag or digest, got '${name}'; pass '${tag.slice(1)}' as 'tag' or 'digest'`);
    const { tag: wanted = VERSION, digest, pullPolicy = 'IfNotPresent', pullSecrets = [] } = options;
    if (!TAG.test(literal('tag', wanted)))
      throw new Error(`'tag' must be the tag of an image such as '1.4.0', got '${wanted}'`);
    if (digest !== undefined && !DIGEST.test(literal('digest', digest)))
      throw new Error(`'digest' must be 'sha256:' and 64 hexadecimal digits, got '${digest}'`);
    const reference = digest === undefined ? `${name}:${wanted}` : `${name}:${wanted}@${digest}`;
    return new RunnerImage(reference, pullPolicy, [...pullSecrets]);
  }

  private constructor(
    /** Name with tag and digest, as a container names it. */
    readonly reference: string,
    /** When the kubelet pulls it. */
    readonly pullPolicy: PullPolicy,
    /** Names of the Secrets with the registry's credentials. */
    readonly pullSecrets: readonly string[],
  ) {}
}
