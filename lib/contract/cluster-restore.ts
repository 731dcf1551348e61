/** A trace that was restored. */
export interface SampleTrace {
  /** Tempo's tenant ID. */
  readonly tenant: string;
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
}

/** The steps of a restore in a cluster, in their order. */
export const CLUSTER_RESTORE_PHASES = [
  'verify',
  'check configuration',
  'stop Tempo',
  'restore configuration',
  'restore data',
  'start Tempo',
  'compare',
  'roll back',
] as const;

/** A step of a restore in a cluster. */
export type ClusterRestorePhase = (typeof CLUSTER_RESTORE_PHASES)[number];

/** What became of a Kubernetes object. */
export interface RestoredObject {
  /** Such as `ConfigMap`. */
  readonly kind: string;
  /** Its name in Tempo's namespace. */
  readonly name: string;
  /**
   * `created`: it was missing; `replaced`: it differed; `unchanged`: it is as in the recovery point; `kept`: it was left as it is, for the
   * reason given. Of a dry run: what would become of it.
   */
  readonly action: 'created' | 'replaced' | 'unchanged' | 'kept';
  /**
   * Why it was kept.
   *
   * @default - for every other action
   */
  readonly reason?: string;
}

/** What Tempo says of its data after a restore, and what the recovery point says. */
export interface ComparedTenant {
  /** Tempo's tenant ID. */
  readonly tenant: string;
  /** Traces in the blocks of the recovery point. */
  readonly expected: number;
  /** Traces in Tempo's live blocks: more when it has flushed or received some since. Null: Tempo doesn't know the tenant. */
  readonly found: number | null;
}

/** What `restore` did in a cluster, or would do. */
export interface ClusterRestore {
  /** Seconds of each step that was made, in their order; null: a dry run would have made it. */
  readonly phases: readonly { readonly name: ClusterRestorePhase; readonly seconds: number | null }[];
  /** Namespace of Tempo. */
  readonly namespace: string;
  /** What runs Tempo, such as `statefulset/tempo`. */
  readonly workload: string;
  /** Its replicas: before the restore, and now. */
  readonly replicas: { readonly before: number; readonly now: number };
  /** HorizontalPodAutoscaler of the workload, which does nothing while that has no replicas; null: there is none. */
  readonly autoscaler: string | null;
  /** What became of the Kubernetes objects; empty for a restore of data alone. */
  readonly configuration: readonly RestoredObject[];
  /** Job that moved the data; null: none was moved. */
  readonly mover: string | null;
  /** Tempo's own numbers beside those of the recovery point; null: they weren't compared, and `remarks` says why. */
  readonly compared: readonly ComparedTenant[] | null;
  /** Restored traces that Tempo was asked for; null: it wasn't asked. */
  readonly sampleTraces: { readonly asked: number; readonly missing: readonly SampleTrace[] } | null;
  /** What somebody should know, in sentences. */
  readonly remarks: readonly string[];
  /** Commands that undo it, in their order; a line that begins with `#` says what no command does. */
  readonly undo: readonly string[];
}
