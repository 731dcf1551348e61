import { z } from 'zod';
import { FORMAT_VERSION } from '../manifest';

const instant = z.iso.datetime();
const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const objectName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be the name of a Kubernetes object');

/** What a claim was when a volume snapshot was made of it: all that is needed to make such a claim again. */
export const claimFactsSchema = z.object({
  claim: objectName,
  /** The PersistentVolume behind it. */
  volume: objectName.nullable(),
  storageClass: objectName.nullable(),
  /** The CSI driver, as far as the claim tells. */
  driver: z.string().max(253).nullable(),
  accessModes: z.array(z.enum(['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'])).min(1),
  volumeMode: z.enum(['Filesystem', 'Block']),
  /** Its capacity. */
  bytes,
});
export type ClaimFacts = z.infer<typeof claimFactsSchema>;

/** `pvc-snapshots/<name>.json`: that there is a volume snapshot, of what and from when. Written once it is ready. */
export const volumeSnapshotRecordSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  repository: z.uuid(),
  /** The name that the configuration gives this Tempo. */
  tempo: z.string(),
  namespace: objectName,
  name: objectName,
  /** Of the VolumeSnapshot: another one of the same name has another. */
  uid: z.string().min(1).max(128),
  source: claimFactsSchema,
  volumeSnapshotClass: objectName.nullable(),
  volumeSnapshotContent: objectName.nullable(),
  /** What a claim made of it needs at least; null when the driver doesn't say. */
  restoreBytes: bytes.nullable(),
  /** The time whose state of the volume it has. */
  createdAt: instant,
  /** When the runner saw that it was ready to use. */
  readyAt: instant,
  /** The plan's volume snapshot rule; null when made by hand. */
  rule: z.string().nullable(),
  /** How long it is kept, as a duration; null: it doesn't expire. */
  deleteAfter: z.string().nullable(),
  runner: z.string(),
});
export type VolumeSnapshotRecord = z.infer<typeof volumeSnapshotRecordSchema>;

/** `pvc-snapshots/<name>.deleted.json`: that `snapshot prune` settled a record, as nothing in a repository is overwritten. */
export const deletedVolumeSnapshotSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  repository: z.uuid(),
  name: objectName,
  uid: z.string().min(1).max(128),
  deletedAt: instant,
  /** Why, in a sentence. */
  reason: z.string(),
});
export type DeletedVolumeSnapshot = z.infer<typeof deletedVolumeSnapshotSchema>;
