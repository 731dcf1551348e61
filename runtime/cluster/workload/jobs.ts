import type { ClusterApi, ClusterObject, ObjectRef } from '../cluster-api';
import { containerStates, hasStarted, listPods } from './pods';

interface Container {
  readonly name?: string;
  readonly args?: readonly string[];
}

interface JobSpec {
  readonly template?: { readonly spec?: { readonly containers?: readonly Container[] } };
}

interface CronJobSpec {
  readonly jobTemplate?: {
    readonly metadata?: {
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec?: JobSpec;
  };
}

interface JobStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
}

/** What to make of a CronJob. */
export interface JobRequest {
  readonly name: string;
  /** Of its first container. */
  readonly args: readonly string[];
  /** @default - those of the template */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The Job that `kubectl create job --from=cronjob/…` would make, with arguments of its own. */
export function jobFrom(cronJob: ClusterObject, namespace: string, request: JobRequest): ClusterObject {
  const { metadata = {}, spec = {} } = (cronJob.spec as CronJobSpec | undefined)?.jobTemplate ?? {};
  const { name, uid = '' } = cronJob.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: request.name,
      namespace,
      labels: { ...metadata.labels, ...request.labels },
      annotations: { ...metadata.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      // The CronJob's history limits count it, and it goes when the CronJob goes.
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid, controller: true }],
    },
    spec: withArguments(spec, request.args),
  };
}

function withArguments(spec: JobSpec, args: readonly string[]): JobSpec {
  const [first, ...others] = containersOf(spec);
  const containers = [{ ...first, args }, ...others];
  return { ...spec, template: { ...spec.template, spec: { ...spec.template?.spec, containers } } };
}

function containersOf(spec: JobSpec): readonly Container[] {
  return spec.template?.spec?.containers ?? [];
}

/** Arguments of the first container. */
export function argumentsOf(job: ClusterObject): readonly string[] {
  return containersOf((job.spec as JobSpec | undefined) ?? {})[0]?.args ?? [];
}

/** Arguments in a CronJob's template that say where its configuration lies: only there it is known what is mounted. */
export function configArguments(cronJob: ClusterObject): string[] {
  const { spec = {} } = (cronJob.spec as CronJobSpec | undefined)?.jobTemplate ?? {};
  const args = containersOf(spec)[0]?.args ?? [];
  return args.flatMap((arg, at) => {
    if (arg.startsWith('--config=')) return [arg];
    const value = args[at + 1];
    return arg === '--config' && value !== undefined ? [`--config=${value}`] : [];
  });
}

/** How a Job ended; undefined: it hasn't. */
export function endOf(job: ClusterObject): { readonly succeeded: boolean; readonly message: string } | undefined {
  const { conditions = [] } = (job.status as JobStatus | undefined) ?? {};
  const ended = conditions.find(({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'));
  return ended && { succeeded: ended.type === 'Complete', message: ended.message ?? '' };
}

/** Pods of a Job, the oldest first. */
export async function podsOf(api: ClusterApi, { namespace, name }: ObjectRef): Promise<ClusterObject[]> {
  const created = ({ metadata }: ClusterObject): string => (metadata.creationTimestamp as string | undefined) ?? '';
  const pods = await listPods(api, namespace, `job-name=${name}`);
  return pods.sort((a, b) => (created(a) < created(b) ? -1 : 1));
}

/** Name of the container that runs the command: others may have been put beside it. */
export function containerOf(job: ClusterObject): string | undefined {
  return containersOf((job.spec as JobSpec | undefined) ?? {})[0]?.name;
}

/** What the command left behind in the last pod where it ended. */
export function lastWords(
  pods: readonly ClusterObject[],
  container: string | undefined,
): { readonly exitCode: number; readonly message: string; readonly reason: string } | undefined {
  const states = pods.flatMap(containerStates).filter(({ name }) => name === container);
  const last = states.flatMap(({ state }) => state?.terminated ?? []).at(-1);
  return last && { exitCode: last.exitCode, message: last.message ?? '', reason: last.reason ?? '' };
}

export function anyStarted(pods: readonly ClusterObject[]): boolean {
  return pods.some(hasStarted);
}
