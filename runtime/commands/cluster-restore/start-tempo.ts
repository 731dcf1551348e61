import { ExitCode } from '../../../lib/contract/exit-codes';
import type { ClusterObject } from '../../cluster/cluster-api';
import { explainPod, hasEnded, isHeld, listPods } from '../../cluster/workload/pods';
import { waitUntil } from '../../cluster/workload/wait-until';
import {
  podSelector,
  rememberedReplicas,
  replicasOf,
  restartPods,
  scaleUp,
  unfinishedRollout,
  workloadText,
} from '../../cluster/workload/workload';
import { RunnerError } from '../../errors';
import { askTempo } from '../../tempo/flush/tempo-http';
import { type CoordinatedRun, waitingIn } from './coordinated-run';
import { existingWorkload } from './stop-tempo';

/** Gives Tempo back the replicas that it had, and waits until it is ready. Returns their number. */
export async function startTempo(run: CoordinatedRun): Promise<number> {
  const replicas = await scaleBack(run);
  run.tempo.started = true;
  // Stopped by hand before the restore: whoever did that starts it.
  if (replicas > 0) await waitUntilReady(run);
  return replicas;
}

/** Gives Tempo back the replicas that it had. */
export async function scaleBack(run: CoordinatedRun): Promise<number> {
  const { api, workload, context, tempo } = run;
  const found = await existingWorkload(run);
  const replicas = rememberedReplicas(found);
  if (replicas === undefined) return replicasOf(found);
  await scaleUp(api, workload, replicas);
  tempo.stopped = false;
  context.log.info(`scaled ${workloadText(run.kubernetes)} to ${replicas}`);
  return replicas;
}

/** Has Tempo read its configuration anew, pod by pod, and waits until it is ready. Returns the number of its replicas. */
export async function restartTempo(run: CoordinatedRun): Promise<number> {
  const replicas = replicasOf(await restartPods(run.api, run.workload, run.context.now()));
  if (replicas > 0) await waitUntilReady(run);
  return replicas;
}

/** Tempo didn't come up. */
export class NotReadyError extends RunnerError {}

async function waitUntilReady(run: CoordinatedRun): Promise<void> {
  let missing = '';
  const look = async (): Promise<true | undefined> => {
    missing = (await whatIsMissing(run)) ?? '';
    return missing === '' ? true : undefined;
  };
  await waitUntil(
    look,
    waitingIn(run, () => notReady(run, missing)),
  );
}

async function whatIsMissing(run: CoordinatedRun): Promise<string | null> {
  const { context } = run;
  const missing = unfinishedRollout(await existingWorkload(run));
  const { url } = context.config.tempo;
  if (missing !== null || url === undefined) return missing;
  const answer = await askTempo(url, { method: 'GET', path: '/ready' }, context.signal);
  if (answer.status === 200) return null;
  return `'${url}/ready' says ${answer.status === undefined ? answer.reason : answer.status}`;
}

async function notReady(run: CoordinatedRun, missing: string): Promise<Error> {
  const { api, kubernetes } = run;
  const { namespace, restore } = kubernetes;
  const pods = await unreadyPods(run);
  const reasons = await Promise.all(pods.map((pod) => explainPod(api, namespace, pod)));
  return new NotReadyError(
    `start Tempo: it is not ready after ${restore.deadline}: ${[missing, ...reasons].join('; ')}`,
    // Not a failure, which the Job would try again: each try stops Tempo and replaces its data once more.
    ExitCode.REFUSED,
    { pods: pods.length },
  );
}

async function unreadyPods(run: CoordinatedRun): Promise<ClusterObject[]> {
  const workload = await existingWorkload(run);
  const pods = await listPods(run.api, run.kubernetes.namespace, podSelector(workload));
  return pods.filter((pod) => isHeld(pod) || (!hasEnded(pod) && !isReady(pod)));
}

function isReady({ status }: ClusterObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly { type: string; status: string }[] };
  return conditions.some(({ type, status: state }) => type === 'Ready' && state === 'True');
}
