import {
  FORMAT_VERSION,
  type FlushOutcome,
  type IndexedBlock,
  type Manifest,
  manifestSchema,
  type TenantSummary,
  type WalBlock,
} from '../../lib/contract/manifest';
import { blockPrefix, indexKey, pointKey, timedId } from '../../lib/contract/repository-layout';
import { RefusedError, SourceRegressedError, StorageError } from '../errors';
import { digestOf } from '../streams/digest';
import { bytesInMemory } from '../storage/storage';
import { compressed } from './documents';
import { checkIndex, checkManifest, walName } from './layout-guard';
import type { BlockToStore, CutToCommit, WalBlockToStore } from './points/block-to-store';
import { FreePlaces } from './points/free-places';
import { Placement } from './points/placement';
import {
  assemble,
  type Drafts,
  indexOf,
  regressions,
  type TenantDraft,
  totalsOf,
  walRegressions,
} from './points/point-assembly';
import { timeAfter } from './points/point-order';
import { pointTotals } from './points/point-totals';
import { PreviousPoint } from './points/previous-point';
import { type BlockContext, storeBlock } from './points/stored-block';
import { StoredConfig } from './points/stored-config';
import { storeWalBlock } from './points/stored-wal';
import { MANIFEST_LIMIT, type Repository } from './repository';

export type { ConfigToStore } from './points/stored-config';
export type { BlockToStore, CutToCommit, FileToStore, TenantToCommit, WalBlockToStore } from './points/block-to-store';

/** The part of the grace that a run may use; the rest covers its last request and the difference of clocks. */
const USABLE_GRACE = 0.9;
const ATTEMPTS = 16;

export interface PointBuilderOptions {
  readonly source: Manifest['source'];
  /** The plan's `prune.grace` in milliseconds: how long this run may take at most. */
  readonly grace: number;
  /** Values of `--allow`: `other-source`, `source-regression`. @default - nothing is allowed */
  readonly allow?: ReadonlySet<string>;
}

export interface PointDetails {
  readonly cut: CutToCommit;
  readonly scope: Manifest['scope'];
  readonly rule: string | null;
  readonly deleteAfter: string | null;
  readonly pin: string | null;
  /** How long the pin holds, as a duration. @default - for ever */
  readonly pinFor?: string | undefined;
  readonly runner: string;
  /** What the point lacks beside its data, in sentences. @default - nothing */
  readonly lacks?: readonly string[];
  /** @default - no flush was wanted */
  readonly flush?: FlushOutcome | undefined;
  /** Milliseconds that Tempo keeps a tenant's blocks; undefined when unknown or for ever. */
  readonly retention: (tenant: string) => number | undefined;
  /** Whether it is what Tempo goes by, and no guess. @default false */
  readonly isRetentionCertain?: boolean;
}

export interface PointStats {
  /** `new` ones had bytes to send; `reused` ones lay in the repository already, known or left by an interrupted run. */
  readonly blocks: { readonly total: number; readonly new: number; readonly reused: number };
  readonly bytes: { readonly total: number; readonly sent: number; readonly copied: number };
  readonly uploads: number;
  /** What the previous point was damaged at, in sentences. */
  readonly warnings: readonly string[];
}

export interface CommittedPoint {
  readonly manifest: Manifest;
  readonly stats: PointStats;
  /** Whether blocks vanished from the source without explanation. */
  readonly regressed: boolean;
}

/**
 * Makes a recovery point: a sink for a cut, then the commit. Nothing exists until the manifest does, and an interrupted run leaves only
 * objects that the next one uses again.
 */
export class PointBuilder {
  static async begin(repository: Repository, options: PointBuilderOptions): Promise<PointBuilder> {
    const began = { wall: repository.now(), monotonic: performance.now() };
    const previous = await PreviousPoint.find(repository);
    const builder = new PointBuilder(repository, options, previous, began);
    builder.checkSource();
    return builder;
  }

  private readonly placement: Placement;
  private readonly freePlaces: FreePlaces;
  private readonly blocks = new Map<string, Map<string, IndexedBlock>>();
  private readonly wal = new Map<string, WalBlock>();
  /** Its configuration, stored as it comes. */
  readonly config: StoredConfig;
  private readonly sent = new Set<string>();
  private readonly salt: string;
  private isOtherSource = false;

  private constructor(
    private readonly repository: Repository,
    private readonly options: PointBuilderOptions,
    private readonly previous: PreviousPoint,
    /** By the clock of the machine, and by one that nobody can set back. */
    private readonly began: { readonly wall: Date; readonly monotonic: number },
  ) {
    this.freePlaces = new FreePlaces(repository.storage);
    this.placement = new Placement(repository.storage, options.grace, repository.now);
    this.salt = `${began.wall.toISOString()} ${repository.suffix()}${repository.suffix()}${repository.suffix()}`;
    this.config = new StoredConfig(previous, this.placement, this.salt);
  }

  /** Whether the repository has no recovery point yet. */
  get isFirst(): boolean {
    return this.previous.newest === undefined;
  }

