import type { CommandName } from './command-line/commands';
import {
  BLOCKS_PREFIX,
  CONDEMNED_PREFIX,
  CONFIG_PREFIX,
  INDEXES_PREFIX,
  POINTS_PREFIX,
  PROBES_PREFIX,
  REPOSITORY_KEY,
  REWRITTEN_PREFIX,
  VERIFICATIONS_PREFIX,
  VOLUME_SNAPSHOTS_PREFIX,
  WAL_PREFIX,
} from './repository-layout';

/**
 * A kind of call on a repository in S3; `endUpload` ends what was begun of a put in parts, `readLock` and `extendLock` are made only where the
 * bucket locks objects.
 */
export type StorageRight = 'list' | 'get' | 'put' | 'endUpload' | 'delete' | 'readLock' | 'extendLock';

/** Who calls: a command on its repository, or `replicate` on the one that it writes to. */
export type StorageCaller = CommandName | 'replicate-target';

/**
 * What a command may call, by kind: keys relative to the repository's prefix, where `*` stands for any characters, `/` included.
 */
export type StorageRights = Readonly<Record<StorageRight, readonly string[]>>;

/** The S3 actions that a kind of call needs. */
export interface StorageActions {
  /** Actions on the objects of the keys. */
  readonly onObjects: readonly string[];
  /** Actions on the bucket. */
  readonly onBucket: readonly string[];
}

/**
 * The S3 actions behind each kind of call.
 *
 * A put of more than 8 MiB goes in parts: an upload that fails is aborted, and one whose beginning got lost is looked for. S3 and MinIO know no
 * `s3:prefix` for that list: a condition on it would forbid it on the one, and be refused with the whole policy by the other. Before a deletion
 * the bucket is asked whether it locks objects; it leaves a version behind, as no command has the right to delete versions. Without the right
 * to bypass governance, a lock can only be made longer.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
export const STORAGE_ACTIONS: Readonly<Record<StorageRight, StorageActions>> = {
  list: { onObjects: [], onBucket: ['s3:ListBucket'] },
  get: { onObjects: ['s3:GetObject'], onBucket: [] },
  put: { onObjects: ['s3:PutObject'], onBucket: [] },
  endUpload: { onObjects: ['s3:AbortMultipartUpload'], onBucket: ['s3:ListBucketMultipartUploads'] },
  delete: { onObjects: ['s3:DeleteObject'], onBucket: ['s3:GetBucketObjectLockConfiguration'] },
  readLock: { onObjects: ['s3:GetObjectRetention', 's3:GetObjectLegalHold'], onBucket: [] },
  extendLock: { onObjects: ['s3:PutObjectRetention'], onBucket: [] },
};

/** Those that are made only where the bucket locks objects. */
export const LOCK_RIGHTS: readonly StorageRight[] = ['readLock', 'extendLock'];

const below = (...prefixes: readonly string[]): string[] => prefixes.map((prefix) => `${prefix}*`);

/** All that recovery points name. */
const CONTENTS = below(BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX, CONFIG_PREFIX, INDEXES_PREFIX);
const MANIFESTS = `${POINTS_PREFIX}*.json`;
const DAMAGE_NOTICES = `${POINTS_PREFIX}*.damaged.json`;

/**
 * What is larger than a part. Documents aren't; where one was, the bucket's rule for incomplete uploads would end what is left of an upload
 * that failed.
 */
const LARGE = below(BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX, PROBES_PREFIX);

const NONE: StorageRights = { list: [], get: [], put: [], endUpload: [], delete: [], readLock: [], extendLock: [] };

const READS_POINTS: StorageRights = {
  ...NONE,
  list: below(POINTS_PREFIX, VERIFICATIONS_PREFIX),
  get: [REPOSITORY_KEY, ...below(POINTS_PREFIX, VERIFICATIONS_PREFIX)],
};

/** What `prune` removes. */
const PRUNED = [...CONTENTS, ...below(POINTS_PREFIX, CONDEMNED_PREFIX, VERIFICATIONS_PREFIX)];

