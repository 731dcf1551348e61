import { Chart, Testing } from 'cdk8s';
import { type k8s } from 'cdk8s-plus-28';
import { parse } from 'yaml';
import { parseRunnerConfig, type RunnerConfig } from '../../lib/contract/index';
import { BackupRepository, Tempo, TempoBackup, type TempoBackupProps } from '../../lib/kubernetes/index';

/** An object as it is synthesized. The types of cdk8s-plus say how it was put in, which is the same but for quantities and ports. */
export interface KubernetesObject {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: Record<string, unknown>;
  readonly data?: Record<string, string>;
  readonly rules?: readonly k8s.PolicyRule[];
  readonly subjects?: readonly k8s.Subject[];
  readonly roleRef?: k8s.RoleRef;
  readonly automountServiceAccountToken?: boolean;
}

export const sampleTempo = (): Tempo => Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts' });
export const sampleRepository = (): BackupRepository =>
  BackupRepository.s3({ bucket: 'acme-tempo-backups', region: 'eu-west-1' });

export const newChart = (namespace = 'observability'): Chart => new Chart(Testing.app(), 'chart', { namespace });

/** A backup with what is given, and what it takes besides. */
export function newBackup(props: Partial<TempoBackupProps> = {}, chart = newChart()): TempoBackup {
  return new TempoBackup(chart, 'Backup', { tempo: sampleTempo(), repository: sampleRepository(), ...props });
}

/** Objects without the runner's configuration and its hash, which belong to the contract and would change with every key of it. */
export function forSnapshot(objects: readonly KubernetesObject[]): unknown {
  const withoutData = objects.map((object) => ({ ...object, data: object.data && Object.keys(object.data) }));
  return JSON.parse(JSON.stringify(withoutData).replaceAll(/("tempo-backup\/config-hash":)"[0-9a-f]{16}"/g, '$1"…"'));
}

/** Everything in the backup's chart. */
export class Synthesized {
  static of(construct: TempoBackup | Chart): Synthesized {
    return new Synthesized(Testing.synth(Chart.of(construct)) as KubernetesObject[]);
  }

  private constructor(readonly objects: readonly KubernetesObject[]) {}

  find(kind: string, name: string): KubernetesObject | undefined {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === name);
  }

  get(kind: string, name: string): KubernetesObject {
    const found = this.find(kind, name);
    if (found) return found;
    throw new Error(`find ${kind} '${name}': there are ${this.names().join(', ')}`);
  }

  names(kind?: string): string[] {
    const chosen = this.objects.filter((object) => kind === undefined || object.kind === kind);
    return chosen.map((object) => (kind === undefined ? `${object.kind} ` : '') + object.metadata.name);
  }

  cronJob(name: string): k8s.CronJobSpec {
    return this.get('CronJob', name).spec as unknown as k8s.CronJobSpec;
  }

  /** The pod of a CronJob, or of a Job when there is one of that name. */
  pod(name: string): k8s.PodSpec {
    const job = this.find('Job', name)?.spec as k8s.JobSpec | undefined;
    const spec = (job ?? this.cronJob(name).jobTemplate.spec)?.template.spec;
    if (spec) return spec;
    throw new Error(`find the pod of '${name}': it has none`);
  }

  container(name: string): k8s.Container {
    const [container] = this.pod(name).containers;
    if (container) return container;
    throw new Error(`find the container of '${name}': its pod has none`);
  }

  /** The configuration as the runner reads it. */
  get config(): RunnerConfig {
    const configMaps = this.objects.filter(({ data }) => data?.['config.yaml'] !== undefined);
    return parseRunnerConfig(parse(configMaps[0]?.data?.['config.yaml'] ?? ''));
  }
}
