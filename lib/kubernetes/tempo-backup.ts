import { Chart, Duration } from 'cdk8s';
import { type k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import {
  ConfigError,
  formatDuration,
  type KubernetesConfig,
  type KubernetesIdentity,
  kubernetesRights,
  kubernetesSchema,
  type Plan,
  parseConfig,
  type RunnerConfigInput,
  toArguments,
  type VolumeSnapshotRule,
} from '../contract/index';
import { ChangeGate, type ChangeGateOptions } from './change-gate';
import { BackupPlan } from './plan/backup-plan';
import { type BackupRule } from './plan/backup-rule';
import { type VolumeSnapshotOptions, _volumeSnapshotRule } from './plan/volume-snapshot-rule';
import { atLeastASecond } from './private/checks/at-least-a-second';
import { CONFIG_FILE, Configuration } from './private/configuration';
import { onSchedule } from './private/deadlines';
import { namespaceOf } from './private/checks/namespace-of';
import { oneSetOfKeys } from './private/checks/one-set-of-keys';
import { definedTwice } from './private/checks/defined-twice';
import { stableNumber } from './private/hash';
import { NetworkPolicies } from './private/network-policies';
import { planProblems } from './private/checks/plan-problems';
import { type PodSettings } from './private/pod';
import { repositoryProblems } from './private/checks/repository-problems';
import { RunnerCronJob } from './private/runner-cron-job';
import { VolumeSnapshots } from './private/volume-snapshots';
import { type BackupRepository } from './repository/backup-repository';
import { Restore, type RestoreOptions } from './restore';
import { RunnerIdentity } from './runner-identity';
import { RunnerImage } from './runner-image';
import { type RunnerResources } from './runner-resources';
import { type ISubject } from './subject';
import { type Tempo } from './tempo/tempo';

/** What is backed up where, and how. */
export interface TempoBackupProps {
  /** The Tempo that is backed up. It is in the namespace of the chart. */
  readonly tempo: Tempo;

  /** Where recovery points are kept. */
  readonly repository: BackupRepository;

  /**
   * What is backed up when, and for how long it is kept.
   *
   * @default BackupPlan.recommended()
   */
  readonly plan?: BackupPlan;

  /**
   * The image of the runner.
   *
   * @default RunnerImage.fromRegistry('tempo-backup')
   */
  readonly image?: RunnerImage;

  /**
   * What each pod asks for and may take.
   *
   * @default - 100m CPU and 256 MiB of memory requested, 384 MiB of memory at most, no limit on CPU
   */
  readonly resources?: RunnerResources;

  /**
   * Name of the PriorityClass of all pods.
   *
   * @default - the cluster's default
   */
  readonly priorityClassName?: string;

  /**
   * Taints that the pods tolerate: at least those of the nodes where Tempo runs, when its volume is shared.
   *
   * @default - none
   */
  readonly tolerations?: readonly k8s.Toleration[];

  /**
   * TCP ports of the Kubernetes API that network policies open, for those who use it. Network plugins look before or after the address of
   * the Service is translated: give the Service's port and that of the API servers themselves.
   *
   * @default [443, 6443]
   */
  readonly apiServerPorts?: readonly number[];

  /**
   * How long a restore may take.
   *
   * @default - 30 minutes for each wait, 24 hours for the whole
   */
  readonly restore?: RestoreOptions;

  /**
   * Whether no schedule starts anything, such as during a migration. Restores can still be started.
   *
   * @default false
   */
  readonly suspend?: boolean;
}

/**
 * Backups of a Tempo: everything that the plan asks for, as Kubernetes objects.
 *
 * One CronJob for each rule, one for verification and one for prune; two suspended ones for a restore; a ServiceAccount for each command,
 * with a Role where it uses the Kubernetes API; the runner's configuration; network policies. Names carry no hashes and begin with the
 * name of the Tempo. Nothing is cluster-wide.
 *
 * A plan that contradicts itself, or doesn't fit the Tempo, fails at synth with both values and the fix.
 *
 * @example new TempoBackup(chart, 'Backup', { tempo: Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts' }), repository })
 */
export class TempoBackup extends Construct {
  /** The Tempo that is backed up. */
  readonly tempo: Tempo;

  /** Where recovery points are kept. */
  readonly repository: BackupRepository;

  /** The plan as it was given; `addRule()` and `addVolumeSnapshots()` add to what is synthesized from it. */
  readonly plan: BackupPlan;

  /** The way back. */
  readonly restore: Restore;

  private readonly namespace: string;
  private readonly pods: PodSettings;
  private readonly minutes: number;
  private readonly rules: BackupRule[] = [];
  private readonly snapshotRules: VolumeSnapshotRule[] = [];
  private readonly restoreDeadline: Duration;
  private snapshotClass: string | undefined;
  private snapshots: VolumeSnapshots | undefined;

  constructor(scope: Construct, id: string, props: TempoBackupProps) {
    super(scope, id);
    this.tempo = props.tempo;
    this.repository = props.repository;
    this.plan = props.plan ?? BackupPlan.recommended();
    this.namespace = namespaceOf(this);
    this.minutes = stableNumber(`${this.namespace}/${this.tempo.name}`, 60);
    this.restoreDeadline = props.restore?.deadline ?? Duration.minutes(30);
    atLeastASecond('restore.deadline', this.restoreDeadline);
    this.pods = this.podSettings(props);
    for (const identity of ['backup', 'verify', 'prune', 'restore', 'restore-mover'] as const)
      this.addIdentity(identity);
    for (const rule of this.plan.rules) this.addRule(rule);
    this.addVerification();
    this.addPrune();
    const [coordinator, mover] = [this.identity('restore'), this.identity('restore-mover')];
    this.restore = new Restore(this, 'Restore', { ...props.restore, pods: this.pods, coordinator, mover });
    new NetworkPolicies(this, 'NetworkPolicies', {
      ...props,
      usesKeys: this.pods.credentials !== undefined,
      usesApi: (identity) => this.rightsOf(identity).length > 0,
    });
    this.node.addValidation({ validate: () => this.problems() });
  }

  /**
   * Makes recovery points by one more rule. Throws when there is a rule of that name.
   *
   * @example backup.addRule(new BackupRule({ name: 'quarterly', schedule: Schedule.cron('0 5 1 *\/3 *'), deleteAfter: Duration.days(730) }))
   */
  addRule(rule: BackupRule): RunnerCronJob {
    this.checkName('rule', rule.name, this.rules);
    this.rules.push(rule);
    const { name, schedule, allowedRunTime } = rule._resolve(this.minutes);
    const identity = this.identity('backup');
    return new RunnerCronJob(this, `Rule-${name}`, {
      name: `${identity.name}-${name}`,
      pods: this.pods,
      identity,
      rule: name,
      // A backup that runs longer than the grace of prune doesn't commit, so it needn't run on.
      timing: onSchedule({ schedule, allowedRunTime, limit: this.resolvedPlan.prune.grace }),
      args: toArguments('backup', { rule: name, config: CONFIG_FILE, output: 'json' }),
    });
  }

  /**
   * Makes volume snapshots of Tempo's claim and removes them after their time. Can be called for several rules.
   *
   * @example backup.addVolumeSnapshots({ volumeSnapshotClass: VolumeSnapshotClass.awsEbs(chart, 'Snapshots'), schedule: Schedule.daily({ hour: 2 }) })
   */
  addVolumeSnapshots(options: VolumeSnapshotOptions = {}): RunnerCronJob {
    if (this.tempo.storage.claim === undefined)
      throw new Error(
        `${this.node.path}: there is no volume to make volume snapshots of; this Tempo keeps nothing on one`,
      );
    const rule = _volumeSnapshotRule(options, this.minutes);
    this.checkName('volume snapshot rule', rule.name, this.snapshotRules);
    this.useSnapshotClass(options.volumeSnapshotClass?.name);
    this.snapshotRules.push(rule);
    this.snapshots ??= new VolumeSnapshots(this, 'VolumeSnapshots', {
      pods: this.pods,
      identity: this.addIdentity('snapshot'),
      pruneSchedule: this.resolvedPlan.prune.schedule,
    });
    return this.snapshots.addRule(rule);
  }

  /**
   * Makes a pinned recovery point before every change, which blocks the change when it fails.
   *
   * @example backup.addChangeGate({ mechanism: ChangeGate.ARGO_CD_PRE_SYNC })
   */
  addChangeGate(options: ChangeGateOptions): ChangeGate {
    const rules = this.resolvedPlan.rules;
    if (options.rule !== undefined && !rules.some(({ name }) => name === options.rule))
      throw new Error(
        `${this.node.path}: 'rule' must be a rule of the plan, got '${options.rule}'; it has ${rules.map(({ name }) => `'${name}'`).join(', ')}`,
      );
    if (this.node.tryFindChild('ChangeGate'))
      throw new Error(`${this.node.path}: there is a change gate already; all changes can wait for the same Job`);
    const rule = options.rule ?? rules.find(({ beforeChanges }) => beforeChanges)?.name;
    return new ChangeGate(this, 'ChangeGate', { ...options, rule, pods: this.pods, identity: this.identity('backup') });
  }

  /**
   * Lets somebody start a restore and follow it, nothing more: get the CronJob, create Jobs, read Jobs, pods and logs of the namespace.
   *
   * Whoever may create Jobs may create any Job, with any ServiceAccount of the namespace: Kubernetes can't restrict what is in one.
   *
   * @example backup.grantRestore(Group.fromName('on-call'))
   */
  grantRestore(subject: ISubject): void {
    this.restore.grantStart(subject);
  }

  /** One of the runner's identities. Throws for `snapshot` before `addVolumeSnapshots()` was called. */
  identity(identity: KubernetesIdentity): RunnerIdentity {
    const found = this.node.tryFindChild(`Identity-${identity}`);
    if (found instanceof RunnerIdentity) return found;
    throw new Error(`${this.node.path}: there is no identity '${identity}' yet; call 'addVolumeSnapshots()' first`);
  }

  private addIdentity(identity: KubernetesIdentity): RunnerIdentity {
    const rights = this.rightsOf(identity);
    return new RunnerIdentity(this, `Identity-${identity}`, { tempo: this.tempo.name, identity, rights });
  }

  private addVerification(): void {
    const schedule = this.resolvedPlan.verification.fullSchedule;
    // Its absence is what validation of the plan is about.
    if (schedule === null) return;
    const identity = this.identity('verify');
    new RunnerCronJob(this, 'Verify', {
      name: identity.name,
      pods: this.pods,
      identity,
      timing: onSchedule({ schedule }),
      args: toArguments('verify', { recoveryPoint: 'all', level: 'full', config: CONFIG_FILE, output: 'json' }),
    });
  }

  private addPrune(): void {
    const identity = this.identity('prune');
    new RunnerCronJob(this, 'Prune', {
      name: identity.name,
      pods: this.pods,
      identity,
      timing: onSchedule({ schedule: this.resolvedPlan.prune.schedule }),
      args: toArguments('prune', { config: CONFIG_FILE, output: 'json' }),
    });
  }

  private podSettings(props: TempoBackupProps): PodSettings {
    const encryption = this.plan.secretsEncryption;
    const configuration = new Configuration(this, 'Configuration', {
      tempo: this.tempo.name,
      produce: () => this.configuration,
      files: encryption?._files ?? {},
    });
    return {
      tempo: this.tempo,
      repository: this.repository,
      credentials: oneSetOfKeys(this.node.path, this.repository, this.tempo),
      configuration,
      image: props.image ?? RunnerImage.fromRegistry('tempo-backup'),
      resources: props.resources ?? {},
      encryption,
      priorityClassName: props.priorityClassName,
      tolerations: props.tolerations ?? [],
      suspend: props.suspend ?? false,
    };
  }

  private get configuration(): RunnerConfigInput {
    return {
      tempo: this.tempo._config,
      repository: { url: this.repository.url, create: this.repository.create },
      kubernetes: this.kubernetes,
      encryption: this.plan.secretsEncryption?._config,
      plan: this.resolvedPlan,
    };
  }

  private get kubernetes(): KubernetesConfig {
    const { name, _objects } = this.tempo;
    const config = {
      namespace: this.namespace,
      ..._objects,
      volumeSnapshotClass: this.snapshotClass,
      restore: {
        cronJob: `${name}-restore`,
        moverCronJob: `${name}-restore-mover`,
        deadline: formatDuration(this.restoreDeadline.toMilliseconds()),
      },
    };
    try {
      return parseConfig(kubernetesSchema, config, ['kubernetes']);
    } catch (error) {
      // It is thrown while the construct is made, where nothing else says which.
      throw error instanceof ConfigError
        ? new ConfigError(error.problems.map((text) => `${this.node.path}: ${text}`))
        : error;
    }
  }

  private get resolvedPlan(): Plan {
    return this.plan._resolve(this.minutes, this.rules, this.snapshotRules);
  }

  private rightsOf(identity: KubernetesIdentity) {
    return kubernetesRights(identity, this.kubernetes);
  }

  /** What only shows when everything is there: rules and other backups may be added until then. */
  private problems(): string[] {
    const all = this.node.root.node.findAll().filter((each) => each instanceof TempoBackup);
    const users = all.map((each) => ({
      path: each.node.path,
      chart: Chart.of(each).node.path,
      repository: each.repository,
    }));
    const [mine, others] = [users[all.indexOf(this)], users.filter((_, index) => all[index] !== this)];
    return [
      ...planProblems(this.resolvedPlan, this.tempo, this.plan),
      ...(mine === undefined ? [] : repositoryProblems(mine, this.tempo, others)),
      ...definedTwice(this, "give each Tempo a 'name' of its own, which its objects are named after"),
    ];
  }

  private checkName(what: string, wanted: string, taken: readonly { readonly name: string }[]): void {
    if (!taken.some(({ name }) => name === wanted)) return;
    throw new Error(
      `${this.node.path}: a ${what} must have a name of its own, but '${wanted}' is taken; give it another`,
    );
  }

  private useSnapshotClass(name: string | undefined): void {
    if (this.snapshots !== undefined && name !== this.snapshotClass) {
      const [before, now] = [this.snapshotClass, name].map((each) =>
        each === undefined ? 'the default' : `'${each}'`,
      );
      throw new Error(
        `${this.node.path}: 'volumeSnapshotClass' must be the same for all volume snapshots, got ${now ?? ''} after ${before ?? ''}`,
      );
    }
    this.snapshotClass = name;
  }
}
