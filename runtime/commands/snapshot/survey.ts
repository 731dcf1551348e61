import { VolumeSnapshotAnnotation, VolumeSnapshotLabel } from '../../../lib/contract/volume-snapshots/labels';
import type { VolumeSnapshotRecord } from '../../../lib/contract/volume-snapshots/record';
import type { VolumeSnapshotFacts, VolumeSnapshotState } from '../../../lib/contract/volume-snapshots/results';
import type { VolumeSnapshot } from '../../cluster/objects/volume-snapshots';
import {
  readVolumeSnapshotRecords,
  type VolumeSnapshotRecords,
} from '../../repository/volume-snapshots/volume-snapshot-records';
import { isOwn, type SnapshotScene } from './scene';

/** A volume snapshot with what is known of it; one of the two is there at least. */
export interface KnownVolumeSnapshot {
  readonly name: string;
  readonly inCluster: VolumeSnapshot | undefined;
  readonly record: VolumeSnapshotRecord | undefined;
  readonly own: boolean;
}

export interface Survey {
  /** Newest first. */
  readonly known: readonly KnownVolumeSnapshot[];
  readonly records: VolumeSnapshotRecords;
}

/** Puts together what the repository knows and what the cluster has, of Tempo's claims or made by the runner. */
export async function survey(scene: SnapshotScene, found: readonly VolumeSnapshot[]): Promise<Survey> {
  const { context, kubernetes } = scene;
  const records = await readVolumeSnapshotRecords(context.repository);
  for (const reason of records.unreadable.values()) context.log.warn(reason);
  for (const key of records.foreign) context.log.warn('an object below pvc-snapshots/ is no record', { key });
  const claims = new Set(kubernetes.persistentVolumeClaims);
  const inCluster = found
    .map((snapshot) => ({ snapshot, own: isOwn(scene, snapshot) }))
    .filter(({ snapshot, own }) => own || (snapshot.claim !== undefined && claims.has(snapshot.claim)))
    .map(({ snapshot, own }): KnownVolumeSnapshot => {
      const record = records.records.get(snapshot.name);
      // Another VolumeSnapshot of a name that was recorded once is another one.
      return {
        name: snapshot.name,
        inCluster: snapshot,
        record: record?.uid === snapshot.uid ? record : undefined,
        own,
      };
    });
  const seen = new Set(inCluster.flatMap(({ record }) => record?.name ?? []));
  const onlyRecorded = [...records.records.values()]
    .filter(({ name }) => !seen.has(name))
    .map((record): KnownVolumeSnapshot => ({ name: record.name, inCluster: undefined, record, own: true }));
  const known = [...inCluster, ...onlyRecorded].sort(newestFirst);
  return { known, records };
}

/** The cluster's times are whole seconds; names have the time in them, too. */
function newestFirst(a: KnownVolumeSnapshot, b: KnownVolumeSnapshot): number {
  return timeOf(b).getTime() - timeOf(a).getTime() || (a.name < b.name ? 1 : -1);
}

/** What a known volume snapshot is, in words. */
export function factsOf(known: KnownVolumeSnapshot, seen: Seen): VolumeSnapshotFacts {
  const { name, inCluster, record, own } = known;
  const told = inCluster ? toldByCluster(inCluster) : toldByRecord(record);
  const bytes = told.bytes ?? record?.restoreBytes ?? record?.source.bytes ?? null;
  return { name, ...told, createdAt: timeOf(known).toISOString(), bytes, own, recorded: record !== undefined, ...seen };
}

interface Seen {
  readonly state: VolumeSnapshotState;
  readonly remark: string | null;
}

type Told = Pick<VolumeSnapshotFacts, 'claim' | 'rule' | 'deleteAfter' | 'bytes'>;

function toldByCluster({ claim, labels, annotations, restoreBytes }: VolumeSnapshot): Told {
  return {
    claim: claim ?? null,
    rule: labels[VolumeSnapshotLabel.RULE] ?? null,
    deleteAfter: annotations[VolumeSnapshotAnnotation.DELETE_AFTER] ?? null,
    bytes: restoreBytes ?? null,
  };
}

function toldByRecord(record: VolumeSnapshotRecord | undefined): Told {
  const { rule = null, deleteAfter = null, restoreBytes: bytes = null } = record ?? {};
  return { claim: record?.source.claim ?? null, rule, deleteAfter, bytes };
}

/** The time whose state it has, as far as known. */
export function timeOf({ inCluster, record }: Pick<KnownVolumeSnapshot, 'inCluster' | 'record'>): Date {
  return inCluster?.takenAt ?? inCluster?.requestedAt ?? new Date(record?.createdAt ?? 0);
}
