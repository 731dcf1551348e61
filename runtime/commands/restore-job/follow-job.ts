import { ExitCode } from '../../../lib/contract/exit-codes';
import type { RestoreResult } from '../../../lib/contract/results';
import type { ClusterApi, ClusterObject, ObjectRef } from '../../cluster/cluster-api';
import { ClusterError } from '../../cluster/cluster-errors';
import { endOf, lastWords, podsOf } from '../../cluster/workload/jobs';
import { hasStarted } from '../../cluster/workload/pods';
import type { Pace } from '../../cluster/workload/wait-until';
import { RefusedError, RunnerError } from '../../errors';
import { readTerminationMessage, restoreResultIn, type TerminationMessage } from '../../termination-message';
import type { CommandContext, Outcome } from '../context';
import { PodLog } from './pod-log';

const LOOK_EVERY_MS = 2000;

export interface FollowedJob extends Pick<CommandContext, 'log' | 'signal'> {
  readonly api: ClusterApi;
  readonly pace: Pace;
  readonly ref: ObjectRef;
  /** The one that runs the command. */
  readonly container: string | undefined;
}

/** Repeats the log of a Job's pods until the Job has ended, and ends as it ended. */
export async function followJob(job: FollowedJob): Promise<Outcome<RestoreResult>> {
  const { api, ref, pace, signal } = job;
  const logs = new Map<string, PodLog>();
  for (;;) {
    const found = await api.get(ref);
    if (!found) throw new RunnerError(`restore: Job '${ref.name}' was deleted`, ExitCode.FAILED);
    const pods = await podsOf(api, ref);
    for (const pod of pods.filter(hasStarted)) await follow(job, logs, pod);
    const end = endOf(found);
    if (end) return outcomeOf(job, { pods, reason: end.message, log: [...logs.values()].at(-1) });
    await pace.sleep(LOOK_EVERY_MS, signal);
  }
}

async function follow({ api, log, ref, container }: FollowedJob, logs: Map<string, PodLog>, pod: ClusterObject) {
  const { name } = pod.metadata;
  const podLog = logs.get(name) ?? new PodLog(log);
  logs.set(name, podLog);
  if (podLog.isWhole) return;
  podLog.begin();
  try {
    const options = { onLine: (line: string) => podLog.line(line), ...(container === undefined ? {} : { container }) };
    await api.followLog({ namespace: ref.namespace, name }, options);
    podLog.isWhole = true;
  } catch (error) {
    // The log is for people; how the job ends is asked of the job.
    if (!(error instanceof ClusterError)) throw error;
    log.debug(error.message);
  }
}

interface JobEnd {
  readonly pods: readonly ClusterObject[];
  /** What Kubernetes says of it. */
  readonly reason: string;
  readonly log: PodLog | undefined;
}

/** From the log, which has it whole, else from what the container left behind, which may be cut off. */
function outcomeOf({ ref, container }: FollowedJob, { pods, reason, log }: JobEnd): Outcome<RestoreResult> {
  const words = lastWords(pods, container);
  const left = words && readTerminationMessage(words.message);
  const exitCode = Object.values(ExitCode).find((known) => known === words?.exitCode) ?? ExitCode.FAILED;
  const result = log?.result ?? (left && restoreResultIn(left));
  if (result) return { result, exitCode };
  throw errorOf(ref, log?.error ?? left?.error, {
    exitCode,
    reason: [words?.reason, reason].filter(Boolean).join('; '),
  });
}

function errorOf(
  ref: ObjectRef,
  error: TerminationMessage['error'],
  { exitCode, reason }: { readonly exitCode: ExitCode; readonly reason: string },
): RunnerError {
  if (!error)
    return new RunnerError(
      `restore: Job '${ref.name}' ended without a result (${reason}); start the same restore again, it goes on`,
      exitCode === ExitCode.DONE ? ExitCode.FAILED : exitCode,
    );
  const { message, lift, evidence } = error;
  return exitCode === ExitCode.REFUSED
    ? new RefusedError(message, lift, evidence)
    : new RunnerError(message, exitCode, evidence);
}
