import type { RetentionRules } from '../configuration/retention';

export type GateName =
  'retention' | 'block-version' | 'replication-factor' | 'free-space' | 'owner' | 'damaged' | 'wal-timeout';

/** What stands against a restore. */
export interface Gate {
  readonly name: GateName;
  /** What, both values, and what to do about it. */
  readonly finding: string;
  /** The finding, and how to lift the gate. */
  readonly message: string;
  /** The value of `--allow` that lifts it. */
  readonly lift: string;
}

/** A block as far as gates look at it; `tenant` is the one that it is restored for. */
export interface GatedBlock {
  readonly tenant: string;
  readonly id: string;
  readonly format: string;
  readonly start: Date;
  readonly end: Date;
  readonly replicationFactor: number;
}

export interface GatedWalBlock {
  readonly tenant: string;
  readonly id: string;
  readonly encoding: string;
  readonly end: Date;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The Tempo and the file system that get the data. */
export interface TargetFacts {
  /** `2.9`, `3.0`, or `2.x`; undefined when nobody knows. */
  readonly version: string | undefined;
  readonly retention: RetentionRules;
  readonly rf1After: Date | undefined;
  /** Milliseconds. */
  readonly completeBlockTimeout: number;
  /** A path for messages. */
  readonly path: string;
  readonly freeBytes: number;
  /** Who must own the files; undefined when whoever restores them is right. */
  readonly owner: Owner | undefined;
  readonly user: Owner;
}

export interface GateInput {
  readonly now: Date;
  readonly blocks: readonly GatedBlock[];
  readonly walBlocks: readonly GatedWalBlock[];
  readonly neededBytes: number;
  /** Tempo's version at the source; undefined when the point doesn't say. */
  readonly sourceVersion: string | undefined;
  /** Sentences on what the point lacks. */
  readonly damage: readonly string[];
  readonly target: TargetFacts;
}
