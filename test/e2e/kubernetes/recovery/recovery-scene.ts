import type { ClusterRestore } from '../../../../lib/contract/cluster-restore';
import type { BackupResult, RestoreResult } from '../../../../lib/contract/results';
import { type KubernetesObject, type Pod, reference } from '../harness/cluster/objects';
import type { RunEnd } from '../harness/cluster/pod-ends';
import { eventually } from '../harness/cluster/wait';
import { expectExit } from '../harness/expect-exit';
import { documented } from '../harness/operations-page';
import { tracesInNewestPoint } from '../harness/recovery-point';
import { Scene, type SceneOptions } from '../harness/scene';
import { TEMPO } from '../harness/tempo/tempo-objects';
import { type Timings } from '../harness/timings';
import { type Ran, type Restored, Workstation } from '../harness/workstation';

/** A Tempo with traces and recovery points, and somebody who brings it back by the commands of the documentation. */
export class RecoveryScene {
  /** All that Tempo acknowledged and must have. */
  readonly traceIds: string[] = [];

  private constructor(
    readonly scene: Scene,
    readonly workstation: Workstation,
    private readonly timings: Timings,
  ) {}

  static async create(timings: Timings, options: SceneOptions = {}): Promise<RecoveryScene> {
    const scene = await Scene.create(options);
    return new RecoveryScene(scene, await Workstation.open(scene), timings);
  }

  /** Flushed traces, and a verified recovery point with them. Returns its ID. */
  async protect(): Promise<string> {
    await this.push(10);
    const { recoveryPoint, flush } = await this.runBackup('full');
    if (flush?.reached !== true) throw new Error(`full: Tempo is not flushed: ${JSON.stringify(flush)}`);
    if (recoveryPoint.wal.blocks > 0) throw new Error('full: flushed traces are in the WAL of the recovery point');
    await this.expectInNewestPoint();
    return recoveryPoint.id;
  }

  async push(count: number): Promise<string[]> {
    const pushed = await this.scene.tempo.push(count);
    this.traceIds.push(...pushed);
    return pushed;
  }

  /** Traces that lie in Tempo's WAL and nowhere else. */
  async pushToWal(count: number): Promise<string[]> {
    const pushed = await this.push(count);
    await this.scene.tempo.cut();
    return pushed;
  }

  /** A recovery point with what lies in Tempo's WAL now. */
  async backUpWal(): Promise<void> {
    await this.backUp('wal');
    await this.expectInNewestPoint();
  }

  /** By a rule of the plan. Returns the ID of the recovery point. */
  async backUp(rule: string): Promise<string> {
    return (await this.runBackup(rule)).recoveryPoint.id;
  }

  private async runBackup(rule: string): Promise<BackupResult> {
    const { exitCode, log, result } = await this.scene.runJob(`tempo-backup-${rule}`);
    expectExit(rule, { exitCode, log });
    return result as BackupResult;
  }

  /** What a test is about to lose must be there to be restored. */
  private async expectInNewestPoint(): Promise<void> {
    const found = await tracesInNewestPoint(this.scene.bucket.url);
    const missing = this.traceIds.filter((traceId) => !found.has(traceId));
    if (missing.length > 0) throw new Error(`${missing.length} of ${this.traceIds.length} traces aren't in the point`);
  }

  /** Runs a command of the documentation that restores, measured. */
  async restore(scenario: string, line: string, options: RestoreCall): Promise<Restored> {
    const { limit, exitCode = 0, examples = {}, as } = options;
    const command = documented(line, { monitoring: this.scene.namespace, ...examples });
    const ran = await this.timings.measure(scenario, commandText(line), {
      limit,
      run: () => this.workstation.restore(command, { as }),
    });
    expectExit(command, ran, exitCode);
    this.printPhases(scenario, ran.result);
    return ran;
  }

  /** Runs a command of the documentation. */
  async follow(line: string, options: Partial<RestoreCall> = {}): Promise<Ran> {
    const command = documented(line, { monitoring: this.scene.namespace, ...options.examples });
    const ran = await this.workstation.run(command, options);
    expectExit(command, ran, options.exitCode);
    return ran;
  }

