import { type Archived } from './archived';
import { type ReplicateResult, type RewindResult } from './copy-results';
import { type ClusterRestore, type SampleTrace } from './cluster-restore';
import { type Damage, type FlushOutcome } from './manifest';
import { type Scope } from './plan/rule';
import { type Receipt } from './receipt';
import { type ReplicaHealth } from './replica-health';
import { type SnapshotResult } from './volume-snapshots/results';

export type * from './archived';
export type * from './copy-results';
export type * from './receipt';

/** How thoroughly something was verified: existence and size, every byte, every trace. */
export type VerifyLevel = 'quick' | 'full' | 'content';

/** What a point holds of one tenant. */
export interface TenantResult {
  /** Tempo's tenant ID; `single-tenant` without multi-tenancy. */
  readonly tenant: string;
  /** Number of blocks. */
  readonly blocks: number;
  /** Bytes of all files of its blocks. */
  readonly bytes: number;
  /** Traces in the blocks; one that lies in two blocks counts twice. */
  readonly objects: number;
  /** ISO 8601; null for a tenant without blocks. */
  readonly oldest: string | null;
  /** ISO 8601; null for a tenant without blocks. */
  readonly newest: string | null;
}

/** What `backup`, `show` and `list` say about a point. */
export interface PointFacts {
  /** Names the point in every command, such as `2026-11-23T08-30-00Z-7f3a`. */
  readonly id: string;
  /** ISO 8601, by the clock of the runner that made it. */
  readonly createdAt: string;
  /** ISO 8601. Every trace that was in a block or a closed WAL page at this time is in the point. */
  readonly cutAt: string;
  /** What was taken beside the complete cut. */
  readonly scope: Scope;
  /** The plan's rule that made it; null when started by hand. */
  readonly rule: string | null;
  /** Duration, or null: it doesn't expire. */
  readonly deleteAfter: string | null;
  /** Whether `prune` keeps it whatever `deleteAfter` says, for `pinnedFor`. */
  readonly pinned: boolean;
  /** What was said when it was pinned. */
  readonly pinReason: string | null;
  /** Duration for which it is pinned; null: for ever, or not at all. */
  readonly pinnedFor: string | null;
  /** Whether it lacks something that the source had, or that the point before it had. */
  readonly suspect: boolean;
  /** What the point lacks or what vanished, in sentences; empty for a sound one. */
  readonly suspectReasons: readonly string[];
}

/** What `backup` and `show` say about a point. */
export interface PointResult extends PointFacts {
  /** In the order of their names. */
  readonly tenants: readonly TenantResult[];
  /** What is of the write-ahead log, in blocks, closed pages and bytes. */
  readonly wal: { readonly blocks: number; readonly pages: number; readonly bytes: number };
}

/** What `backup` made. */
export interface BackupResult extends Receipt {
  /** The new point. */
  readonly recoveryPoint: PointResult;
  /** `new` ones had bytes to send, `reused` ones lay in the repository; `damaged` ones are not in the point as the source shows them. */
  readonly blocks: {
    readonly total: number;
    readonly new: number;
    readonly reused: number;
    readonly damaged: readonly Damage[];
  };
  /** `total`: what a restore of all would write; `sent` to the repository; `copied` there by the server itself; `read` from the source. */
  readonly bytes: { readonly total: number; readonly sent: number; readonly copied: number; readonly read: number };
  /** What became of the flush before the cut; null when none was wanted. */
  readonly flush: FlushOutcome | null;
  /** By `plan.verification.afterBackup`, for a point that a rule made; null when it wasn't verified, or isn't good. */
  readonly verified: Verified;
  /** What that verification found wrong. */
  readonly problems: readonly VerifyProblem[];
}

/** When a point was last verified, and how; null when it never was. */
export type Verified = { readonly level: VerifyLevel; readonly at: string } | null;

/** What the last verification of a point found wrong; null when it found nothing, or there was none. */
export type VerificationFailed = { readonly at: string; readonly problems: readonly string[] } | null;

/** A line of `list`. */
export interface ListedPoint extends PointFacts {
  /** How far it is proven. */
  readonly verified: Verified;
  /** What a verification found wrong with it. */
  readonly verificationFailed: VerificationFailed;
  /** Number of blocks. */
  readonly blocks: number;
  /** Bytes that a restore of all would write. */
  readonly bytes: number;
}

