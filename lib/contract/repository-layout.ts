/**
 * Where everything lies in a repository. All keys are made and taken apart here, nowhere else.
 */
export const REPOSITORY_KEY = 'repository.json';
export const BLOCKS_PREFIX = 'blocks/';
export const REWRITTEN_PREFIX = 'rewritten/';
export const WAL_PREFIX = 'wal/';
export const CONFIG_PREFIX = 'config/';
export const INDEXES_PREFIX = 'indexes/';
export const POINTS_PREFIX = 'points/';
export const VERIFICATIONS_PREFIX = 'verifications/';
export const VOLUME_SNAPSHOTS_PREFIX = 'pvc-snapshots/';
export const CONDEMNED_PREFIX = 'condemned/';
/** What a server is tried with before the first backup trusts it. */
export const PROBES_PREFIX = 'probes/';

/** Where the files of a block lie: Tempo's own S3 layout, so that a Tempo can serve the repository as it is. */
export function blockPrefix(tenant: string, id: string): string {
  return `${BLOCKS_PREFIX}${tenant}/${id}`;
}

/**
 * Where a block lies that Tempo wrote again with other bytes. Not below `blocks/`: a name there that is no UUID would stop a
 * Tempo that polls it.
 */
export function rewrittenBlockPrefix(tenant: string, id: string, metaSha256: string): string {
  return `${REWRITTEN_PREFIX}${tenant}/${id}/${metaSha256.slice(0, 16)}`;
}

export function walPageKey(block: { id: string; tenant: string; encoding: string }, page: string): string {
  return `${WAL_PREFIX}${block.id}+${block.tenant}+${block.encoding}/${page}`;
}

/** Where a WAL page lies whose first key is taken by other bytes. */
export function rewrittenPageKey(
  block: { id: string; tenant: string; encoding: string },
  page: string,
  sha256: string,
): string {
  return `${REWRITTEN_PREFIX}${WAL_PREFIX}${block.id}+${block.tenant}+${block.encoding}/${sha256.slice(0, 16)}/${page}`;
}

export function configKey(sha256: string, kind: string): string {
  return `${CONFIG_PREFIX}${sha256}.${kind}`;
}

export function indexKey(sha256: string): string {
  return `${INDEXES_PREFIX}${sha256}.json.gz`;
}

export function pointKey(id: string): string {
  return `${POINTS_PREFIX}${id}.json`;
}

/** The ID in a point's key, undefined for a key that is none. */
export function pointIdOf(key: string): string | undefined {
  return /^points\/([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z-[0-9a-z]{4,16})\.json$/.exec(key)?.[1];
}

/** Where `verify` says what is damaged: beside the points, as a backup lists nothing else. */
export function damageNoticeKey(id: string): string {
  return `${POINTS_PREFIX}${id}.damaged.json`;
}

export function isDamageNoticeKey(key: string): boolean {
  return key.endsWith('.damaged.json') && pointIdOf(key.replace(/\.damaged\.json$/, '.json')) !== undefined;
}

/** Where it is recorded that there is a volume snapshot. */
export function volumeSnapshotKey(name: string): string {
  return `${VOLUME_SNAPSHOTS_PREFIX}${name}.json`;
}

/** Where it is recorded that there is none any more. */
export function deletedVolumeSnapshotKey(name: string): string {
  return `${VOLUME_SNAPSHOTS_PREFIX}${name}.deleted.json`;
}

/** What a key below `pvc-snapshots/` is about, undefined for a key that isn't one of these. */
export function volumeSnapshotOf(key: string): { readonly name: string; readonly deleted: boolean } | undefined {
  const [, name, deleted] = /^pvc-snapshots\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(\.deleted)?\.json$/.exec(key) ?? [];
  return name === undefined ? undefined : { name, deleted: deleted !== undefined };
}

/** `2026-11-23T08-30-00Z-7f3a`: sorts by time, needs no quoting anywhere. */
export function timedId(time: Date, suffix: string): string {
  return `${time.toISOString().slice(0, 19).replaceAll(':', '-')}Z-${suffix}`;
}

/** The time in an ID made by `timedId`. */
export function timeOfId(id: string): Date {
  return new Date(`${id.slice(0, 10)}T${id.slice(11, 19).replaceAll('-', ':')}Z`);
}

/** Tenant IDs that Tempo accepts and that are one safe segment of a key and of a path. */
export function isTenant(name: string): boolean {
  return /^[A-Za-z0-9!\-_.*'()]{1,150}$/.test(name) && name !== '.' && name !== '..';
}

/** Files that a block consists of. */
export function isBlockFile(name: string): boolean {
  return /^(data\.parquet|index|meta\.json|bloom-[0-9]{1,6})$/.test(name);
}

export function isBlockId(name: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(name);
}