/** The commands that request the thaw of what is in an archive class, with `--thaw`. */
export const THAW_COMMANDS = ['verify', 'restore'] as const satisfies readonly CommandName[];

/** What `--thaw` needs beside the command's own rights: only where it is granted, as thaws cost money. */
export const THAW_RIGHTS = {
  /** Keys that it lists. */
  list: below(INDEXES_PREFIX, CONFIG_PREFIX),
  /** Keys that it may request. */
  thaw: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX, VERIFICATIONS_PREFIX)],
  /** The S3 actions on these objects. */
  actions: ['s3:RestoreObject'],
} as const;

/**
 * What each command may do in its repository: exactly the calls that it makes. Cloud policies are made from it, and a test compares it with
 * the requests that were recorded. `backup` can't delete, `prune` can't read data, `restore` can't write.
 */
export const STORAGE_RIGHTS: Readonly<Record<StorageCaller, StorageRights>> = {
  // A point that a rule made is verified right after: listing what it names, and noting the result.
  backup: {
    ...NONE,
    list: below(POINTS_PREFIX, CONDEMNED_PREFIX, VERIFICATIONS_PREFIX, BLOCKS_PREFIX, WAL_PREFIX),
    get: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX, CONDEMNED_PREFIX, VERIFICATIONS_PREFIX, PROBES_PREFIX)],
    put: [REPOSITORY_KEY, ...CONTENTS, MANIFESTS, ...below(VERIFICATIONS_PREFIX, PROBES_PREFIX)],
    endUpload: LARGE,
  },
  list: READS_POINTS,
  show: { ...READS_POINTS, get: [...READS_POINTS.get, ...below(CONFIG_PREFIX)] },
  verify: {
    ...NONE,
    // Of a replica it lists all that points name.
    list: [...CONTENTS, ...below(POINTS_PREFIX, VERIFICATIONS_PREFIX)],
    get: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX, VERIFICATIONS_PREFIX)],
    // Notices of damage lie beside the manifests; their names end differently, so verify can't make a recovery point.
    put: [...below(VERIFICATIONS_PREFIX), DAMAGE_NOTICES],
  },
  restore: {
    ...NONE,
    // Data is listed to learn what of it is in an archive class.
    list: below(POINTS_PREFIX, VERIFICATIONS_PREFIX, BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX),
    get: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX, VERIFICATIONS_PREFIX)],
  },
  prune: {
    ...NONE,
    list: PRUNED,
    get: [REPOSITORY_KEY, ...below(INDEXES_PREFIX, POINTS_PREFIX, CONDEMNED_PREFIX, VERIFICATIONS_PREFIX)],
    put: below(CONDEMNED_PREFIX),
    delete: PRUNED,
    readLock: PRUNED,
    extendLock: CONTENTS,
  },
  snapshot: {
    ...NONE,
    // Points only to tell a repository that lost its repository.json from none.
    list: below(POINTS_PREFIX, VOLUME_SNAPSHOTS_PREFIX),
    get: [REPOSITORY_KEY, ...below(VOLUME_SNAPSHOTS_PREFIX)],
    put: below(VOLUME_SNAPSHOTS_PREFIX),
  },
  // Of the repository that is copied.
  replicate: {
    ...NONE,
    list: below(POINTS_PREFIX),
    get: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX)],
  },
  'replicate-target': {
    ...NONE,
    list: [...CONTENTS, ...below(POINTS_PREFIX, CONDEMNED_PREFIX)],
    get: [REPOSITORY_KEY, ...CONTENTS, ...below(POINTS_PREFIX, CONDEMNED_PREFIX, PROBES_PREFIX)],
    put: [REPOSITORY_KEY, ...CONTENTS, MANIFESTS, ...below(PROBES_PREFIX)],
    endUpload: LARGE,
  },
  // It works on Tempo's own bucket alone.
  rewind: NONE,
};

/** Those that call on a repository, in the order of `--help`. */
export const STORAGE_CALLERS = (Object.keys(STORAGE_RIGHTS) as StorageCaller[]).filter((caller) =>
  Object.values(STORAGE_RIGHTS[caller]).some((keys) => keys.length > 0),
);
