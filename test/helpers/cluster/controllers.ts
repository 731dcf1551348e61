import type { ClusterObject } from '../../../runtime/cluster/cluster-api';
import type { ClusterDouble, Controller } from '../cluster-double';

type Fields = Readonly<Record<string, unknown>>;

export interface WorkloadBehaviour {
  /** Pods stay, terminating, when they are scaled down. @default - they go at once */
  readonly hangs?: () => boolean;
  /** Whether those that stay have ended. @default false */
  readonly hangsEnded?: boolean;
  /** Whether pods of this template become ready. @default - all do */
  readonly becomesReady?: (template: unknown) => boolean;
}

/** Keeps the pods of a StatefulSet or Deployment: as many as it wants, of its present template. */
export function workloadController({ hangs, hangsEnded, becomesReady }: WorkloadBehaviour = {}): Controller {
  return ({ type, object }, cluster) => {
    const current = cluster.find(object.kind, object.metadata.name);
    if (type === 'DELETED' || !current || (object.kind !== 'StatefulSet' && object.kind !== 'Deployment')) return;
    const { replicas = 1, template } = current.spec as { replicas?: number; template?: Fields };
    const ready = becomesReady?.(template) ?? true;
    const pods = podsOf(cluster, current);
    for (const pod of pods.slice(replicas)) {
      if (hangs?.()) terminate(cluster, hangsEnded ? { ...pod, status: { phase: 'Succeeded' } } : pod);
      else cluster.remove(pod);
    }
    for (let index = 0; index < replicas; index++) cluster.put(podFor(current, index, ready));
    reportStatus(cluster, current, { replicas, ready });
  };
}

function reportStatus(
  cluster: ClusterDouble,
  workload: ClusterObject,
  { replicas, ready }: { readonly replicas: number; readonly ready: boolean },
): void {
  const status = {
    observedGeneration: workload.metadata.generation,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: ready ? replicas : 0,
  };
  if (JSON.stringify(workload.status) !== JSON.stringify(status)) cluster.put({ ...workload, status });
}

export function podsOf(cluster: ClusterDouble, workload: ClusterObject): ClusterObject[] {
  return cluster
    .all('Pod')
    .filter(
      ({ metadata }) => metadata.name.startsWith(`${workload.metadata.name}-`) && metadata.labels?.app === 'tempo',
    );
}

function terminate(cluster: ClusterDouble, pod: ClusterObject): void {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const metadata = { ...pod.metadata, deletionTimestamp: '2026-11-23T09:00:05Z', finalizers: ['example.com/hold'] };
  cluster.put({ ...pod, metadata });
}

function podFor(workload: ClusterObject, index: number, ready: boolean): ClusterObject {
  const { namespace = '', name } = workload.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-${index}`, namespace, labels: { app: 'tempo' } },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'tempo',
          state: ready ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
        },
      ],
    },
  };
}

/** What the container of a Job came to. */
export interface JobOutcome {
  readonly exitCode: number;
  /** Its termination message. */
  readonly message: string;
}

/** Runs each Job that is made as one pod; undefined: the pod stays pending. */
export function jobController(run: (job: ClusterObject) => Promise<JobOutcome> | undefined): Controller {
  return ({ type, object }, cluster) => {
    if (type !== 'ADDED' || object.kind !== 'Job') return;
    const running = run(object);
    cluster.put(jobPod(object, running ? { phase: 'Running' } : PENDING));
    if (running) void running.then((outcome) => endJob(cluster, object, outcome));
  };
}

const PENDING = {
  phase: 'Pending',
  conditions: [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/3 nodes: volume node affinity conflict',
    },
  ],
};

function endJob(cluster: ClusterDouble, job: ClusterObject, { exitCode, message }: JobOutcome): void {
  const current = cluster.find('Job', job.metadata.name);
  // Deleted meanwhile.
  if (!current) return;
  const state = { terminated: { exitCode, message, reason: exitCode === 0 ? 'Completed' : 'Error' } };
  cluster.put(
    jobPod(job, {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [{ name: 'runner', state }],
    }),
  );
  const condition = { type: exitCode === 0 ? 'Complete' : 'Failed', status: 'True', message: 'the job has ended' };
  cluster.put({ ...current, status: { conditions: [condition] } });
}

function jobPod(job: ClusterObject, status: Fields): ClusterObject {
  const { namespace = '', name, uid = '' } = job.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-x7z2p`,
      namespace,
      labels: { 'job-name': name },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }],
    },
    status,
  };
}
