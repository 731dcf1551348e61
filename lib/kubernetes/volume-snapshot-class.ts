import { ApiObject, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { definedTwice } from './private/checks/defined-twice';
import { sharedLabels } from './private/labels';

/** A class, defined here or elsewhere. */
export interface IVolumeSnapshotClass {
  /** Name of the class. */
  readonly name: string;
}

/** What a class of a known driver says. */
export interface VolumeSnapshotClassOptions {
  /**
   * Name of the class. Classes belong to the whole cluster, so two charts that define the same one need two names; or define it once
   * and use `fromName()` elsewhere.
   *
   * @default - `tempo-backup-` and a word for the driver, such as `tempo-backup-aws-ebs`
   */
  readonly name?: string;

  /**
   * What becomes of the storage's snapshot when its VolumeSnapshot is deleted. With `Retain`, what `snapshot prune` deletes stays in the
   * storage and costs money until somebody deletes it there; with `Delete`, snapshots are gone with the namespace.
   *
   * @default 'Delete'
   */
  readonly deletionPolicy?: 'Delete' | 'Retain';

  /**
   * What the driver wants to know.
   *
   * @default - nothing, for Azure `incremental: 'true'`
   */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** What a class of any driver says. */
export interface VolumeSnapshotClassProps extends VolumeSnapshotClassOptions {
  /** Name of the class. */
  readonly name: string;

  /** Name of the CSI driver, such as `ebs.csi.aws.com`. */
  readonly driver: string;
}

/**
 * How a CSI driver makes volume snapshots. It belongs to the whole cluster, so whoever applies it needs a right there.
 *
 * @example VolumeSnapshotClass.awsEbs(chart, 'Snapshots')
 * @see https://kubernetes.io/docs/concepts/storage/volume-snapshot-classes/
 */
export class VolumeSnapshotClass extends Construct implements IVolumeSnapshotClass {
  /** Of Amazon EBS. */
  static awsEbs(scope: Construct, id: string, options: VolumeSnapshotClassOptions = {}): VolumeSnapshotClass {
    return new VolumeSnapshotClass(scope, id, { name: 'tempo-backup-aws-ebs', ...options, driver: 'ebs.csi.aws.com' });
  }

  /** Of Google's persistent disks. */
  static gcePd(scope: Construct, id: string, options: VolumeSnapshotClassOptions = {}): VolumeSnapshotClass {
    const driver = 'pd.csi.storage.gke.io';
    return new VolumeSnapshotClass(scope, id, { name: 'tempo-backup-gce-pd', ...options, driver });
  }

  /** Of Azure's disks: incremental, as only the difference is paid for then. */
  static azureDisk(scope: Construct, id: string, options: VolumeSnapshotClassOptions = {}): VolumeSnapshotClass {
    const azure = { name: 'tempo-backup-azure-disk', parameters: { incremental: 'true' } };
    return new VolumeSnapshotClass(scope, id, { ...azure, ...options, driver: 'disk.csi.azure.com' });
  }

  /** Of the driver for tests that keeps volumes in folders of a node. */
  static csiHostPath(scope: Construct, id: string, options: VolumeSnapshotClassOptions = {}): VolumeSnapshotClass {
    const driver = 'hostpath.csi.k8s.io';
    return new VolumeSnapshotClass(scope, id, { name: 'tempo-backup-csi-hostpath', ...options, driver });
  }

  /** One that is there already. */
  static fromName(name: string): IVolumeSnapshotClass {
    return { name };
  }

  /** Name of the class. */
  readonly name: string;

  /** Of any driver. */
  constructor(scope: Construct, id: string, props: VolumeSnapshotClassProps) {
    super(scope, id);
    const { name, driver, deletionPolicy = 'Delete', parameters } = props;
    this.name = name;
    const definition = new ApiObject(this, 'VolumeSnapshotClass', {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotClass',
      metadata: { name, labels: sharedLabels() },
      driver,
      deletionPolicy,
      parameters,
    });
    // A chart puts its namespace on everything, and the API server refuses it here.
    if (definition.chart.namespace !== undefined) definition.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
    const fix = "define it once, and use 'VolumeSnapshotClass.fromName()' elsewhere, or give one another 'name'";
    this.node.addValidation({ validate: () => definedTwice(this, fix) });
  }
}
