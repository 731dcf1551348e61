import type { SnapshotOptions } from '../../../../lib/contract/command-line/commands';
import type { CommandResults } from '../../../../lib/contract/results';
import { parseRunnerConfig, type RunnerConfig } from '../../../../lib/contract/runner-config';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { parseCommand } from '../../../../runtime/command-line';
import type { CommandContext } from '../../../../runtime/commands/context';
import { snapshot } from '../../../../runtime/commands/snapshot/snapshot';
import { createLog } from '../../../../runtime/log';
import { NO_PROGRESS } from '../../../../runtime/progress';
import { Repository } from '../../../../runtime/repository/repository';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import { ClusterDouble, type ClusterDoubleOptions, type Controller } from '../../../helpers/cluster-double';

export const NAMESPACE = 'monitoring';
export const CLAIM = 'data-tempo-0';
export const DAY = 24 * 60 * 60 * 1000;

type Fields = Readonly<Record<string, unknown>>;
type ResultOf<A> = Extract<CommandResults['snapshot'], { action: A }>;

/** A claim that is bound, as the API shows it. */
export function boundClaim(name: string, changes: { spec?: Fields; status?: Fields } = {}): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { 'app.kubernetes.io/name': 'tempo' },
      annotations: { 'volume.kubernetes.io/storage-provisioner': 'hostpath.csi.k8s.io' },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Filesystem',
      storageClassName: 'fast',
      volumeName: `pv-${name}`,
      resources: { requests: { storage: '10Gi' } },
      ...changes.spec,
    },
    status: { phase: 'Bound', capacity: { storage: '10Gi' }, ...changes.status },
  };
}

export function volumeSnapshot(name: string, changes: Fields & { metadata?: Fields } = {}): ClusterObject {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    spec: { source: { persistentVolumeClaimName: CLAIM } },
    status: { readyToUse: true, creationTime: '2026-11-01T02:00:00Z', restoreSize: '10Gi' },
    ...changes,
    metadata: { name, namespace: NAMESPACE, ...changes.metadata },
  };
}

export function event({ kind, metadata: { name } }: ClusterObject, reason: string, message: string): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason.toLowerCase()}`, namespace: NAMESPACE },
    type: 'Warning',
    involvedObject: { kind, name },
    lastTimestamp: new Date().toISOString(),
    ...{ reason, message },
  };
}

/** What the snapshot controller and the driver make of each new VolumeSnapshot; undefined: nothing. */
export function snapshotter(status: (object: ClusterObject) => Fields | undefined = () => readyStatus()): Controller {
  return ({ type, object }, cluster) => {
    if (type !== 'ADDED' || object.kind !== 'VolumeSnapshot' || object.status !== undefined) return;
    const found = status(object);
    if (found) cluster.put({ ...object, status: found });
  };
}

export function readyStatus(): Fields {
  return {
    readyToUse: true,
    creationTime: new Date().toISOString(),
    restoreSize: '10Gi',
    boundVolumeSnapshotContentName: 'snapcontent-1',
  };
}

/** The machine's clock, moved. */
class ShiftedClock {
  /** Milliseconds by which it is ahead. */
  ahead = 0;
  /** The only time there is. */
  standsAt: Date | undefined;
  readonly now = (): Date => this.standsAt ?? new Date(Date.now() + this.ahead);
}

/** A whole cluster and a repository for the command, with time that can be moved. */
export class SnapshotScene {
  static async start(options: ClusterDoubleOptions & { readonly config?: object } = {}): Promise<SnapshotScene> {
    const cluster = await ClusterDouble.start({
      objects: [boundClaim(CLAIM)],
      controllers: [snapshotter()],
      ...options,
    });
    const config = parseRunnerConfig({
      repository: { url: 'file:///srv/backup' },
      kubernetes: {
        namespace: NAMESPACE,
        workload: { kind: 'StatefulSet', name: 'tempo' },
        persistentVolumeClaims: [CLAIM],
        volumeSnapshotClass: 'csi-class',
      },
      ...options.config,
    });
    const clock = new ShiftedClock();
    const storage = new MemoryStorage({ clock: clock.now });
    const repository = await Repository.open(storage, { create: true, now: clock.now });
    return new SnapshotScene(cluster, config, { clock, storage, repository });
  }

  readonly log: string[] = [];
  readonly controller = new AbortController();
  readonly clock: ShiftedClock;
  readonly storage: MemoryStorage;
  readonly repository: Repository;

  private constructor(
    readonly cluster: ClusterDouble,
    readonly config: RunnerConfig,
    parts: { readonly clock: ShiftedClock; readonly storage: MemoryStorage; readonly repository: Repository },
  ) {
    this.clock = parts.clock;
    this.storage = parts.storage;
    this.repository = parts.repository;
  }

  /** Runs `snapshot ACTION ARGS`. */
  async run<A extends SnapshotOptions['action']>(
    action: A,
    ...args: string[]
  ): Promise<{ exitCode: number; result: ResultOf<A> }> {
    const { options } = parseCommand(['snapshot', action, ...args]) as { options: SnapshotOptions };
    const { result, exitCode } = await snapshot(this.context(), options);
    return { result: result as ResultOf<A>, exitCode };
  }

  /** Names of the VolumeSnapshots that there are. */
  names(): string[] {
    return this.cluster.all('VolumeSnapshot').map(({ metadata }) => metadata.name);
  }

  /** Keys below `pvc-snapshots/`. */
  keys(): string[] {
    return [...this.storage.objects.keys()].filter((key) => key.startsWith('pvc-snapshots/')).sort();
  }

  record(name: string): Fields {
    return JSON.parse(String(this.storage.objects.get(`pvc-snapshots/${name}.json`)?.bytes)) as Fields;
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }

  context(): CommandContext {
    const { config, repository, controller } = this;
    const { now } = this.clock;
    const log = createLog({ format: 'text', level: 'info', write: (line) => this.log.push(line) });
    const cluster = () => Promise.resolve(this.cluster.api(controller.signal));
    const unused = (): never => {
      throw new Error('volume snapshots need no other storage');
    };
    const others = { openBucket: unused, openStorage: unused };
    return { config, repository, log, progress: NO_PROGRESS, cluster, ...others, signal: controller.signal, now };
  }
}
