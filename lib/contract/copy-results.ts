import { type ArchivedVersions } from './archived';
import { type Damage } from './manifest';
import { type Receipt } from './receipt';

/** A condition that a rewind must meet, or that `--allow` with its name lifted. */
export interface RewindGate {
  /** What `--allow` takes. */
  readonly name: 'tempo-running' | 'empty' | 'lost-versions' | 'retention';
  /** What is wrong and what to do. */
  readonly message: string;
  /** Whether it was lifted; if not, the rewind is refused. */
  readonly allowed: boolean;
}

/** What `rewind` did, or would do. */
export interface RewindResult extends Receipt {
  /** The moment, ISO 8601. */
  readonly to: string;
  /** URL of Tempo's bucket. */
  readonly bucket: string;
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /** Blocks that were live then and are not now, or with other files. `bytes` that the server copies; `objects`: traces. */
  readonly comeBack: readonly {
    readonly tenant: string;
    readonly id: string;
    readonly bytes: number;
    readonly objects: number;
    readonly start: string;
    readonly end: string;
  }[];
  /** Blocks that come back too, and whose meta.json must be thawed before it is known what they are. */
  readonly waiting: readonly { readonly tenant: string; readonly id: string }[];
  /** Blocks that are live now and were not then: their meta.json gets a delete marker, their other files stay. */
  readonly vanish: readonly { readonly tenant: string; readonly id: string }[];
  /**
   * Blocks that are live now, were not then, and stay: blocks of their tenant can't come back, or nobody can tell whether they can, and one of
   * these may hold the traces of those.
   */
  readonly kept: readonly { readonly tenant: string; readonly id: string }[];
  /** Number of blocks that are as they were. */
  readonly unchanged: number;
  /** Blocks that were live then, or may have been, and can't come back. */
  readonly lost: readonly Damage[];
  /** Number of objects: `copied` from a version by the server, `hidden` by a delete marker. */
  readonly objects: { readonly copied: number; readonly hidden: number };
  /** Bytes that the server copied. */
  readonly bytes: { readonly copied: number };
  /** What of it is in an archive class; nothing is brought back or hidden before all of that is thawed. */
  readonly archived: ArchivedVersions;
  /** Conditions that aren't met. */
  readonly gates: readonly RewindGate[];
}

/** What `replicate` did, or would do. */
export interface ReplicateResult extends Receipt {
  /** URL of the other repository. */
  readonly to: string;
  /** Whether it was only said what would be done. */
  readonly dryRun: boolean;
  /** Whether there was no repository yet, so that this run made it, or the first one will. */
  readonly isNew: boolean;
  /** `copied`: IDs of the points whose manifests were written; `present`: number of those that were there; `failed`: not copied, and why. */
  readonly points: {
    readonly copied: readonly string[];
    readonly present: number;
    readonly failed: readonly { readonly id: string; readonly reason: string }[];
  };
  /** Number of objects: `sent`, and `present` there already. */
  readonly objects: { readonly sent: number; readonly present: number };
  /** Bytes of these objects. */
  readonly bytes: { readonly sent: number; readonly present: number };
}
