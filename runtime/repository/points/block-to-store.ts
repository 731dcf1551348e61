import type { Damage } from '../../../lib/contract/manifest';
import type { ByteSource } from '../../storage/storage';

// What a source has to offer, said here so that the repository needs to know no Tempo.

export interface FileToStore {
  readonly name: string;
  readonly source: ByteSource;
}

export interface BlockToStore {
  readonly tenant: string;
  readonly id: string;
  /** The state of meta.json at the source; the same again means that the block needs no second look. */
  readonly seen: string;
  readonly meta: {
    readonly format: string;
    /** ISO 8601, with any zone. */
    readonly startTime: string;
    readonly endTime: string;
    readonly totalObjects: number;
    readonly compactionLevel: number;
    readonly replicationFactor: number;
  };
  /** meta.json. */
  readonly metaSource: ByteSource;
  /** When its files were listed at the latest, by `performance.now()`. @default - it is read, not copied by a server */
  readonly listedAt?: number;
  /** All but meta.json. */
  readonly files: readonly FileToStore[];
  /** Throws when a file isn't as it was when the block was opened. */
  confirm(): Promise<void>;
}

export interface WalBlockToStore {
  readonly tenant: string;
  readonly id: string;
  readonly encoding: string;
  /** The text of its meta.json. */
  readonly meta: string;
  readonly pages: readonly FileToStore[];
}

export interface TenantToCommit {
  /** Block ID to `BlockToStore.seen`; all are stored or known. */
  readonly live: ReadonlyMap<string, string>;
  /** IDs that Tempo marked as compacted. */
  readonly compacted: ReadonlySet<string>;
  /** Whether `live` is what the previous point has: then nobody looked at the blocks themselves. @default false */
  readonly isUnchanged?: boolean;
}

/** What of all that was stored belongs to the point. */
export interface CutToCommit {
  readonly cutAt: Date;
  readonly tenants: ReadonlyMap<string, TenantToCommit>;
  /** Names (`<id>+<tenant>+<encoding>`) of WAL blocks. */
  readonly wal: ReadonlySet<string>;
  readonly damaged: readonly Damage[];
}
