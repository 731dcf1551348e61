import { Duration } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { formatDuration, toArguments } from '../contract/index';
import { atLeastASecond } from './private/checks/at-least-a-second';
import { literal } from './private/checks/literal';
import { CONFIG_FILE } from './private/configuration';
import { jobSpec } from './private/job';
import { type PodSettings, runLabels } from './private/pod';
import { type RunnerIdentity } from './runner-identity';

/** How a change is made to wait for its recovery point. */
export class ChangeGateMechanism {
  /**
   * By annotations of the Job.
   *
   * @internal
   */
  static _of(annotations: Readonly<Record<string, string>>): ChangeGateMechanism {
    return new ChangeGateMechanism(annotations);
  }

  private constructor(
    /** What the tool that makes the change knows the Job by. */
    readonly annotations: Readonly<Record<string, string>>,
  ) {}
}

/** What waits for what. */
export interface ChangeGateOptions {
  /** How the change is made to wait: `ChangeGate.ARGO_CD_PRE_SYNC`, `HELM_PRE_UPGRADE` or `PLAIN_JOB`. */
  readonly mechanism: ChangeGateMechanism;

  /**
   * Name of the rule that the recovery point is made for.
   *
   * @default - the first rule with `beforeChanges`; without one, a point of scope `config`
   */
  readonly rule?: string;

  /**
   * What the change leads to, such as a chart's version. The recovery point is pinned with it; for a plain Job it is also what makes it
   * run again.
   *
   * @default - not said
   */
  readonly revision?: string;

  /**
   * How long the recovery point is pinned: kept at least, however short its rule keeps its points. Long enough to notice what a change
   * broke and go back to before it.
   *
   * @default Duration.days(90)
   */
  readonly pinFor?: Duration;

  /**
   * How long the change waits before it is blocked.
   *
   * @default Duration.minutes(15)
   */
  readonly deadline?: Duration;
}

/** Who makes the recovery point. */
export interface ChangeGateProps extends ChangeGateOptions {
  /**
   * What its pod has in common with the others.
   *
   * @internal
   */
  readonly pods: PodSettings;

  /** Who makes backups. */
  readonly identity: RunnerIdentity;
}

/**
 * A pinned recovery point before every change, which blocks the change when it fails.
 *
 * Only the Job is a hook: what it needs (ServiceAccount, configuration, Tempo's volume) lives on its own, so add the gate once Tempo and
 * its backups are installed. Once its pin has ended, the point is kept for as long as its rule says, and without a rule it expires.
 */
export class ChangeGate extends Construct {
  /** A PreSync hook of Argo CD, replaced at each sync. */
  static readonly ARGO_CD_PRE_SYNC = ChangeGateMechanism._of({
    'argocd.argoproj.io/hook': 'PreSync',
    'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
  });

  /** A pre-upgrade hook of Helm, replaced at each upgrade; an installation doesn't run it. */
  static readonly HELM_PRE_UPGRADE = ChangeGateMechanism._of({
    'helm.sh/hook': 'pre-upgrade',
    'helm.sh/hook-delete-policy': 'before-hook-creation',
  });

  /** A Job that your pipeline waits for; Flux replaces it when it changes, for others `kubectl replace --force` does. */
  static readonly PLAIN_JOB = ChangeGateMechanism._of({ 'kustomize.toolkit.fluxcd.io/force': 'enabled' });

  /** Name of the Job. */
  readonly jobName: string;

  constructor(scope: Construct, id: string, props: ChangeGateProps) {
    super(scope, id);
    const { mechanism, rule, revision, pods, identity } = props;
    const { deadline = Duration.minutes(15), pinFor = Duration.days(90) } = props;
    this.jobName = `${identity.name}-before-change`;
    const args = toArguments('backup', {
      ...(rule === undefined ? { scope: 'config' as const } : { rule }),
      pin: revision === undefined ? 'before a change' : `before the change to ${literal('revision', revision)}`,
      pinFor: formatDuration(atLeastASecond('pinFor', pinFor) * 1000),
      config: CONFIG_FILE,
      output: 'json',
    });
    const run = { identity, args, rule };
    new k8s.KubeJob(this, 'Job', {
      metadata: {
        name: this.jobName,
        labels: runLabels(pods.tempo.name, run),
        annotations: { ...mechanism.annotations },
      },
      spec: jobSpec(pods, run, atLeastASecond('deadline', deadline)),
    });
  }
}
