import { randomBytes } from 'node:crypto';
import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import { toArguments } from '../../../lib/contract/command-line/to-arguments';
import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import type { RestoreResult } from '../../../lib/contract/results';
import type { ClusterApi, ClusterObject, ObjectRef } from '../../cluster/cluster-api';
import { configArguments, containerOf, jobFrom } from '../../cluster/workload/jobs';
import { type Pace, REAL_PACE } from '../../cluster/workload/wait-until';
import { InterruptedError, UsageError } from '../../errors';
import type { CommandContext, Outcome } from '../context';
import { followJob } from './follow-job';

/** What a restore is started with on the machine of a person: no repository, which only the cluster may be able to reach. */
export type StartContext = Pick<CommandContext, 'config' | 'log' | 'cluster' | 'signal'>;

/** Starts the job that restores in the cluster, follows it, and ends as it ends. */
export async function startRestoreJob(
  context: StartContext,
  options: RestoreOptions,
  pace: Pace = REAL_PACE,
): Promise<Outcome<RestoreResult>> {
  const { kubernetes } = context.config;
  if (!kubernetes)
    throw new UsageError(
      "restore: '--in-cluster' is for a Tempo in a cluster, and the configuration names no objects of it; add 'kubernetes'",
    );
  const api = await context.cluster();
  const { namespace, restore } = kubernetes;
  const cronJob = await findCronJob(api, kubernetes);
  const name = `${restore.cronJob}-${randomBytes(4).toString('hex')}`;
  const ref: ObjectRef = { apiVersion: 'batch/v1', kind: 'Job', namespace, name };
  const args = [...coordinatorArguments(options), ...configArguments(cronJob)];
  try {
    const job = await api.create(jobFrom(cronJob, namespace, { name, args }));
    context.log.info(`started Job '${name}' in namespace '${namespace}'; ${howToWatch(ref)}`);
    return await followJob({ ...context, api, pace, ref, container: containerOf(job) });
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new InterruptedError(`restore: stopped watching; Job '${name}' goes on in the cluster; ${howToWatch(ref)}`);
  }
}

async function findCronJob(api: ClusterApi, { namespace, restore }: KubernetesConfig): Promise<ClusterObject> {
  const name = restore.cronJob;
  const found = await api.get({ apiVersion: 'batch/v1', kind: 'CronJob', namespace, name });
  if (found) return found;
  throw new UsageError(
    `restore: there is no CronJob '${name}' in namespace '${namespace}'; apply what the constructs synthesize, or correct 'kubernetes.restore.cronJob'`,
  );
}

/** As they were given here; configuration and repository are those of the job. */
function coordinatorArguments(options: RestoreOptions): string[] {
  const { config: _config, repository: _repository, ...given } = options;
  return toArguments('restore', { ...given, inCluster: false, coordinate: true, output: 'json', logFormat: 'json' });
}

function howToWatch({ namespace, name }: ObjectRef): string {
  return `watch it by 'kubectl -n ${namespace} logs --follow job/${name}'`;
}
