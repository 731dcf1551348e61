/** How a command ended. Alerts and `podFailurePolicy` refer to these numbers, so they never change their meaning. */
export const ExitCode = {
  /** Done. */
  DONE: 0,
  /** Failed; a retry may help. */
  FAILED: 1,
  /** Usage or configuration: a retry doesn't help. */
  CONFIGURATION: 2,
  /** The repository is missing; it is never created again silently. */
  REPOSITORY_MISSING: 10,
  /** Another writer holds what this command needs. */
  LOCKED: 11,
  /** A damaged object, a wrong hash, a missing file: in the repository or at the source. */
  INTEGRITY: 12,
  /** A drill was slower than the recovery time objective, Tempo wasn't flushed before its deadline, or a replica lags too far behind: the recovery point is there. */
  OBJECTIVE_MISSED: 13,
  /** Blocks vanished from the source without explanation; expiry of older points is frozen. */
  SOURCE_REGRESSED: 14,
  /** A guard refused; the message names the option that lifts it. */
  REFUSED: 15,
  /** Objects are in an archive class and must be thawed before they can be read; the same command goes on later. */
  THAWING: 16,
  /** Interrupted by SIGTERM or SIGINT. */
  INTERRUPTED: 143,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** One line for each exit code, as `--help` prints it. */
export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'failed, a retry may help',
  2: 'wrong usage or configuration',
  10: 'repository missing',
  11: 'locked by another writer',
  12: 'integrity: something is damaged or missing',
  13: 'objective missed: a recovery or flush took too long, or a replica lags behind',
  14: 'source regressed: blocks vanished without explanation',
  15: 'a guard refused; the message names the option that lifts it',
  16: 'waiting for a thaw: objects are in an archive class; run it again when they are thawed',
  143: 'interrupted',
};