  /**
   * Whether a tenant with these blocks needs no closer look, as the previous point has just these. What IDs don't tell is looked at with the
   * first point of each hour: blocks that are past Tempo's retention, that a rewind hid, that are damaged at the source, or were written again.
   */
  isUnchanged(tenant: string, ids: ReadonlySet<string>): boolean {
    const { manifest, newest } = this.previous;
    if (!manifest || manifest.id !== newest?.id || hourOf(new Date(manifest.cutAt)) !== hourOf(this.repository.now()))
      return false;
    return this.previous.hasSameIds(tenant, ids);
  }

  /** Which of the tenant's live blocks are stored already, in this very state. */
  async known(tenant: string, live: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
    if (this.previous.unchanged(tenant, live)) return new Set(live.keys());
    const indexed = await this.previous.soundBlocks(tenant);
    const stored = this.blocks.get(tenant);
    const isKnown = ([id, seen]: readonly [string, string]) =>
      stored?.get(id)?.seen === seen || indexed.get(id)?.seen === seen;
    return new Set(
      Array.from(live)
        .filter(isKnown)
        .map(([id]) => id),
    );
  }

  /** Stores all files, has the block confirmed, then stores meta.json. */
  async storeBlock(block: BlockToStore): Promise<void> {
    const previous = (await this.previous.soundBlocks(block.tenant)).get(block.id);
    const anyAge = await this.previous.lasting(block.tenant);
    // Of a known tenant the few new blocks are asked for one by one, and so are places that few blocks ever take.
    const isFirst = this.previous.summary(block.tenant) === undefined;
    const isFree = async (place: string): Promise<boolean> =>
      isFirst && place === blockPrefix(block.tenant, block.id) && this.freePlaces.isFree(place, block.listedAt);
    const { entry, sent } = await storeBlock(block, { ...this.places(), previous, isFree, anyAge });
    const ofTenant = this.blocks.get(block.tenant) ?? new Map<string, IndexedBlock>();
    this.blocks.set(block.tenant, ofTenant.set(block.id, entry));
    if (sent) this.sent.add(`${block.tenant}/${block.id}`);
  }

  /** Stores the pages that the previous point doesn't name. */
  async storeWalBlock(block: WalBlockToStore): Promise<void> {
    const previous = this.wal.get(walName(block)) ?? this.previous.walBlock(block);
    this.wal.set(walName(block), await storeWalBlock(block, { ...this.places(), previous }));
  }

  /**
   * Writes the changed indexes, then the manifest.
   *
   * @throws SourceRegressedError when the source is empty and wasn't before: then there is no point
   */
  async commit(details: PointDetails): Promise<CommittedPoint> {
    const drafts = await assemble(details.cut, { blocks: this.blocks, wal: this.wal }, this.previous);
    this.checkNotEmptied(drafts);
    const vanished = await this.vanished(details, drafts);
    const tenants: TenantSummary[] = [];
    for (const draft of drafts.tenants) {
      const summary = draft.unchanged ?? (await this.storeIndex(draft));
      if (summary.blocks > 0) tenants.push(summary);
    }
    if (this.placement.uploads > 0) await this.repository.storage.sync();
    const contents = {
      tenants: tenants.sort((a, b) => (a.tenant < b.tenant ? -1 : 1)),
      wal: [...drafts.wal],
      config: this.config.files,
    };
    const manifest = await this.storeManifest({
      format: FORMAT_VERSION,
      repository: this.repository.identity.id,
      cutAt: details.cut.cutAt.toISOString(),
      scope: details.scope,
      rule: details.rule,
      deleteAfter: details.deleteAfter,
      pin: details.pin,
      ...(details.pinFor === undefined ? {} : { pinFor: details.pinFor }),
      runner: details.runner,
      grace: Math.ceil(this.options.grace),
      source: this.options.source,
      suspect: [...vanished, ...drafts.holes, ...(details.lacks ?? [])],
      baseline: vanished.length > 0 ? this.baselineId() : null,
      damaged: [...details.cut.damaged],
      flush: details.flush,
      ...pointTotals(contents),
      ...contents,
    });
    await this.repository.storage.sync();
    return { manifest, stats: this.stats(manifest), regressed: vanished.length > 0 };
  }

  private checkSource(): void {
    const known = this.previous.manifest?.source.name;
    this.isOtherSource = known !== undefined && known !== this.options.source.name;
    if (!this.isOtherSource || this.options.allow?.has('other-source')) return;
    throw new RefusedError(
      `back up '${this.options.source.name}': the newest recovery point is of '${known ?? ''}'; use another repository, correct 'tempo.name', or pass '--allow other-source'`,
      'other-source',
      { expected: known, found: this.options.source.name },
    );
  }

