import type { ClusterObject } from '../../cluster/cluster-api';
import { explainPod, hasEnded, listPods } from '../../cluster/workload/pods';
import { waitUntil } from '../../cluster/workload/wait-until';
import {
  podSelector,
  rememberedReplicas,
  replicasOf,
  scaleToZero,
  workloadText,
} from '../../cluster/workload/workload';
import { RefusedError, RunnerError, UsageError } from '../../errors';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { type CoordinatedRun, waitingIn } from './coordinated-run';

/**
 * Scales Tempo to zero and waits until its pods are gone: from then on nobody writes to its volume. On purpose a pod that has ended is as good as
 * gone: a finalizer that holds it has nothing to do with the data, and only keeps a StatefulSet from starting Tempo again, which says so then.
 */
export async function stopTempo(run: CoordinatedRun): Promise<void> {
  const { api, workload, context, tempo } = run;
  const found = await existingWorkload(run);
  const replicas = rememberedReplicas(found) ?? replicasOf(found);
  if (replicasOf(found) > 0) {
    tempo.stopped = true;
    await scaleToZero(api, workload, replicas);
    context.log.info(`scaled ${workloadText(run.kubernetes)} to 0`, { replicasBefore: replicas });
  }
  const late = async (): Promise<Error> => stillThere(run, await livingPods(run, found));
  await waitUntil(
    async () => {
      const pods = await livingPods(run, found);
      await checkStopped(run);
      return pods.length === 0 ? true : undefined;
    },
    waitingIn(run, late),
  );
}

/** Throws when somebody else has scaled Tempo up again: what keeps a cluster as it is written down undoes what a restore does. */
export async function checkStopped(run: CoordinatedRun): Promise<void> {
  const { namespace } = run.kubernetes;
  const name = workloadText(run.kubernetes);
  const replicas = replicasOf(await existingWorkload(run));
  if (replicas === 0) return;
  throw new ScaledUpError(
    `restore: somebody scaled ${name} in '${namespace}' up to ${replicas} again while it was stopped; ` +
      `pause what does: 'argocd app set APP --sync-policy none', 'flux suspend kustomization NAME' or 'flux suspend helmrelease NAME', ` +
      `or the operator that owns it; then start the same restore again, it goes on`,
    undefined,
    { replicas },
  );
}

/** Tempo runs though it was stopped. */
export class ScaledUpError extends RefusedError {}

export async function existingWorkload({ api, workload, kubernetes }: CoordinatedRun): Promise<ClusterObject> {
  const found = await api.get(workload);
  if (found) return found;
  throw new UsageError(
    `restore: there is no ${workload.kind} '${workload.name}' in namespace '${kubernetes.namespace}'; ` +
      `create it by '--scope full', or apply your chart with no replicas, or correct 'kubernetes.workload'`,
  );
}

async function livingPods({ api, kubernetes }: CoordinatedRun, workload: ClusterObject): Promise<ClusterObject[]> {
  const pods = await listPods(api, kubernetes.namespace, podSelector(workload));
  return pods.filter((pod) => !hasEnded(pod));
}

async function stillThere({ api, kubernetes }: CoordinatedRun, pods: readonly ClusterObject[]): Promise<Error> {
  const { namespace, restore } = kubernetes;
  const reasons = await Promise.all(pods.map((pod) => explainPod(api, namespace, pod)));
  return new RunnerError(
    `stop Tempo: its pods are not gone after ${restore.deadline}: ${reasons.join('; ')}; remove what holds them, or raise 'kubernetes.restore.deadline'`,
    // Not a failure, which the Job would try again: each try stops Tempo for as long.
    ExitCode.REFUSED,
    { pods: pods.length },
  );
}