/** What `list` found. */
export interface ListResult {
  /** Newest first. */
  readonly recoveryPoints: readonly ListedPoint[];
}

/** A point with all that its manifest says but the files. */
export interface ShownPoint extends PointResult {
  /** The Tempo it was made of, and where its data lay below the folder that held both. */
  readonly source: {
    readonly name: string;
    readonly tracesPath: string;
    readonly walPath: string | null;
    readonly tempoVersion: string | null;
    readonly storage: string;
  };
  /** What is in it: `blocks`, `wal`, `configuration`, `secrets`; null for older points, which don't say. */
  readonly components: readonly string[] | null;
  /** What became of the flush before the cut; null when none was wanted. */
  readonly flush: FlushOutcome | null;
  /** Version of the runner that made it. */
  readonly runner: string;
  /** How far it is proven. */
  readonly verified: Verified;
  /** What a verification found wrong with it. */
  readonly verificationFailed: VerificationFailed;
  /** Blocks and pages that are not in the point as the source showed them. */
  readonly damaged: readonly Damage[];
  /** Tempo's configuration in it, files and Kubernetes objects; `encrypted`: only its readers can tell what is in it. */
  readonly config: readonly {
    readonly name: string;
    readonly kind: string;
    readonly bytes: number;
    readonly encrypted: boolean;
  }[];
}

/** What `show` found. */
export interface ShowResult {
  /** The point that was asked for. */
  readonly recoveryPoint: ShownPoint;
  /** With `--config-diff`: what changed in the configuration; null without. */
  readonly configDiff: ConfigDiff | null;
}

/** What changed in Tempo's configuration from one point to another. */
export interface ConfigDiff {
  /** ID of the point that it is compared with. */
  readonly from: string;
  /** ID of the point that is shown. */
  readonly to: string;
  /** In the order of their names; what is the same in both isn't among them. */
  readonly changes: readonly ConfigChange[];
  /** How many parts are the same in both. */
  readonly unchanged: number;
}

/** A part of the configuration, a file or an object, that isn't the same in both points. */
export interface ConfigChange {
  /** Such as `ConfigMap/tempo`, or the name of a file. */
  readonly name: string;
  /** Of what is encrypted nothing else is told. */
  readonly change: 'added' | 'removed' | 'changed';
  /** What changed below it, with a few lines around; empty for what is encrypted. */
  readonly hunks: readonly DiffHunk[];
}

/** Lines that follow each other, of a file as it is, of an object as YAML. */
export interface DiffHunk {
  /** Number of the first line in the point that it is compared with, and in the one that is shown; from 1. */
  readonly fromLine: number;
  /** See `fromLine`. */
  readonly toLine: number;
  /** Each begins with ` `, `-` or `+`. */
  readonly lines: readonly string[];
}

/** Something wrong with an object of the repository. */
export interface VerifyProblem {
  /** ID of a point that names the object. */
  readonly recoveryPoint: string;
  /** The object's key in the repository. */
  readonly key: string;
  /** What is wrong, in words that follow its name. */
  readonly reason: string;
}

/** What `verify` found. */
export interface VerifyResult extends Receipt {
  /** The level that was asked for. */
  readonly level: VerifyLevel;
  /**
   * `ok`: nothing that was looked at is wrong; `suspect`: the point itself lacks something, which no verification mends;
   * `complete`: the budget sufficed for all of it; `problems`: their number.
   */
  readonly recoveryPoints: readonly {
    readonly id: string;
    readonly ok: boolean;
    readonly suspect: boolean;
    readonly level: VerifyLevel;
    readonly complete: boolean;
    readonly problems: number;
  }[];
  /** How many objects were looked at, each once however many points share it. */
  readonly objects: { readonly checked: number };
  /** Bytes read from the repository. */
  readonly bytes: { readonly read: number };
  /** Everything that is wrong. */
  readonly problems: readonly VerifyProblem[];
  /** Left unread by `--max-bytes`. */
  readonly remainingBytes: number;
  /** With `--replica`: how the replica is; null without. */
  readonly replica: ReplicaHealth | null;
}

/** A condition that a restore must meet, or that `--allow` with its name lifted. */
export interface RestoreGate {
  /** What `--allow` takes. */
  readonly name:
    'retention' | 'block-version' | 'replication-factor' | 'free-space' | 'owner' | 'damaged' | 'wal-timeout';
  /** What is wrong, both values, and what to do. */
  readonly message: string;
  /** Whether it was lifted; if not, the restore is refused. */
  readonly allowed: boolean;
}

