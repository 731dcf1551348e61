import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { ClusterRestorePhase } from '../../../lib/contract/cluster-restore';
import type { KubernetesConfig } from '../../../lib/contract/kubernetes-config';
import { parseDuration } from '../../../lib/contract/values/duration';
import type { ClusterApi, ObjectRef } from '../../cluster/cluster-api';
import type { Pace, Waiting } from '../../cluster/workload/wait-until';
import { workloadRef } from '../../cluster/workload/workload';
import { UsageError } from '../../errors';
import type { CommandContext } from '../context';

/** What every step of a restore in a cluster works with. */
export interface CoordinatedRun {
  readonly context: CommandContext;
  readonly options: RestoreOptions;
  readonly kubernetes: KubernetesConfig;
  readonly api: ClusterApi;
  /** What runs Tempo. */
  readonly workload: ObjectRef;
  readonly pace: Pace;
  readonly phases: Phases;
  /** What is known of Tempo, for whoever has no time to ask. */
  readonly tempo: TempoState;
}

/** How Tempo is while it is restored. */
export interface TempoState {
  /** Replicas that it had before, or shall have when it is made from the recovery point. */
  replicas: number;
  /** Whether a restore, this one or one before it, has scaled it to zero. */
  stopped: boolean;
  /** Whether this run has started it again. */
  started: boolean;
}

/** What the scope stands for. */
export interface Parts {
  readonly configuration: boolean;
  /** Scope of the mover; undefined: no data is moved. */
  readonly data: 'data' | 'wal' | 'all' | undefined;
}

export async function openRun(context: CommandContext, options: RestoreOptions, pace: Pace): Promise<CoordinatedRun> {
  const { kubernetes } = context.config;
  checkOptions(options, context.config.tempo.storage.backend);
  if (!kubernetes)
    throw new UsageError(
      "restore: '--coordinate' is for a Tempo in a cluster, and the configuration names no objects of it; add 'kubernetes', or leave it out",
    );
  const api = await context.cluster();
  const phases = new Phases(context.log, pace);
  const tempo = { replicas: 0, stopped: false, started: false };
  return { context, options, kubernetes, api, workload: workloadRef(kubernetes), pace, phases, tempo };
}

export function partsOf({ scope }: RestoreOptions): Parts {
  const configuration = scope === 'full' || scope === 'config';
  return { configuration, data: scope === 'config' ? undefined : scope === 'full' ? 'all' : scope };
}

/** How long one wait may take, as the configuration says. */
export function waitingIn(run: CoordinatedRun, late: Waiting['late']): Waiting {
  const { context, kubernetes, pace } = run;
  return { within: parseDuration(kubernetes.restore.deadline), pace, signal: context.signal, late };
}

/** Measures the steps, and says in the log which one it is. */
export class Phases {
  readonly done: { name: ClusterRestorePhase; seconds: number }[] = [];

  constructor(
    private readonly log: CommandContext['log'],
    private readonly pace: Pace,
  ) {}

  async time<T>(name: ClusterRestorePhase, work: () => Promise<T>): Promise<T> {
    const began = this.pace.now();
    this.log.info(`${name}: begins`, { phase: name });
    try {
      return await work();
    } finally {
      const seconds = Math.round(this.pace.now() - began) / 1000;
      this.done.push({ name, seconds });
      this.log.info(`${name}: ${seconds} s`, { phase: name, seconds });
    }
  }
}

/** The whole of Tempo's data or of some tenants: parts of it are brought back beside a running Tempo, by `restore` itself. */
function checkOptions({ scope, clearWal, ...options }: RestoreOptions, backend: 'local' | 's3'): void {
  const { from, to, block, traceId, intoTenant, target } = options;
  const given = Object.entries({ from, to, 'trace-id': traceId, 'into-tenant': intoTenant, target });
  const [name] = given.find(([, value]) => value !== undefined) ?? (block.length > 0 ? ['block'] : []);
  if (name !== undefined)
    throw new UsageError(
      `restore: '--${name}' can't be used in a cluster, where all data of the chosen tenants is replaced; leave it out`,
    );
  if (clearWal && scope === 'config')
    throw new UsageError("restore: '--clear-wal' concerns data, '--scope config' doesn't; choose --scope wal");
  if (clearWal && scope !== 'wal' && backend === 's3')
    throw new UsageError(
      "restore: '--clear-wal' moves the WAL of a Tempo with its blocks in a bucket aside by itself only; run it with --scope wal, then restore the rest",
    );
}
