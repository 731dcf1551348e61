import { type Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';

/** The copy that each backup reads. */
export interface CloneOptions {
  /** Size of the copy: at least that of the claim. */
  readonly size: Size;

  /**
   * StorageClass of the copy. Most drivers clone within one class only.
   *
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
}

/**
 * How a backup reaches a volume that Tempo has mounted.
 *
 * @see https://kubernetes.io/docs/concepts/storage/volume-pvc-datasource/
 */
export class VolumeAccess {
  /** Mounted read-only beside Tempo, on the node where Tempo runs. For all access modes but ReadWriteOncePod. */
  static readonly SHARED = new VolumeAccess(undefined);

  /**
   * A clone that the CSI driver makes for each run, on any node. For ReadWriteOncePod, or to keep backups off Tempo's node.
   *
   * A pod that ended keeps its clone, so no successful Job is kept, and one that failed.
   *
   * A flush comes too late for a clone, so Tempo isn't flushed, nor asked for its version: what it holds in memory is in its WAL but for
   * the last seconds, and that is taken.
   */
  static clone(options: CloneOptions): VolumeAccess {
    return new VolumeAccess(options);
  }

  private constructor(private readonly options: CloneOptions | undefined) {}

  /**
   * Whether Tempo's own volume is mounted.
   *
   * @internal
   */
  get _shared(): boolean {
    return this.options === undefined;
  }

  /**
   * The volume of a pod that makes a backup.
   *
   * @internal
   */
  _volume(name: string, claim: string): k8s.Volume {
    if (this.options === undefined) return { name, persistentVolumeClaim: { claimName: claim, readOnly: true } };
    const { size, storageClassName } = this.options;
    const spec: k8s.PersistentVolumeClaimSpec = {
      accessModes: ['ReadWriteOnce'],
      dataSource: { kind: 'PersistentVolumeClaim', name: claim },
      resources: { requests: { storage: k8s.Quantity.fromString(`${size.toMebibytes()}Mi`) } },
      storageClassName,
    };
    return { name, ephemeral: { volumeClaimTemplate: { spec } } };
  }
}