  private checkNotEmptied(drafts: Drafts): void {
    const { manifest, newest } = this.previous;
    const isEmpty =
      drafts.wal.length === 0 &&
      drafts.tenants.every(({ unchanged, blocks }) => !unchanged?.blocks && blocks.length === 0);
    // What can't be read may have held anything, so only a point that was read can tell that there was nothing before.
    const isRead = manifest !== undefined && manifest.id === newest?.id;
    const wasEmpty = !newest || (isRead && manifest.tenants.length === 0 && manifest.wal.length === 0);
    if (!isEmpty || wasEmpty || this.options.allow?.has('source-regression')) return;
    throw new SourceRegressedError(
      `back up '${this.options.source.name}': the source is empty, recovery point '${newest.id}' ${isRead ? 'was not' : "can't be read and may not have been"}; check the mount, or bucket and prefix, or pass '--allow source-regression'`,
      { previous: newest.id },
    );
  }

  private async vanished(
    { cut, retention, isRetentionCertain = false }: PointDetails,
    drafts: Drafts,
  ): Promise<string[]> {
    if (this.isOtherSource || this.options.allow?.has('source-regression')) return [];
    const context = { previous: this.previous, retention, isRetentionCertain };
    return [...(await regressions(cut, drafts.tenants, context)), ...(await walRegressions(cut, drafts, context))];
  }

  /** The point to compare later ones with: where the regression began. Null when its list of blocks is damaged: that can't be compared. */
  private baselineId(): string | null {
    const { manifest, baseline } = this.previous;
    const comparable = baseline ?? manifest;
    const isDamaged = (tenant: string): boolean => this.previous.isUnreadable(tenant) || this.previous.isLost(tenant);
    return comparable && !comparable.tenants.some(({ tenant }) => isDamaged(tenant)) ? comparable.id : null;
  }

  private places(): Pick<BlockContext, 'placement' | 'salt' | 'isDamaged'> {
    return { placement: this.placement, salt: this.salt, isDamaged: (key) => this.previous.damage.has(key) };
  }

  private async storeIndex(draft: TenantDraft): Promise<TenantSummary> {
    const index = indexOf(draft);
    const text = JSON.stringify(index);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Line feeds at the end make another key of the same list, where an old object of the first key may be about to be deleted.
      const bytes = await compressed(text + '\n'.repeat(attempt));
      const sha256 = digestOf(bytes);
      const summary = {
        tenant: draft.tenant,
        index: { key: indexKey(sha256), size: bytes.length, sha256 },
        ...(draft.ids === undefined ? {} : { ids: draft.ids }),
        ...totalsOf(index.blocks),
      };
      checkIndex(summary, index);
      if (this.previous.damage.has(summary.index.key)) continue;
      if (index.blocks.length === 0 || this.previous.named(summary.index.key)) return summary;
      if (await this.placement.place(summary.index.key, bytesInMemory(bytes))) return summary;
    }
    throw new StorageError(
      `store index of tenant '${draft.tenant}': its keys are taken by other bytes; run the backup again`,
    );
  }

  private async storeManifest(content: Omit<Manifest, 'id' | 'createdAt'>): Promise<Manifest> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = this.repository.now();
      this.checkDeadline(now);
      const id = timedId(timeAfter(this.previous.newest, now), this.repository.suffix());
      const manifest = manifestSchema.parse({ ...content, id, createdAt: now.toISOString() });
      checkManifest(pointKey(id), manifest);
      const bytes = Buffer.from(JSON.stringify(manifest));
      checkSize(bytes);
      const { created, size } = await this.repository.storage.put(pointKey(id), bytesInMemory(bytes));
      if (!created) continue;
      this.placement.uploads++;
      this.placement.sentBytes += size;
      return manifest;
    }
    throw new StorageError(`commit recovery point: ${ATTEMPTS} IDs were taken; run the backup again`);
  }

  /** Past the grace, prune may have deleted what this run found in the repository. */
  private checkDeadline(now: Date): void {
    const elapsed = Math.max(now.getTime() - this.began.wall.getTime(), performance.now() - this.began.monotonic);
    const seconds = Math.round(elapsed / 1000);
    const limit = Math.floor((this.options.grace * USABLE_GRACE) / 1000);
    if (seconds <= limit) return;
    throw new StorageError(
      `commit recovery point: the run took ${seconds} s, longer than the ${limit} s that 'prune.grace' permits; run it again, it goes on from here, or raise the grace`,
      { seconds, limit },
    );
  }

  private stats({ tenants, bytes = 0 }: Manifest): PointStats {
    const total = tenants.reduce((sum, { blocks }) => sum + blocks, 0);
    return {
      blocks: { total, new: this.sent.size, reused: Math.max(0, total - this.sent.size) },
      bytes: { total: bytes, sent: this.placement.sentBytes, copied: this.placement.copiedBytes },
      uploads: this.placement.uploads,
      warnings: this.previous.warnings,
    };
  }
}

function hourOf(time: Date): string {
  return time.toISOString().slice(0, 13);
}

function checkSize({ length }: Buffer): void {
  if (length <= MANIFEST_LIMIT) return;
  throw new StorageError(
    `commit recovery point: its manifest has ${length} bytes, more than the ${MANIFEST_LIMIT} that are read back; have Tempo flush its write-ahead log, whose pages it lists`,
    { size: length, limit: MANIFEST_LIMIT },
  );
}
