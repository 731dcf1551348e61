import { z } from 'zod';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { RunnerError, UsageError } from '../../errors';
import type { CallOptions, ClusterApi, ClusterObject, ObjectRef } from '../cluster-api';
import { ClusterError } from '../cluster-errors';
import { parseQuantity } from './quantity';

export const VOLUME_SNAPSHOT = { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot' } as const;

const texts = z.record(z.string(), z.string()).default({});
const objectSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: texts,
    annotations: texts,
  }),
  spec: z.object({
    volumeSnapshotClassName: z.string().optional(),
    source: z.object({ persistentVolumeClaimName: z.string().optional() }),
  }),
  status: z
    .object({
      boundVolumeSnapshotContentName: z.string().optional(),
      creationTime: z.string().optional(),
      readyToUse: z.boolean().default(false),
      restoreSize: z.string().optional(),
      error: z.object({ message: z.string().default('for a reason that it does not tell') }).optional(),
    })
    .prefault({}),
});

/** A VolumeSnapshot as the runner looks at it. */
export interface VolumeSnapshot {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Undefined when it was made of something else than a claim. */
  readonly claim: string | undefined;
  readonly class: string | undefined;
  readonly content: string | undefined;
  /** By the API server's clock. */
  readonly requestedAt: Date;
  /** The time whose state of the volume it has, by the driver's clock. */
  readonly takenAt: Date | undefined;
  readonly isReady: boolean;
  readonly isDeleting: boolean;
  readonly restoreBytes: number | undefined;
  /** What went wrong last, in the controller's words; it tries again by itself. */
  readonly error: string | undefined;
}

/** The VolumeSnapshots of a namespace. */
export class VolumeSnapshots {
  constructor(
    readonly api: ClusterApi,
    readonly namespace: string,
  ) {}

  async list(): Promise<VolumeSnapshot[]> {
    try {
      return (await this.api.list({ ...VOLUME_SNAPSHOT, namespace: this.namespace })).map(read);
    } catch (error) {
      if (!(error instanceof ClusterError) || error.status.status !== 404) throw error;
      throw new UsageError(
        "list volume snapshots: the cluster knows no 'volumesnapshots.snapshot.storage.k8s.io/v1'; install the CRDs and the snapshot controller of kubernetes-csi/external-snapshotter, and a CSI driver that makes snapshots",
      );
    }
  }

  async get(name: string, options?: CallOptions): Promise<VolumeSnapshot | undefined> {
    const found = await this.api.get(this.ref(name), options);
    return found && read(found);
  }

  async create(object: Pick<ClusterObject, 'metadata' | 'spec'>): Promise<VolumeSnapshot> {
    const { name } = object.metadata;
    const metadata = { ...object.metadata, namespace: this.namespace };
    try {
      return read(await this.api.create({ ...VOLUME_SNAPSHOT, ...object, metadata }));
    } catch (error) {
      // A used-up quota is answered with the status of a missing right.
      if (!(error instanceof ClusterError) || !error.status.message.includes('exceeded quota')) throw error;
      throw new RunnerError(
        `create volume snapshot '${name}': ${/exceeded quota.*/.exec(error.status.message)?.[0] ?? ''}; delete volume snapshots that aren't needed, or raise the quota`,
        ExitCode.FAILED,
        { name, namespace: this.namespace },
      );
    }
  }

  /** False when there was none. */
  async delete(name: string, options?: CallOptions): Promise<boolean> {
    return this.api.delete(this.ref(name), options);
  }

  private ref(name: string): ObjectRef {
    return { ...VOLUME_SNAPSHOT, namespace: this.namespace, name };
  }
}

function read(object: ClusterObject): VolumeSnapshot {
  const { metadata, spec, status } = objectSchema.parse(object);
  const { creationTime, restoreSize } = status;
  return {
    name: metadata.name,
    uid: metadata.uid,
    labels: metadata.labels,
    annotations: metadata.annotations,
    claim: spec.source.persistentVolumeClaimName,
    class: spec.volumeSnapshotClassName,
    content: status.boundVolumeSnapshotContentName,
    requestedAt: new Date(metadata.creationTimestamp),
    takenAt: creationTime === undefined ? undefined : new Date(creationTime),
    isReady: status.readyToUse,
    isDeleting: metadata.deletionTimestamp !== undefined,
    restoreBytes: restoreSize === undefined ? undefined : parseQuantity(restoreSize),
    error: status.error?.message,
  };
}
