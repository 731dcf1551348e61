import {
  DocumentError,
  indexSchema,
  type Manifest,
  manifestSchema,
  type RepositoryIdentity,
  type TenantIndex,
  type TenantSummary,
} from '../../lib/contract/manifest';
import { parseInstant } from '../../lib/contract/values/instant';
import { isDamageNoticeKey, pointIdOf, pointKey, POINTS_PREFIX, timeOfId } from '../../lib/contract/repository-layout';
import { IntegrityError, UsageError } from '../errors';
import type { Storage } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { digestOf } from '../streams/digest';
import { readDocument, readFolded, storedBudget } from './documents';
import { openIdentity } from './identity';
import { checkIndex, checkManifest } from './layout-guard';
import { newestFirst, type NoticeEntry, type PointEntry } from './points/point-order';

const MIB = 1024 * 1024;
/** What a manifest has at most, in bytes, enough for 80,000 WAL pages; a point with a larger one could never be read again. */
export const MANIFEST_LIMIT = 16 * MIB;
const MANIFESTS_AT_ONCE = 16;

/** How much later than its cut a point may be made at most, as far as is to be reckoned with. */
const LONGEST_BACKUP = 24 * 60 * 60 * 1000;

/** A day, or a day with a time: IDs have dashes where times have colons. */
const TIME = /^\d{4}-\d{2}-\d{2}($|[T ]\d{2}:)/i;

export interface RepositoryOptions {
  /** Whether it is created where nothing is; false: `RepositoryMissingError`. */
  readonly create: boolean;
  /** @default - the system's clock */
  readonly now?: () => Date;
  /** From 0 to below 1, for the suffixes of IDs. @default Math.random */
  readonly random?: () => number;
}

export interface PointList {
  /** Newest first. */
  readonly points: readonly PointEntry[];
  /** What `verify` says of damage to objects. */
  readonly notices: readonly NoticeEntry[];
  /** Keys below `points/` that are neither. */
  readonly foreign: readonly string[];
}

/** Manifests, as far as they can be read. */
export interface ReadManifests {
  /** Newest first. */
  readonly manifests: readonly Manifest[];
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
}

/** A manifest of a repository with another identity lies here: somebody mixed two repositories. */
export class ForeignManifestError extends IntegrityError {}

/** What exists in a repository: its identity, recovery points and indexes. Nothing here writes but `open`, and that only repository.json. */
export class Repository {
  static async open(storage: Storage, options: RepositoryOptions): Promise<Repository> {
    const now = options.now ?? (() => new Date());
    const identity = await openIdentity(storage, { create: options.create, now });
    return new Repository(storage, identity, now, options.random ?? Math.random);
  }

  private constructor(
    readonly storage: Storage,
    readonly identity: RepositoryIdentity,
    /** The clock of this machine. */
    readonly now: () => Date,
    private readonly random: () => number,
  ) {}

  async listPoints(): Promise<PointList> {
    const points: PointEntry[] = [];
    const notices: NoticeEntry[] = [];
    const foreign: string[] = [];
    for await (const { key, modifiedAt, size } of this.storage.list(POINTS_PREFIX)) {
      const id = pointIdOf(key);
      if (id !== undefined) points.push({ id, modifiedAt, size });
      else if (isDamageNoticeKey(key)) notices.push({ key, modifiedAt });
      else foreign.push(key);
    }
    return { points: points.sort(newestFirst), notices, foreign };
  }

  async manifest(id: string): Promise<Manifest> {
    return (await this.storedManifest(id)).manifest;
  }

  /** With the very bytes that are stored. */
  async storedManifest(id: string): Promise<{ readonly manifest: Manifest; readonly bytes: Buffer }> {
    const key = pointKey(id);
    if (pointIdOf(key) === undefined)
      throw new UsageError(`find recovery point '${id}': that is no ID of one; see 'list'`);
    const bytes = await this.storage.get(key, MANIFEST_LIMIT);
    const manifest = readDocument(manifestSchema, key, bytes.toString('utf8'));
    if (manifest.repository !== this.identity.id) {
      throw new ForeignManifestError(`read repository: '${key}' belongs to another repository; move it back there`, {
        expected: this.identity.id,
        found: manifest.repository,
      });
    }
    checkManifest(key, manifest);
    return { manifest, bytes };
  }

  /** Of the newest point; undefined when there is none. */
  async newest(): Promise<Manifest | undefined> {
    const [newest] = (await this.listPoints()).points;
    return newest && this.manifest(newest.id);
  }

  /** All of them, newest first. */
  async manifests(points?: readonly PointEntry[]): Promise<Manifest[]> {
    const entries = points ?? (await this.listPoints()).points;
    const manifests = new Map<string, Manifest>();
    await forEachConcurrently(entries, MANIFESTS_AT_ONCE, async ({ id, size }) => {
      manifests.set(id, await withinBudget(size, () => this.manifest(id)));
    });
    return entries.flatMap(({ id }) => manifests.get(id) ?? []);
  }

  /** Those that can be read, and what is wrong with the others. */
  async readableManifests(points: readonly PointEntry[]): Promise<ReadManifests> {
    const read = new Map<string, Manifest | string>();
    await forEachConcurrently(points, MANIFESTS_AT_ONCE, async ({ id, size }) => {
      read.set(id, await withinBudget(size, () => this.manifestOrReason(id)));
    });
    const manifests: Manifest[] = [];
    const unreadable: { id: string; reason: string }[] = [];
    for (const { id } of points) {
      const found = read.get(id);
      if (typeof found === 'string') unreadable.push({ id, reason: found });
      else if (found) manifests.push(found);
    }
    return { manifests, unreadable };
  }

