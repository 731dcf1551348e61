import { type Duration } from 'cdk8s';
import { type TempoStorage } from './tempo-storage';

/** What runs a Tempo. */
export interface TempoWorkload {
  /** Its kind. */
  readonly kind: 'StatefulSet' | 'Deployment';

  /** Its name. */
  readonly name: string;
}

/** What is to be known of a Tempo. */
export interface TempoAttributes {
  /**
   * Name of this Tempo, up to 38 characters. The objects that back it up are named after it (`tempo-backup-hourly`), and its repository
   * takes recovery points of no other.
   *
   * @default 'tempo'
   */
  readonly name?: string;

  /**
   * Its HTTP address, such as `http://tempo:3200`: asked for its version, told to flush, and compared with the recovery point after a
   * restore.
   *
   * @default - it isn't flushed, and its version is inferred from its data
   */
  readonly url?: string;

  /** Labels by which its pods are found: a backup that shares its volume runs on their node. */
  readonly podLabels: Readonly<Record<string, string>>;

  /** What runs it: part of the configuration, and scaled to zero by a restore. */
  readonly workload: TempoWorkload;

  /** Where it keeps its data. */
  readonly storage: TempoStorage;

  /**
   * User number that it runs as; the runner runs as the same, since Tempo's folders are closed to others.
   *
   * @default 10001
   */
  readonly user?: number;

  /**
   * Group number that it runs as.
   *
   * @default - the same as `user`
   */
  readonly group?: number;

  /**
   * Names of its ConfigMaps: configuration, overrides, runtime configuration.
   *
   * @default - none
   */
  readonly configMaps?: readonly string[];

  /**
   * Names of its Secrets. They need `secretsEncryption` in the plan.
   *
   * @default - none
   */
  readonly secrets?: readonly string[];

  /**
   * Names of its Services.
   *
   * @default - none
   */
  readonly services?: readonly string[];

  /**
   * Its version, such as `2.9`.
   *
   * @default - asked for, else inferred from its data
   */
  readonly version?: string;

  /**
   * How long it keeps blocks: tells a block that expired from one that was lost.
   *
   * @default - as its ConfigMaps say
   */
  readonly retention?: Duration;
}
