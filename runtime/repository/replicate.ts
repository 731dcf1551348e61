import type { Manifest, ObjectReference } from '../../lib/contract/manifest';
import type { ReplicateResult } from '../../lib/contract/copy-results';
import {
  BLOCKS_PREFIX,
  CONFIG_PREFIX,
  INDEXES_PREFIX,
  pointKey,
  REPOSITORY_KEY,
  REWRITTEN_PREFIX,
  WAL_PREFIX,
} from '../../lib/contract/repository-layout';
import { IntegrityError, ObjectMissingError, RefusedError, StorageError, UsageError } from '../errors';
import { bytesInMemory, type Storage, type StoredObject } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { filesOf } from './layout-guard';
import { probeServer } from './probe';
import { condemnedRecords } from './pruning/condemned';
import { isDamage, Repository } from './repository';
import { isSameStorage } from './same-storage';
import { verifiedSource } from './verified-source';

const GROUPS_AT_ONCE = 8;
/** The part of the grace that a run may use, as of a backup. */
const USABLE_GRACE = 0.9;
const DATA_PREFIXES = [BLOCKS_PREFIX, REWRITTEN_PREFIX, WAL_PREFIX, CONFIG_PREFIX, INDEXES_PREFIX];

export interface ReplicateOptions {
  readonly dryRun: boolean;
  /** The plan's `prune.grace` in milliseconds: how long this run may take at most. */
  readonly grace: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number; readonly bytes: number }) => void;
}

/** `ReplicateResult` but for what the command itself knows. */
export type Replicated = Pick<ReplicateResult, 'isNew' | 'points' | 'objects' | 'bytes'>;

/**
 * Copies the points that another repository lacks, with all that they name and it lacks, each manifest after what it names. Every byte is
 * verified on its way, and nothing there is overwritten or deleted. Without a target, which only a dry run may do, it would be made.
 */
export async function replicate(
  source: Repository,
  target: Storage | undefined,
  options: ReplicateOptions,
): Promise<Replicated> {
  const isNew = !(await target?.head(REPOSITORY_KEY));
  if (target && isNew) await (options.dryRun ? refuseRemains(target) : createTarget(source, target));
  const there = target && !(isNew && options.dryRun) ? await openTarget(source, target) : undefined;
  const { points } = await source.listPoints();
  const known = new Set(there ? (await there.listPoints()).points.map(({ id }) => id) : []);
  const missing = points.filter(({ id }) => !known.has(id)).reverse();
  const replication = new Replication(source, target, options);
  if (missing.length > 0) await replication.look(there);
  else if (target) await refuseItself(source.storage, target);
  for (const { id } of missing) await replication.copyPoint(id);
  return { isNew, ...replication.result(points.length - missing.length) };
}

/** Where nothing is missing, as nothing can be that lies in one place under two names. */
async function refuseItself(source: Storage, target: Storage): Promise<void> {
  if (!(await isSameStorage(source, target))) return;
  throw new UsageError(
    `replicate to '${target.url}': the very objects of '${source.url}' are there: it is the same place by another name, or the server itself keeps it as a replica; give the copy a place of its own`,
  );
}

/** With the same identity, so that it is the same repository wherever it is read. */
async function openTarget(source: Repository, target: Storage): Promise<Repository> {
  const there = await Repository.open(target, { create: false, now: source.now });
  if (there.identity.id === source.identity.id) return there;
  throw new RefusedError(
    `replicate to '${target.url}': another repository is there ('${there.identity.id}'); give the copy a place of its own`,
    undefined,
    { expected: source.identity.id, found: there.identity.id },
  );
}

async function createTarget(source: Repository, target: Storage): Promise<void> {
  await refuseRemains(target);
  if (target.isServer) await probeServer(target);
  const bytes = await source.storage.get(REPOSITORY_KEY);
  await target.put(REPOSITORY_KEY, bytesInMemory(bytes));
  await target.sync();
}

/** Also of a bucket that doesn't exist: unlike a head, a listing says so. */
async function refuseRemains(target: Storage): Promise<void> {
  for (const prefix of ['points/', ...DATA_PREFIXES]) {
    for await (const { key } of target.list(prefix)) {
      throw new IntegrityError(
        `replicate to '${target.url}': ${REPOSITORY_KEY} is missing though '${key}' is there; bring it back, or give the copy a place of its own`,
        { found: key },
      );
    }
  }
}

class Replication {
  private readonly began = performance.now();
  private readonly there = new Map<string, StoredObject>();
  private condemned = new Set<string>();
  private readonly copied: string[] = [];
  private readonly failed: { id: string; reason: string }[] = [];
  private readonly sent = { objects: 0, bytes: 0 };
  private readonly present = { objects: 0, bytes: 0 };
  /** Counted already: points share what they name. */
  private readonly counted = new Set<string>();

  constructor(
    private readonly source: Repository,
    private readonly place: Storage | undefined,
    private readonly options: ReplicateOptions,
  ) {}

