import {
  indexSchema,
  type Manifest,
  manifestSchema,
  type RepositoryIdentity,
  type TenantIndex,
  type TenantSummary,
} from '../../lib/contract/manifest';
import { parseInstant } from '../../lib/contract/instant';
import { pointIdOf, pointKey, POINTS_PREFIX } from '../../lib/contract/repository-layout';
import { IntegrityError, UsageError } from '../errors';
import type { Storage } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { digestOf } from '../streams/digest';
import { decompressed, readDocument } from './documents';
import { openIdentity } from './identity';
import { checkIndex, checkManifest } from './layout-guard';
import { newestFirst, type PointEntry } from './points/point-order';

const MIB = 1024 * 1024;
const MANIFEST_LIMIT = 64 * MIB;
const MANIFESTS_AT_ONCE = 16;

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
  /** Keys below `points/` that are no manifests. */
  readonly foreign: readonly string[];
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
    const foreign: string[] = [];
    for await (const { key, modifiedAt } of this.storage.list(POINTS_PREFIX)) {
      const id = pointIdOf(key);
      if (id === undefined) foreign.push(key);
      else points.push({ id, modifiedAt });
    }
    return { points: points.sort(newestFirst), foreign };
  }

  async manifest(id: string): Promise<Manifest> {
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
    return manifest;
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
    await forEachConcurrently(entries, MANIFESTS_AT_ONCE, async ({ id }) => {
      manifests.set(id, await this.manifest(id));
    });
    return entries.flatMap(({ id }) => manifests.get(id) ?? []);
  }

  /**
   * Finds a recovery point.
   *
   * @param text - `latest`, an ID, the beginning of one, or a time: then the newest point that was cut before or at it
   */
  async resolve(text: string): Promise<Manifest> {
    const { points } = await this.listPoints();
    const [newest] = points;
    if (!newest)
      throw new UsageError(`find recovery point '${text}': the repository '${this.storage.url}' has none yet`);
    if (text === 'latest') return this.manifest(newest.id);
    if (points.some(({ id }) => id === text)) return this.manifest(text);
    return TIME.test(text) ? this.cutBefore(timeIn(text), points) : this.beginningWith(text, points);
  }

  /** One tenant's list of blocks, checked against the digest in the manifest before any of it is parsed. */
  async index({ index, ...summary }: TenantSummary): Promise<TenantIndex> {
    const bytes = await this.storage.get(index.key, index.size);
    const found = digestOf(bytes);
    if (bytes.length !== index.size || found !== index.sha256) {
      throw new IntegrityError(`read repository: '${index.key}' is damaged: its digest differs`, {
        key: index.key,
        expected: index.sha256,
        found,
      });
    }
    const parsed = readDocument(indexSchema, index.key, await decompressed(index.key, bytes));
    checkIndex({ index, ...summary }, parsed);
    return parsed;
  }

  /** Four characters that make IDs of the same second differ. */
  suffix(): string {
    return Array.from({ length: 4 }, () => Math.floor(this.random() * 36).toString(36)).join('');
  }

  private async cutBefore(time: Date, points: readonly PointEntry[]): Promise<Manifest> {
    const cutAt = (manifest: Manifest) => Date.parse(manifest.cutAt);
    const earlier = (await this.manifests(points)).filter((manifest) => cutAt(manifest) <= time.getTime());
    const [first] = earlier;
    if (!first) throw new UsageError(`find recovery point: none is from ${time.toISOString()} or before; see 'list'`);
    return earlier.reduce((best, manifest) => (cutAt(manifest) > cutAt(best) ? manifest : best), first);
  }

  private beginningWith(text: string, points: readonly PointEntry[]): Promise<Manifest> {
    const found = points.filter(({ id }) => id.startsWith(text));
    const [only, other] = found;
    if (only && !other) return this.manifest(only.id);
    const reason = only ? `${found.length} IDs begin so, such as '${only.id}'` : 'there is none';
    throw new UsageError(`find recovery point '${text}': ${reason}; write 'latest', an ID from 'list', or a time`);
  }
}

/** Whether a document is damaged or missing, and not something that a retry or another release can read. */
export function isDamage(error: unknown): error is IntegrityError {
  return error instanceof IntegrityError && !(error instanceof ForeignManifestError);
}

function timeIn(text: string): Date {
  try {
    return parseInstant(text);
  } catch (cause) {
    throw new UsageError(`find recovery point: ${(cause as Error).message}`, {}, { cause });
  }
}