/** What `restore` did, or would do. */
export interface RestoreResult extends Receipt {
  /** ID of the point that was restored. */
  readonly recoveryPoint: string;
  /** Folder that plays the role of the one that holds Tempo's blocks and WAL, or the bucket that plays that of Tempo's. */
  readonly target: string;
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /**
   * `skipped`: already there; `compacted`: there, but marked as compacted, so Tempo shows other blocks in their place; `failed`: damaged or
   * missing in the repository, damaged at the target, or marked as compacted there with no live block that covers them.
   */
  readonly blocks: {
    readonly total: number;
    readonly restored: number;
    readonly skipped: number;
    readonly compacted: number;
    readonly failed: readonly Damage[];
  };
  /** What is of the write-ahead log, in blocks and pages. */
  readonly wal: { readonly blocks: number; readonly pages: number };
  /**
   * `total`: of all that was selected; `written` to the target, also by a server that copied it, of whole blocks; `read` from the repository,
   * also of blocks that turned out to be damaged.
   */
  readonly bytes: { readonly total: number; readonly written: number; readonly read: number };
  /** Where data that was replaced lies now, or would be moved to. */
  readonly movedAside: readonly string[];
  /** Staging folders of other restores that aren't finished. */
  readonly leftovers: readonly string[];
  /** Bytes that the target's file system has left; null for a bucket. */
  readonly freeBytes: number | null;
  /** User and group number of what is restored, such as `10001:10001`; null for a bucket. */
  readonly owner: string | null;
  /** What it reads from an archive class; it doesn't begin before all of that is thawed. */
  readonly archived: Archived;
  /** Conditions that aren't met. */
  readonly gates: readonly RestoreGate[];
  /**
   * A few traces that were restored, which Tempo must find.
   *
   * @default - none could be read, or nothing was done
   */
  readonly sampleTraces?: readonly SampleTrace[];
  /**
   * What was done in the cluster.
   *
   * @default - the restore wasn't one in a cluster
   */
  readonly cluster?: ClusterRestore;
}

/** What `prune` did, or would do. */
export interface PruneResult extends Receipt {
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /** Of a dry run: why the real one would be refused, and what `--allow` takes to lift that. */
  readonly refused: { readonly name: string; readonly message: string } | null;
  /** `kept` with every reason for it; `condemned`: a later run deletes them; `deleted`: by this run. */
  readonly points: {
    readonly kept: readonly { readonly id: string; readonly reasons: readonly string[] }[];
    readonly condemned: readonly string[];
    readonly deleted: readonly string[];
  };
  /** Number of objects. */
  readonly objects: { readonly condemned: number; readonly deleted: number };
  /** Bytes of these objects. */
  readonly bytes: { readonly condemned: number; readonly deleted: number };
  /** Where the bucket locks objects; else null. */
  readonly locks: PruneLocks | null;
}

/** What `prune` left, as it is locked, and what it keeps locked. */
export interface PruneLocks {
  /** Points that would be deleted, and until when each of them can't be, ISO 8601; null: until its legal hold is lifted. */
  readonly points: readonly { readonly id: string; readonly until: string | null }[];
  /** Number of objects that would be deleted. */
  readonly objects: number;
  /** Bytes of these objects. */
  readonly bytes: number;
  /** How many of these points and objects are under a legal hold, which ends only when somebody lifts it. */
  readonly held: number;
  /** When the last lock of the others ends, ISO 8601; null when there is none. */
  readonly until: string | null;
  /** Number of objects that newer points still need and whose locks were made longer, or would be. */
  readonly extended: number;
}

/** What each command writes to standard output with `--output json`. */
export interface CommandResults {
  /** Of `backup`. */
  readonly backup: BackupResult;
  /** Of `list`. */
  readonly list: ListResult;
  /** Of `show`. */
  readonly show: ShowResult;
  /** Of `verify`. */
  readonly verify: VerifyResult;
  /** Of `restore`. */
  readonly restore: RestoreResult;
  /** Of `prune`. */
  readonly prune: PruneResult;
  /** Of `snapshot`, by action. */
  readonly snapshot: SnapshotResult & Receipt;
  /** Of `rewind`. */
  readonly rewind: RewindResult;
  /** Of `replicate`. */
  readonly replicate: ReplicateResult;
}