  private get target(): Storage {
    if (!this.place) throw new Error('replicate: only a dry run goes without a target');
    return this.place;
  }

  /** Learns what the target has. What prune there has condemned may be deleted at any time, and what it hasn't not before the grace is over. */
  async look(there: Repository | undefined): Promise<void> {
    if (!there) return;
    const unreadable: string[] = [];
    const records = await condemnedRecords(there, unreadable);
    const [damaged] = unreadable;
    if (damaged !== undefined)
      throw new IntegrityError(
        `replicate to '${this.target.url}': '${damaged}' can't be read, so nobody knows what prune deletes there; remove it, then run prune there`,
      );
    this.condemned = new Set(records.flatMap(({ objects }) => objects.map(([key]) => key)));
    for (const prefix of DATA_PREFIXES) {
      for await (const object of this.target.list(prefix)) this.there.set(object.key, object);
      this.options.signal.throwIfAborted();
    }
  }

  async copyPoint(id: string): Promise<void> {
    try {
      // As it is stored: the copy of a manifest has its very bytes.
      const { manifest, bytes } = await this.source.storedManifest(id);
      await this.copyContents(manifest);
      if (!this.options.dryRun) await this.commit(id, bytes);
      this.copied.push(id);
    } catch (error) {
      // Prune may expire a point meanwhile; and a damaged one must not keep the others from being copied.
      if (!isDamage(error)) throw error;
      if (error instanceof ObjectMissingError && !(await this.source.storage.head(pointKey(id)))) return;
      this.failed.push({ id, reason: error.message });
    }
  }

  result(present: number): Omit<Replicated, 'isNew'> {
    return {
      points: { copied: this.copied, present, failed: this.failed },
      objects: { sent: this.sent.objects, present: this.present.objects },
      bytes: { sent: this.sent.bytes, present: this.present.bytes },
    };
  }

  /** Blocks, pages and configuration, then the indexes that name the blocks. */
  private async copyContents(manifest: Manifest): Promise<void> {
    const groups: ObjectReference[][] = manifest.config.map((file) => [file]);
    for (const { pages } of manifest.wal) groups.push([...pages]);
    for (const summary of manifest.tenants) {
      const { blocks } = await this.source.index(summary);
      for (const block of blocks) groups.push(filesOf(summary.tenant, block));
    }
    const open = groups.filter((group) => group.some((reference) => !this.isThere(reference)));
    let done = 0;
    const copy = async (group: readonly ObjectReference[]): Promise<void> => {
      // In order: a block's meta.json is the last of its files.
      for (const reference of group) await this.send(reference);
      this.options.onProgress({ done: ++done, total: open.length, bytes: this.sent.bytes });
    };
    await forEachConcurrently(open, GROUPS_AT_ONCE, copy, this.options.signal);
    for (const { index } of manifest.tenants) if (!this.isThere(index)) await this.send(index);
  }

  private isThere({ key, size }: ObjectReference): boolean {
    const found = this.there.get(key);
    if (!found) return false;
    if (found.size !== size)
      throw new IntegrityError(
        `'${key}' lies in '${this.target.url}' with ${found.size} bytes, not ${size}; nothing is overwritten: move it out of there, then run it again`,
      );
    if (this.condemned.has(key))
      throw new IntegrityError(
        `'${key}' in '${this.target.url}' is condemned; let prune there finish with it, then run it again`,
      );
    if (!this.counted.has(key)) {
      this.counted.add(key);
      this.present.objects++;
      this.present.bytes += size;
    }
    return true;
  }

  private async send(reference: ObjectReference): Promise<void> {
    const { key, size } = reference;
    if (this.isThere(reference)) return;
    if (!this.options.dryRun) {
      const source = await verifiedSource(this.source.storage, reference, this.options.signal);
      const { created } = await this.target.put(key, source);
      const found = created ? undefined : await this.target.head(key);
      if (!created && found?.size !== size)
        throw new IntegrityError(`'${key}' was stored in '${this.target.url}' by somebody else, with other bytes`);
    }
    this.there.set(key, { key, size, modifiedAt: this.source.now() });
    this.counted.add(key);
    this.sent.objects++;
    this.sent.bytes += size;
  }

  private async commit(id: string, bytes: Buffer): Promise<void> {
    await this.target.sync();
    this.checkDeadline();
    await this.target.put(pointKey(id), bytesInMemory(bytes));
    await this.target.sync();
  }

  /** Past the grace, prune may have deleted there what this run found. */
  private checkDeadline(): void {
    const seconds = Math.round((performance.now() - this.began) / 1000);
    const limit = Math.floor((this.options.grace * USABLE_GRACE) / 1000);
    if (seconds <= limit) return;
    throw new StorageError(
      `replicate to '${this.target.url}': the run took ${seconds} s, longer than the ${limit} s that 'prune.grace' permits; run it again, it goes on from here`,
      { seconds, limit },
    );
  }
}
