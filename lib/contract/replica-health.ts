/** How far a replica of the repository lags behind, and what is missing there. A point is whole where its manifest and all that it names are. */
export interface ReplicaHealth {
  /** URL of the replica. */
  readonly url: string;
  /** ID of the newest recovery point here; null when there is none. */
  readonly newestHere: string | null;
  /** ID of the newest one that is whole there; null when none is. */
  readonly newestThere: string | null;
  /** Seconds between these two: what would be lost with this repository, beside what no point has yet; null when none is whole there. */
  readonly behindSeconds: number | null;
  /** Seconds since the oldest point was made that isn't whole there; 0 when all are. */
  readonly waitingSeconds: number;
  /** Seconds that a point may wait, by `--max-lag`. */
  readonly maxWaitingSeconds: number;
  /** `whole`: their number; `missing`: IDs of those without a manifest there; `incomplete`: with one, and how many objects they lack. */
  readonly points: {
    readonly whole: number;
    readonly missing: readonly string[];
    readonly incomplete: readonly { readonly id: string; readonly objects: number }[];
  };
  /** Objects that points here name and that aren't there with their size: number, bytes, and some of the keys. */
  readonly missing: { readonly objects: number; readonly bytes: number; readonly keys: readonly string[] };
}
