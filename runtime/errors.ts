import { ExitCode } from '../lib/contract/exit-codes';

export type Evidence = Readonly<Record<string, string | number | boolean | undefined>>;

/** An error that a user can act on: says what, where and what to do, and carries the exit code. */
export class RunnerError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode,
    public evidence: Evidence = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }

  /** Adds what is known where the error passes. */
  addEvidence(evidence: Evidence): void {
    this.evidence = { ...this.evidence, ...evidence };
  }
}

/** Wrong flag, bad value, unusable configuration, wrong credentials: a retry doesn't help. */
export class UsageError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.CONFIGURATION, evidence, options);
  }
}

/** The repository (or its bucket) isn't there. */
export class RepositoryMissingError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.REPOSITORY_MISSING, evidence, options);
  }
}

/** Another process holds what this one needs: a retry helps when that one has ended. */
export class LockedError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.LOCKED, evidence, options);
  }
}

/** Something is damaged: expected and found are in the evidence. */
export class IntegrityError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.INTEGRITY, evidence, options);
  }
}

/** An object that is named somewhere isn't there. */
export class ObjectMissingError extends IntegrityError {}

/** Blocks vanished from the source without explanation. */
export class SourceRegressedError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.SOURCE_REGRESSED, evidence, options);
  }
}

/** A guard refused; `lift` is the value of `--allow` that permits it. */
export class RefusedError extends RunnerError {
  constructor(
    message: string,
    readonly lift: string | undefined,
    evidence?: Evidence,
    options?: ErrorOptions,
  ) {
    super(message, ExitCode.REFUSED, evidence, options);
  }
}

/** Storage gave up after retries; `retryable` says that the same call may succeed later. */
export class StorageError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.FAILED, evidence, options);
  }
}

/** SIGTERM or SIGINT arrived. */
export class InterruptedError extends RunnerError {
  constructor(message = 'interrupted') {
    super(message, ExitCode.INTERRUPTED);
  }
}
