/** Objects in an archive class, among those that a command reads. */
export interface Archived {
  /** Number of objects in GLACIER or DEEP_ARCHIVE. */
  readonly objects: number;
  /** Their bytes. */
  readonly bytes: number;
  /** How many of them are on their way: their thaw was requested. */
  readonly thawing: number;
  /** How many of them can be read now. */
  readonly thawed: number;
}

/** Versions in an archive class, among those that a rewind brings back. */
export interface ArchivedVersions extends Archived {
  /** Which they are, the first 1000. */
  readonly versions: readonly {
    /** Below Tempo's prefix. */
    readonly key: string;
    readonly versionId: string;
    readonly bytes: number;
    /** GLACIER or DEEP_ARCHIVE. */
    readonly archiveClass: string;
    /** Whether its thaw was not requested, was requested, or is done. */
    readonly state: 'archived' | 'thawing' | 'thawed';
  }[];
}
