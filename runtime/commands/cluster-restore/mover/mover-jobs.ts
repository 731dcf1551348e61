import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { ClusterObject, ObjectRef } from '../../../cluster/cluster-api';
import { ConflictError } from '../../../cluster/cluster-errors';
import { anyStarted, argumentsOf, endOf, jobFrom, podsOf } from '../../../cluster/workload/jobs';
import { waitUntil } from '../../../cluster/workload/wait-until';
import { LockedError, RunnerError, UsageError } from '../../../errors';
import { type CoordinatedRun, waitingIn } from '../coordinated-run';
import type { Session } from '../restore-session';

const SESSION_LABEL = 'tempo-backup/restore-session';
export const MOVER_LABEL = 'tempo-backup/restore-mover';
/** Names of Jobs end up in labels, which take 63 characters. */
const LONGEST_PREFIX = 45;

/** A Job that replaces data. */
export interface Mover {
  readonly ref: ObjectRef;
  readonly args: readonly string[];
  readonly ended: boolean;
}

/** The CronJob whose template moves data. */
export async function moverCronJob({ api, kubernetes }: CoordinatedRun): Promise<ClusterObject> {
  const { namespace, restore } = kubernetes;
  const name = restore.moverCronJob;
  const found = await api.get({ apiVersion: 'batch/v1', kind: 'CronJob', namespace, name });
  if (found) return found;
  throw new UsageError(
    `restore: there is no CronJob '${name}' in namespace '${namespace}'; apply what the constructs synthesize, or correct 'kubernetes.restore.moverCronJob'`,
  );
}

/** Of a restore, in the order in which they were started. */
export async function moversOf(run: CoordinatedRun, { id }: Session): Promise<Mover[]> {
  const movers = await list(run, `${SESSION_LABEL}=${id}`);
  const attempt = ({ ref: { name } }: Mover): number => Number(name.slice(name.lastIndexOf('-') + 1));
  return movers.map((job) => moverOf(run, job)).sort((a, b) => attempt(a) - attempt(b));
}

/** Throws when a mover of another restore is at work: two would each move the other's data aside. */
export async function refuseOtherMovers(run: CoordinatedRun, session: Session | undefined): Promise<void> {
  const jobs = await list(run, `${MOVER_LABEL}=${run.kubernetes.restore.moverCronJob}`);
  const other = jobs.find((job) => !endOf(job) && job.metadata.labels?.[SESSION_LABEL] !== session?.id);
  if (other) throw lockedBy(run, other.metadata.name);
}

export async function createMover(
  run: CoordinatedRun,
  { id }: Session,
  { args, attempt }: { readonly args: readonly string[]; readonly attempt: number },
): Promise<Mover> {
  const { api, kubernetes, context } = run;
  const { namespace, restore } = kubernetes;
  // The same for two coordinators at once, so that only one of them creates it.
  const name = `${restore.moverCronJob.slice(0, LONGEST_PREFIX)}-${id}-${attempt}`;
  const labels = { [SESSION_LABEL]: id, [MOVER_LABEL]: restore.moverCronJob };
  const cronJob = await moverCronJob(run);
  try {
    const job = await api.create(jobFrom(cronJob, namespace, { name, args, labels }));
    context.log.info(`started Job '${name}'`, { arguments: args.join(' ') });
    return moverOf(run, job);
  } catch (error) {
    throw error instanceof ConflictError ? lockedBy(run, name) : error;
  }
}

/** Ends a mover that is at work; a later one goes on where it was. Returns whether it had begun. */
export async function removeMover(run: CoordinatedRun, { ref }: Mover): Promise<boolean> {
  const { api, context } = run;
  context.log.warn(`deleting Job '${ref.name}'`);
  let started = anyStarted(await podsOf(api, ref));
  await api.delete(ref);
  const late = async (): Promise<Error> =>
    new RunnerError(`end Job '${ref.name}': its pod is still there; delete it by hand`, ExitCode.FAILED);
  await waitUntil(
    async () => {
      const pods = await podsOf(api, ref);
      started ||= anyStarted(pods);
      return pods.length === 0 ? true : undefined;
    },
    waitingIn(run, late),
  );
  return started;
}

export function lockedBy({ kubernetes: { namespace } }: CoordinatedRun, job: string): LockedError {
  return new LockedError(
    `restore: Job '${job}' of another restore is moving data; wait until it has ended, or end it by 'kubectl -n ${namespace} delete job ${job}'`,
    { job },
  );
}

function list({ api, kubernetes: { namespace } }: CoordinatedRun, labelSelector: string): Promise<ClusterObject[]> {
  return api.list({ apiVersion: 'batch/v1', kind: 'Job', namespace }, { labelSelector });
}

function moverOf({ kubernetes: { namespace } }: CoordinatedRun, job: ClusterObject): Mover {
  const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace, name: job.metadata.name };
  return { ref, args: argumentsOf(job), ended: endOf(job) !== undefined };
}
