import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { RestoreResult } from '../../../../lib/contract/results';
import type { ObjectRef } from '../../../cluster/cluster-api';
import { containerOf, endOf, lastWords, podsOf } from '../../../cluster/workload/jobs';
import { claimRef } from '../../../cluster/objects/claims';
import { warningsOf } from '../../../cluster/objects/events';
import { explainPod } from '../../../cluster/workload/pods';
import { type Evidence, RefusedError, RunnerError } from '../../../errors';
import { readTerminationMessage, restoreResultIn, type TerminationMessage } from '../../../termination-message';
import type { CoordinatedRun } from '../coordinated-run';

/** How a mover ended. */
export interface MoverEnd {
  readonly exitCode: ExitCode;
  /** As Kubernetes has it: 137 for a container that was killed. */
  readonly containerCode: number | undefined;
  readonly message: TerminationMessage | undefined;
  readonly result: RestoreResult | undefined;
  /** What Kubernetes says of it: `OOMKilled`, `Job has reached the specified backoff limit`. */
  readonly reason: string;
}

/** From the last words of its container: the coordinator reads no logs. */
export async function readEnd({ api }: CoordinatedRun, ref: ObjectRef): Promise<MoverEnd> {
  const job = await api.get(ref);
  const words = lastWords(await podsOf(api, ref), job && containerOf(job));
  const message = words && readTerminationMessage(words.message);
  const reasons = [words?.reason, job && endOf(job)?.message].filter(Boolean);
  return {
    exitCode: knownExitCode(words?.exitCode),
    containerCode: words?.exitCode,
    message,
    result: message && restoreResultIn(message),
    reason: reasons.join('; '),
  };
}

/** The mover's own error, as if it had happened here. */
export function errorOf({ kubernetes: { namespace } }: CoordinatedRun, ref: ObjectRef, end: MoverEnd): RunnerError {
  const { exitCode, containerCode, message, reason } = end;
  const evidence: Evidence = { job: ref.name };
  const { error } = message ?? {};
  if (!error) {
    return new RunnerError(
      `restore data: Job '${ref.name}' ended with ${containerCode ?? 'no exit code'} and left no result (${reason}); see 'kubectl -n ${namespace} logs job/${ref.name}'`,
      exitCode === ExitCode.DONE ? ExitCode.FAILED : exitCode,
      evidence,
    );
  }
  const text = `restore data: ${error.message}`;
  if (exitCode === ExitCode.REFUSED) return new RefusedError(text, error.lift, { ...error.evidence, ...evidence });
  return new RunnerError(text, exitCode, { ...error.evidence, ...evidence });
}

/** Why a mover has not begun. */
export async function neverStarted(run: CoordinatedRun, ref: ObjectRef): Promise<Error> {
  const { api, kubernetes } = run;
  const { namespace, restore } = kubernetes;
  const pods = await podsOf(api, ref);
  const reasons = await Promise.all(pods.map((pod) => explainPod(api, namespace, pod)));
  const why = pods.length > 0 ? reasons : ['it has no pod', ...(await warningsOf(api, ref))];
  return new RunnerError(
    `restore data: Job '${ref.name}' did not start within ${restore.deadline}: ${[...why, ...(await unboundClaims(run))].join('; ')}`,
    // Not a failure, which the Job would try again: each try stops Tempo for as long.
    ExitCode.REFUSED,
    { job: ref.name },
  );
}

/** A pod only says that its volume isn't there; why, such as a StorageClass that is missing, is said of the claim. */
async function unboundClaims({ api, kubernetes }: CoordinatedRun): Promise<string[]> {
  const { namespace, persistentVolumeClaims } = kubernetes;
  const texts: string[] = [];
  for (const ref of persistentVolumeClaims.map((name) => claimRef(namespace, name))) {
    const found = await api.get(ref);
    const phase = (found?.status as { readonly phase?: string } | undefined)?.phase ?? (found ? 'Pending' : 'missing');
    if (phase === 'Bound') continue;
    const causes = await warningsOf(api, ref);
    const text = `PersistentVolumeClaim '${ref.name}' is ${phase}`;
    texts.push(causes.length > 0 ? `${text} (${causes.join('; ')})` : text);
  }
  return texts;
}

/** A container that was killed ends with the number of a signal. */
function knownExitCode(code: number | undefined): ExitCode {
  return Object.values(ExitCode).find((known) => known === code) ?? ExitCode.FAILED;
}
