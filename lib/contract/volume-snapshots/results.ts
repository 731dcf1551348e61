/** How a volume snapshot is: `gone` has a record and no VolumeSnapshot any more; `unknown`: the cluster couldn't be asked. */
export type VolumeSnapshotState = 'ready' | 'pending' | 'failed' | 'deleting' | 'gone' | 'unknown';

/** A volume snapshot, put together from the cluster and the repository's record. */
export interface VolumeSnapshotFacts {
  /** Of the VolumeSnapshot. */
  readonly name: string;
  /** The claim it was made of; null for one that was made of something else. */
  readonly claim: string | null;
  /** ISO 8601: the time whose state of the volume it has; of one that isn't ready, when it was asked for. */
  readonly createdAt: string;
  /** What a claim made of it needs at least; null when nobody says. */
  readonly bytes: number | null;
  /** The plan's volume snapshot rule; null when made by hand. */
  readonly rule: string | null;
  /** Duration, or null: it doesn't expire. */
  readonly deleteAfter: string | null;
  /** How it is. */
  readonly state: VolumeSnapshotState;
  /** Whether the runner made it, for this Tempo. */
  readonly own: boolean;
  /** Whether the repository has a record of it. */
  readonly recorded: boolean;
  /** Why it isn't ready, or what cluster and record disagree on; null when all is well. */
  readonly remark: string | null;
}

/** What an earlier run that was killed had left, and what was done about it. */
export interface SettledLeftovers {
  /** Ready ones that had no record and now have one. */
  readonly adopted: readonly string[];
  /** Ones that no run waits for any more and that never became ready: deleted. */
  readonly removed: readonly string[];
}

/** What `snapshot create` made. */
export interface SnapshotCreateResult extends SettledLeftovers {
  /** Tells the results of `snapshot` apart. */
  readonly action: 'create';
  /** The new ones, ready and recorded; `readySeconds` from the request until it was ready. */
  readonly volumeSnapshots: readonly (VolumeSnapshotFacts & { readonly readySeconds: number })[];
  /** Claims of which there is no new one, and why. */
  readonly failed: readonly { readonly claim: string; readonly message: string }[];
}

/** What `snapshot list` found. */
export interface SnapshotListResult {
  /** Tells the results of `snapshot` apart. */
  readonly action: 'list';
  /** Newest first. */
  readonly volumeSnapshots: readonly VolumeSnapshotFacts[];
  /** Why the cluster couldn't be asked, so that all this is from records; null when it was. */
  readonly clusterError: string | null;
}

/** What `snapshot prune` did, or would do. */
export interface SnapshotPruneResult extends SettledLeftovers {
  /** Tells the results of `snapshot` apart. */
  readonly action: 'prune';
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /** With every reason for it. */
  readonly kept: readonly { readonly name: string; readonly reasons: readonly string[] }[];
  /** Past their retention, deleted by this run. */
  readonly deleted: readonly string[];
  /** Past their retention, asked to go and still there: drivers take their time. */
  readonly deleting: readonly string[];
  /** Past their retention and gone already; only the record said that they were there. */
  readonly gone: readonly string[];
}

/** A claim made of a volume snapshot. */
export interface RestoredClaim {
  /** Of the PersistentVolumeClaim. */
  readonly name: string;
  /** What it asks for. */
  readonly bytes: number;
  /** Its StorageClass; null: the cluster's default. */
  readonly storageClass: string | null;
  /** As the claim had them that the volume snapshot was made of. */
  readonly accessModes: readonly string[];
  /** `waits-for-pod`: its class makes the volume when the first pod wants it; `planned`: nothing was made. */
  readonly state: 'bound' | 'waits-for-pod' | 'planned';
}

/** How a claim takes the place of Tempo's own. */
export interface ClaimSwap {
  /** Such as `deployment/tempo`. */
  readonly workload: string;
  /** Tempo's own claim until now; it and its data stay. */
  readonly replacedClaim: string;
  /** Whether Tempo runs with the new claim. */
  readonly done: boolean;
  /** When the runner can't do it: the shell commands that do, in order. */
  readonly steps: readonly string[];
  /** The shell commands that lead back; empty when nothing was changed. */
  readonly undo: readonly string[];
}

/** What `snapshot restore` made, or would make. */
export interface SnapshotRestoreResult {
  /** Tells the results of `snapshot` apart. */
  readonly action: 'restore';
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /** The volume snapshot. */
  readonly volumeSnapshot: string;
  /** The new claim; null when the steps by hand make it. */
  readonly claim: RestoredClaim | null;
  /** Null without `--swap`. */
  readonly swap: ClaimSwap | null;
}

/** What `snapshot` came to, by action. */
export type SnapshotResult = SnapshotCreateResult | SnapshotListResult | SnapshotPruneResult | SnapshotRestoreResult;
