import { type Damage } from './manifest';
import { type Scope } from './rule';

/** Requests to the repository's storage by kind, such as `{ put: 12, get: 1 }`. */
export type Requests = Readonly<Record<string, number>>;

/** Seconds by phase; `total` is the whole run. */
export type Seconds = Readonly<Record<string, number>>;

/** How thoroughly something was verified: existence and size, every byte, every trace. */
export type VerifyLevel = 'quick' | 'full' | 'content';

/** What a point holds of one tenant. */
export interface TenantResult {
  readonly tenant: string;
  readonly blocks: number;
  readonly bytes: number;
  /** Traces in the blocks; one that lies in two blocks counts twice. */
  readonly objects: number;
  /** ISO 8601; null for a tenant without blocks. */
  readonly oldest: string | null;
  /** ISO 8601; null for a tenant without blocks. */
  readonly newest: string | null;
}

/** What `backup` and `show` say about a point. */
export interface PointResult {
  readonly id: string;
  readonly createdAt: string;
  /** Every trace that was in a block or a closed WAL page at this time is in the point. */
  readonly cutAt: string;
  readonly scope: Scope;
  readonly rule: string | null;
  /** Duration, or null: until `prune` is told otherwise. */
  readonly deleteAfter: string | null;
  readonly pinned: boolean;
  readonly pinReason: string | null;
  readonly suspect: boolean;
  /** What the point lacks or what vanished, in sentences; empty for a sound one. */
  readonly suspectReasons: readonly string[];
  readonly tenants: readonly TenantResult[];
  readonly wal: { readonly blocks: number; readonly pages: number; readonly bytes: number };
}

export interface BackupResult {
  readonly recoveryPoint: PointResult;
  readonly blocks: {
    readonly total: number;
    readonly new: number;
    readonly reused: number;
    readonly damaged: readonly Damage[];
  };
  readonly bytes: { readonly total: number; readonly sent: number; readonly read: number };
  readonly requests: Requests;
  readonly seconds: Seconds;
}

/** When a point was last verified, and how; null when it never was. */
export type Verified = { readonly level: VerifyLevel; readonly at: string } | null;

export interface ListedPoint {
  readonly id: string;
  readonly createdAt: string;
  readonly cutAt: string;
  readonly scope: Scope;
  readonly rule: string | null;
  readonly deleteAfter: string | null;
  readonly pinned: boolean;
  readonly pinReason: string | null;
  readonly suspect: boolean;
  readonly suspectReasons: readonly string[];
  readonly verified: Verified;
  readonly blocks: number;
  readonly bytes: number;
}

export interface ListResult {
  /** Newest first. */
  readonly recoveryPoints: readonly ListedPoint[];
}

export interface ShowResult {
  readonly recoveryPoint: PointResult & {
    readonly source: {
      readonly name: string;
      readonly tracesPath: string;
      readonly walPath: string | null;
      readonly tempoVersion: string | null;
    };
    /** Version of the runner that made it. */
    readonly runner: string;
    readonly verified: Verified;
    readonly damaged: readonly Damage[];
    readonly config: readonly { readonly name: string; readonly kind: string; readonly bytes: number }[];
  };
}

/** Something wrong with an object of the repository. */
export interface VerifyProblem {
  readonly recoveryPoint: string;
  readonly key: string;
  readonly reason: string;
}

export interface VerifyResult {
  readonly level: VerifyLevel;
  readonly recoveryPoints: readonly {
    readonly id: string;
    /** True when nothing that was looked at is wrong. */
    readonly ok: boolean;
    readonly level: VerifyLevel;
    /** False when the budget ended before everything was looked at. */
    readonly complete: boolean;
    /** Number of problems. */
    readonly problems: number;
  }[];
  readonly objects: { readonly checked: number };
  readonly bytes: { readonly read: number };
  readonly problems: readonly VerifyProblem[];
  /** Left unread by `--max-bytes`. */
  readonly remainingBytes: number;
  readonly requests: Requests;
  readonly seconds: Seconds;
}

/** A condition that a restore must meet, or that `--allow` with its name lifted. */
export interface RestoreGate {
  readonly name:
    'retention' | 'block-version' | 'replication-factor' | 'free-space' | 'owner' | 'damaged' | 'wal-timeout';
  readonly message: string;
  readonly allowed: boolean;
}

export interface RestoreResult {
  /** ID of the point that was restored. */
  readonly recoveryPoint: string;
  /** Folder that plays the role of the one that holds Tempo's blocks and WAL. */
  readonly target: string;
  readonly dryRun: boolean;
  readonly blocks: {
    readonly total: number;
    readonly restored: number;
    /** Already there, with the same bytes. */
    readonly skipped: number;
    readonly failed: readonly Damage[];
  };
  readonly wal: { readonly blocks: number; readonly pages: number };
  readonly bytes: { readonly total: number; readonly written: number; readonly read: number };
  /** Where data that was replaced lies now. */
  readonly movedAside: readonly string[];
  readonly gates: readonly RestoreGate[];
  /** Traces in what was restored, where they were counted. */
  readonly traces?: number;
  readonly requests: Requests;
  readonly seconds: Seconds;
}

export interface PruneResult {
  readonly dryRun: boolean;
  readonly points: {
    /** With every reason for which the point stays. */
    readonly kept: readonly { readonly id: string; readonly reasons: readonly string[] }[];
    /** IDs of points that this run condemned; a later run deletes them. */
    readonly condemned: readonly string[];
    /** IDs of points that this run deleted. */
    readonly deleted: readonly string[];
  };
  readonly objects: { readonly condemned: number; readonly deleted: number };
  readonly bytes: { readonly condemned: number; readonly deleted: number };
  readonly requests: Requests;
  readonly seconds: Seconds;
}

/** What each command writes to standard output with `--output json`. */
export interface CommandResults {
  readonly backup: BackupResult;
  readonly list: ListResult;
  readonly show: ShowResult;
  readonly verify: VerifyResult;
  readonly restore: RestoreResult;
  readonly prune: PruneResult;
}
