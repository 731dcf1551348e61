import type { RunnerConfig } from '../../lib/contract/runner-config';
import type { ExitCode } from '../../lib/contract/exit-codes';
import type { ClusterApi } from '../cluster/cluster-api';
import type { Log } from '../log';
import type { Progress } from '../progress';
import type { Repository } from '../repository/repository';

/** What a command works with; made by `main`. */
export interface CommandContext {
  readonly config: RunnerConfig;
  readonly repository: Repository;
  readonly log: Log;
  readonly progress: Progress;
  /** The Kubernetes API: one for the run, opened when first asked for. */
  readonly cluster: () => Promise<ClusterApi>;
  /** Aborted by SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  now(): Date;
}

/** What a command came to: the result for machines, and the exit code. */
export interface Outcome<Result> {
  readonly result: Result;
  readonly exitCode: ExitCode;
}