  /**
   * Finds a recovery point.
   *
   * @param text - `latest`, an ID, the beginning of one, or a time: then the newest point that was cut before or at it
   * @param warn - is told of manifests that can't be read and might have been the one that was meant
   */
  async resolve(text: string, warn?: (message: string) => void): Promise<Manifest> {
    const { points } = await this.listPoints();
    const [newest] = points;
    if (!newest)
      throw new UsageError(`find recovery point '${text}': the repository '${this.storage.url}' has none yet`);
    if (text === 'latest') return this.latest(points);
    if (points.some(({ id }) => id === text)) return this.manifest(text);
    if (!TIME.test(text)) return this.beginningWith(text, points);
    const { manifest, doubts } = await this.cutBefore(timeIn(text), points);
    for (const doubt of doubts) warn?.(doubt);
    return manifest;
  }

  /** One tenant's list of blocks, checked against the digest in the manifest before any of it is parsed. */
  async index(summary: TenantSummary): Promise<TenantIndex> {
    return withinBudget(summary.index.size, () => this.readIndex(summary));
  }

  /** Four characters that make IDs of the same second differ. */
  suffix(): string {
    return Array.from({ length: 4 }, () => Math.floor(this.random() * 36).toString(36)).join('');
  }

  private async readIndex({ index, ...summary }: TenantSummary): Promise<TenantIndex> {
    const bytes = await this.storage.get(index.key, index.size);
    const found = digestOf(bytes);
    if (bytes.length !== index.size || found !== index.sha256) {
      throw new IntegrityError(`read repository: '${index.key}' is damaged: its digest differs`, {
        key: index.key,
        expected: index.sha256,
        found,
      });
    }
    const parsed = await readFolded(indexSchema, { key: index.key, bytes });
    checkIndex({ index, ...summary }, parsed);
    return parsed;
  }

  private async manifestOrReason(id: string): Promise<Manifest | string> {
    try {
      return await this.manifest(id);
    } catch (error) {
      if (error instanceof IntegrityError || isOfNewerFormat(error)) return error.message;
      throw error;
    }
  }

  /** Never another one in silence: who asks for the latest must know that it is lost. */
  private async latest(points: readonly PointEntry[]): Promise<Manifest> {
    const reasons: string[] = [];
    for (const { id } of points) {
      const found = await this.manifestOrReason(id);
      if (typeof found === 'string') reasons.push(found);
      else if (reasons.length === 0) return found;
      else
        throw new IntegrityError(
          `${reasons[0] ?? ''}; the newest that can be read is '${id}': give that instead of 'latest'`,
          { newest: id },
        );
    }
    throw new IntegrityError(
      `${reasons[0] ?? ''}; no recovery point can be read: use a replica or older versions of the objects`,
    );
  }

  private async cutBefore(
    time: Date,
    points: readonly PointEntry[],
  ): Promise<{ readonly manifest: Manifest; readonly doubts: readonly string[] }> {
    const { manifests, unreadable } = await this.readableManifests(points);
    const cutAt = (manifest: Manifest) => Date.parse(manifest.cutAt);
    const earlier = manifests.filter((manifest) => cutAt(manifest) <= time.getTime());
    const best = earlier.reduce<Manifest | undefined>(
      (found, manifest) => (found && cutAt(found) >= cutAt(manifest) ? found : manifest),
      undefined,
    );
    // A point is cut before it is named, so its ID tells the latest time that it may be of.
    const from = best ? cutAt(best) : -Infinity;
    const candidates = unreadable.filter(({ id }) => {
      const made = timeOfId(id).getTime();
      return made > from && made <= time.getTime() + LONGEST_BACKUP;
    });
    if (best) return { manifest: best, doubts: candidates.map(({ reason }) => `${reason}; '${best.id}' is taken`) };
    const none = `find recovery point: none is from ${time.toISOString()} or before`;
    const [lost] = candidates;
    throw lost ? new IntegrityError(`${none} and can be read: ${lost.reason}`) : new UsageError(`${none}; see 'list'`);
  }

  private beginningWith(text: string, points: readonly PointEntry[]): Promise<Manifest> {
    const found = points.filter(({ id }) => id.startsWith(text));
    const [only, other] = found;
    if (only && !other) return this.manifest(only.id);
    const reason = only ? `${found.length} IDs begin so, such as '${only.id}'` : 'there is none';
    throw new UsageError(`find recovery point '${text}': ${reason}; write 'latest', an ID from 'list', or a time`);
  }
}

async function withinBudget<T>(bytes: number, read: () => Promise<T>): Promise<T> {
  const release = await storedBudget.acquire(bytes);
  try {
    return await read();
  } finally {
    release();
  }
}

/** Whether a document is damaged or missing, and not something that a retry or another release can read. */
export function isDamage(error: unknown): error is IntegrityError {
  return error instanceof IntegrityError && !(error instanceof ForeignManifestError);
}

function isOfNewerFormat(error: unknown): error is UsageError {
  return error instanceof UsageError && error.cause instanceof DocumentError;
}

function timeIn(text: string): Date {
  try {
    return parseInstant(text);
  } catch (cause) {
    throw new UsageError(`find recovery point: ${(cause as Error).message}`, {}, { cause });
  }
}
