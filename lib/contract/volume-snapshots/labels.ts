/** Labels of the volume snapshots that the runner makes, and of the claims that it makes of them. */
export const VolumeSnapshotLabel = {
  /** Always `tempo-backup`. */
  MANAGED_BY: 'app.kubernetes.io/managed-by',
  /** Always `tempo-backup`. */
  NAME: 'app.kubernetes.io/name',
  /** `volume-snapshot` or `restored-claim`. */
  COMPONENT: 'app.kubernetes.io/component',
  /** The name that the configuration gives this Tempo. */
  TEMPO: 'tempo-backup/tempo',
  /** The plan's volume snapshot rule; absent when made by hand. */
  RULE: 'tempo-backup/rule',
} as const;

/** Annotations of the volume snapshots that the runner makes, and of the claims that it makes of them. */
export const VolumeSnapshotAnnotation = {
  /** How long it is kept, as a duration; absent: it doesn't expire. */
  DELETE_AFTER: 'tempo-backup/delete-after',
  /** What the claim was, as JSON: volume, class, access modes, size. */
  CLAIM: 'tempo-backup/claim',
  /** ISO 8601: a volume snapshot that isn't ready by then was given up by the run that made it. */
  GIVE_UP_AT: 'tempo-backup/give-up-at',
  /** Of a claim: name and UID of the volume snapshot that it was made of, with a slash between. */
  RESTORED_FROM: 'tempo-backup/restored-from',
} as const;

/** Value of the labels that say who made an object. */
export const MANAGER = 'tempo-backup';

/** The text as the value of a label, which must end with a letter or digit. */
export function labelValue(text: string): string {
  return text.replace(/[^A-Za-z0-9]+$/, '');
}