  /** The emergency: a Job of the suspended CronJob, started and watched with nothing but kubectl. */
  async restoreByKubectl(scenario: string, limit: number): Promise<RunEnd> {
    const name = `restore-${Date.now()}`;
    const examples = { 'restore-1': name };
    const end = await this.timings.measure(scenario, 'kubectl create job --from=cronjob/tempo-restore', {
      limit,
      run: async () => {
        await this.follow('kubectl -n monitoring create job --from=cronjob/tempo-restore restore-1', { examples });
        await this.scene.runningPod(name);
        await this.follow('kubectl -n monitoring logs --follow job/restore-1', { examples });
        return this.scene.jobEnd(name, limit);
      },
    });
    expectExit(scenario, end);
    this.printPhases(scenario, end.result as RestoreResult);
    return end;
  }

  /** Tempo is ready and has every trace that was acknowledged, but for those that may be lost. */
  async expectWhole(but: readonly string[] = []): Promise<void> {
    await this.scene.tempo.ready();
    const missing = async (): Promise<string[]> =>
      (await this.scene.tempo.missing(this.traceIds)).filter((traceId) => !but.includes(traceId));
    await eventually('all traces', async () => (await missing()).length === 0, {
      seconds: 30,
      explain: async () => `${(await missing()).length} of ${this.traceIds.length} are missing`,
    });
    for (const lost of but) if (this.traceIds.includes(lost)) this.traceIds.splice(this.traceIds.indexOf(lost), 1);
  }

  /** Deletes Tempo's claim, which goes when no pod is left that mounts it, and waits for that if Tempo is stopped. */
  async loseClaim(): Promise<void> {
    const claim = reference('PersistentVolumeClaim', this.scene.namespace, TEMPO.claim);
    await this.scene.api.delete(claim);
    await this.follow(
      'kubectl -n monitoring delete pod -l app.kubernetes.io/name=tempo-backup --field-selector=status.phase!=Running',
      { as: 'admin' },
    );
    if ((await this.replicas()) === 0)
      await eventually('end of the claim', async () => !(await this.scene.api.get(claim)));
  }

  async restartTempo(): Promise<void> {
    const before = await this.pod();
    await this.scene.killPod(TEMPO.pod);
    await eventually('another pod of Tempo', async () => {
      const pod = await this.pod();
      return pod !== undefined && pod.metadata.uid !== before?.metadata.uid;
    });
  }

  /** Tempo ends again and again. */
  async crashing(): Promise<void> {
    await eventually('a Tempo that does not start', async () => {
      const [status] = (await this.pod())?.status.containerStatuses ?? [];
      return (status?.restartCount ?? 0) > 0 && status?.state.terminated === undefined;
    });
  }

  async replicas(): Promise<number | undefined> {
    const workload = await this.scene.api.get<KubernetesObject & { spec: { replicas: number } }>(
      reference('StatefulSet', this.scene.namespace, TEMPO.name),
    );
    return workload?.spec.replicas;
  }

  /** Runs a script in a pod that has Tempo's volume mounted, as Tempo's user. */
  async onVolume(script: string): Promise<void> {
    expectExit('script', await this.scene.runScript(script, { claim: TEMPO.claim }));
  }

  measure<T>(scenario: string, what: string, run: () => Promise<T>): Promise<T> {
    return this.timings.measure(scenario, what, { limit: 300, run });
  }

  async remove(): Promise<void> {
    await this.workstation.close();
    await this.scene.remove();
  }

  private pod(): Promise<Pod | undefined> {
    return this.scene.api.get<Pod>(reference('Pod', this.scene.namespace, TEMPO.pod));
  }

  private printPhases(scenario: string, result: { readonly cluster?: ClusterRestore }): void {
    const phases = result.cluster?.phases.map(({ name, seconds }) => `${name} ${seconds ?? '-'} s`) ?? [];
    if (phases.length > 0) process.stdout.write(`${scenario}: ${phases.join(', ')}\n`);
  }
}

export interface RestoreCall {
  /** Seconds that it may take. */
  readonly limit: number;
  /** @default 0 */
  readonly exitCode?: number;
  /** What stands on the page, and what is there. */
  readonly examples?: Readonly<Record<string, string>>;
  readonly as?: 'on-call' | 'admin';
}

function commandText(line: string): string {
  return line.replace(/^tempo-backup /, '').replace(/ --recovery-point \S+/, '');
}
