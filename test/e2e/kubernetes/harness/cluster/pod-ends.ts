import { type Api } from './api';
import { type Job, type Pod, reference } from './objects';
import { eventually } from './wait';

/** How a run of the runner ended. */
export interface RunEnd {
  readonly exitCode: number;
  /** The one JSON line of standard output; undefined when it was killed before. */
  readonly result: unknown;
  /** Standard output and standard error. */
  readonly log: string;
  readonly seconds: number;
}

export async function logOf(api: Api, namespace: string, pod: string): Promise<string> {
  const { status, body } = await api.call('GET', `/api/v1/namespaces/${namespace}/pods/${pod}/log`);
  return status === 200 ? body : '';
}

/** Waits until the pod has ended, whatever its exit code. */
export async function podEnd(api: Api, namespace: string, name: string, seconds = 120): Promise<RunEnd> {
  const began = Date.now();
  const exitCode = await eventually(
    `end of pod '${name}'`,
    async () => exitCodeOf(await api.get<Pod>(reference('Pod', namespace, name))),
    { seconds, explain: () => describePod(api, namespace, name) },
  );
  const log = await logOf(api, namespace, name);
  return { exitCode, result: resultIn(log), log, seconds: (Date.now() - began) / 1000 };
}

/** Waits until the Job is complete or has failed; the end is that of its newest pod. */
export async function jobEnd(api: Api, namespace: string, name: string, seconds = 180): Promise<RunEnd> {
  const began = Date.now();
  const ended = await eventually(
    `end of Job '${name}'`,
    async () => {
      const job = await api.get<Job>(reference('Job', namespace, name));
      return job?.status?.conditions?.find(
        ({ type, status }) => status === 'True' && ['Complete', 'Failed'].includes(type),
      );
    },
    { seconds, explain: async () => (await podsOf(api, namespace, name)).map(summaryOf).join('\n') },
  );
  const pods = await podsOf(api, namespace, name);
  const pod = pods.at(-1);
  const log = pod ? await logOf(api, namespace, pod.metadata.name) : '';
  const exitCode = ended.type === 'Complete' ? 0 : ((pod && exitCodeOf(pod)) ?? -1);
  return { exitCode, result: resultIn(log), log, seconds: (Date.now() - began) / 1000 };
}

/** Pods of a Job, oldest first. */
export async function podsOf(api: Api, namespace: string, job: string): Promise<Pod[]> {
  const pods = await api.list<Pod>(reference('Pod', namespace, ''), `job-name=${job}`);
  const created = (pod: Pod): string => String((pod.metadata as { creationTimestamp?: string }).creationTimestamp);
  return pods.sort((a, b) => created(a).localeCompare(created(b)));
}

function exitCodeOf(pod: Pod | undefined): number | undefined {
  return pod?.status.containerStatuses?.[0]?.state.terminated?.exitCode;
}

async function describePod(api: Api, namespace: string, name: string): Promise<string> {
  const pod = await api.get<Pod>(reference('Pod', namespace, name));
  return pod ? `${summaryOf(pod)}\n${await logOf(api, namespace, name)}` : 'the pod is gone';
}

export function summaryOf({ metadata, status }: Pod): string {
  return `${metadata.name}: ${JSON.stringify({ phase: status.phase, conditions: status.conditions?.filter((each) => each.status !== 'True'), containers: status.containerStatuses?.map(({ state }) => state) })}`;
}

/** A log line has a level; the result has none. */
function resultIn(log: string): unknown {
  for (const line of log.trim().split('\n').reverse()) {
    const value = line.startsWith('{') ? (JSON.parse(line) as { level?: string }) : undefined;
    if (value && value.level === undefined) return value;
  }
  return undefined;
}
