import { Duration, Lazy } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { toArguments } from '../contract/index';
import { atLeastASecond } from './private/checks/at-least-a-second';
import { CONFIG_FILE } from './private/configuration';
import { startedByHand } from './private/deadlines';
import { recommendedLabels } from './private/labels';
import { type PodSettings } from './private/pod';
import { RunnerCronJob } from './private/runner-cron-job';
import { type RunnerIdentity } from './runner-identity';
import { type ISubject } from './subject';

/** How long a restore may take. */
export interface RestoreOptions {
  /**
   * How long each wait may take: until Tempo's pods are gone, and until it is ready again.
   *
   * @default Duration.minutes(30)
   */
  readonly deadline?: Duration;

  /**
   * How long a whole restore may take before it is stopped. It can be started again and goes on.
   *
   * @default Duration.hours(24)
   */
  readonly timeLimit?: Duration;
}

/** Who restores, and how. */
export interface RestoreProps extends RestoreOptions {
  /**
   * What its pods have in common with the others.
   *
   * @internal
   */
  readonly pods: PodSettings;

  /** Who stops and starts Tempo and puts its configuration back. */
  readonly coordinator: RunnerIdentity;

  /** Who moves the data, and may do nothing at the Kubernetes API. */
  readonly mover: RunnerIdentity;
}

/**
 * The way back: two suspended CronJobs that no schedule ever starts.
 *
 * `tempo-restore` coordinates: it stops Tempo, has the data moved by a Job of `tempo-restore-mover`, puts the configuration back, starts
 * Tempo and compares. Started without arguments it restores everything from the newest verified recovery point.
 *
 * @example kubectl create job --from=cronjob/tempo-restore restore-1
 */
export class Restore extends Construct {
  /** Name of the CronJob that is the entry in an emergency. */
  readonly cronJobName: string;

  /** Name of the CronJob that has the volume mounted. */
  readonly moverCronJobName: string;

  private readonly subjects: k8s.Subject[] = [];
  private readonly tempo: string;

  constructor(scope: Construct, id: string, props: RestoreProps) {
    super(scope, id);
    const { pods, coordinator, mover, timeLimit = Duration.hours(24) } = props;
    const timing = startedByHand(atLeastASecond('timeLimit', timeLimit));
    const common = { recoveryPoint: 'latest-verified', config: CONFIG_FILE, output: 'json' } as const;
    this.tempo = pods.tempo.name;
    this.cronJobName = new RunnerCronJob(this, 'Coordinator', {
      name: coordinator.name,
      pods,
      identity: coordinator,
      timing,
      args: toArguments('restore', { ...common, coordinate: true, scope: 'full' }),
    }).name;
    this.moverCronJobName = new RunnerCronJob(this, 'Mover', {
      name: mover.name,
      pods,
      identity: mover,
      timing,
      // A bucket has no place to move things aside to: what it lacks is added.
      args: toArguments('restore', { ...common, replace: pods.tempo.storage.backend === 'local' }),
    }).name;
  }

  /**
   * Lets somebody start a restore and follow it: see `TempoBackup.grantRestore()`.
   *
   * Whoever may create Jobs may create any Job, with any ServiceAccount of the namespace: Kubernetes can't restrict what is in one.
   */
  grantStart(subject: ISubject): void {
    if (this.subjects.length === 0) this.addStarter();
    this.subjects.push(subject._subject);
  }

  private addStarter(): void {
    const metadata = { name: `${this.tempo}-restore-starter`, labels: recommendedLabels(this.tempo) };
    new k8s.KubeRole(this, 'StarterRole', {
      metadata,
      rules: [
        { apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['get'], resourceNames: [this.cronJobName] },
        { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      ],
    });
    new k8s.KubeRoleBinding(this, 'StarterRoleBinding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: Lazy.any({ produce: () => this.subjects }) as k8s.Subject[],
    });
  }
}
