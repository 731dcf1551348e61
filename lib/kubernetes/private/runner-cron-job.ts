import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { type Timing } from './deadlines';
import { jobSpec } from './job';
import { type PodSettings, type Run, runLabels } from './pod';

/** Kubernetes appends the time to the names of Jobs, and allows 63 characters for these. */
const LONGEST_NAME = 52;

/** What runs when. */
export interface RunnerCronJobProps extends Run {
  /** Name of the CronJob. */
  readonly name: string;
  /** What it has in common with the other pods. */
  readonly pods: PodSettings;
  /** When it runs and for how long. */
  readonly timing: Timing;
}

/** A run on a schedule, or one that waits to be started by hand. */
export class RunnerCronJob extends Construct {
  /** Name of the CronJob. */
  readonly name: string;

  constructor(scope: Construct, id: string, props: RunnerCronJobProps) {
    super(scope, id);
    const { name, pods, timing } = props;
    this.checkName(name);
    this.name = name;
    const labels = runLabels(pods.tempo.name, props);
    new k8s.KubeCronJob(this, 'CronJob', {
      metadata: { name, labels },
      spec: {
        concurrencyPolicy: 'Forbid',
        ...history(props),
        jobTemplate: { metadata: { labels }, spec: jobSpec(pods, props, timing.activeDeadlineSeconds) },
        schedule: timing.schedule.cron,
        startingDeadlineSeconds: timing.startingDeadlineSeconds,
        suspend: timing.byHand || pods.suspend,
        timeZone: timing.schedule.timeZone,
      },
    });
  }

  private checkName(name: string): void {
    if (name.length <= LONGEST_NAME) return;
    const excess = name.length - LONGEST_NAME;
    throw new Error(
      `${this.node.path}: the name of a CronJob must have at most ${LONGEST_NAME} characters, got '${name}' with ${name.length}; ` +
        `shorten the rule's or Tempo's name by ${excess}`,
    );
  }
}

/** How many Jobs are kept. A pod that ended keeps its clone of Tempo's volume for as long as it is there, so such pods are few. */
function history({ pods, identity }: RunnerCronJobProps): {
  successfulJobsHistoryLimit: number;
  failedJobsHistoryLimit: number;
} {
  const clones = identity.identity === 'backup' && pods.tempo.storage.access?._shared === false;
  return clones
    ? { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 1 }
    : { successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3 };
}
