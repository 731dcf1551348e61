import { realpathSync } from 'node:fs';
import type { Bucket } from '../../storage/bucket';
import { type ScannedTenant, unreadable } from '../source/block-tree';
import { BlockTransfer, type TransferResult } from '../source/block-transfer';
import type { CutSource } from '../source/cut';
import type { CutSink } from '../source/cut-sink';
import { SourceChangedError, SourceDamagedError } from '../source/source-block';
import { SourceDisk } from '../source/source-disk';
import { mergeScans, type ScannedWal, type SourceScan, type SourceTenant, WalFolder } from '../wal/wal-folder';
import { type StoredWal, WalTransfer } from '../wal/wal-transfer';
import { BucketBlock } from './bucket-block';
import { listBlock, type ListedFiles, scanBucket, type ScannedBucket, stateOf } from './bucket-scan';
import { TenantIndexes } from './tenant-index';

/** Before each attempt. A block that Tempo writes again after a crash isn't whole for as long as that takes. */
const PAUSES_MS = [0, 100, 400, 1600];

export interface BucketSourceOptions {
  /** The folder of the WAL. @default - what isn't in the bucket yet isn't looked for */
  readonly walPath?: string;
  readonly signal: AbortSignal;
  /** @default - the disk that the WAL lies on */
  readonly disk?: SourceDisk;
  /** A tenant with more objects is listed in several ranges at once. @default 20,000 */
  readonly splitAbove?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** What is known of a block before it is opened. */
interface KnownBlock {
  readonly files: ListedFiles;
  /** Its meta.json, where Tempo's index has it. */
  readonly metaBytes: Buffer | undefined;
}

/** The data of a Tempo whose blocks lie in a bucket. Nothing here writes to it: `Bucket` can't. */
export class BucketSource implements CutSource {
  readonly place: string;
  private readonly wal: WalFolder;
  private readonly local: BlockTransfer;
  private readonly files = new Map<string, ListedFiles>();
  private readonly indexes: TenantIndexes;
  /** When the newest listing ended: every block was listed before. */
  private listedAt = 0;
  /** The tenants of the newest scan of which every block is as it was found. */
  private scanned: ScannedBucket['tenants'] | undefined;
  private listedIndexes: ScannedBucket['indexes'] = new Map();

  constructor(
    private readonly bucket: Bucket,
    private readonly sink: CutSink,
    private readonly options: BucketSourceOptions,
  ) {
    const { walPath, signal, disk = new SourceDisk() } = options;
    this.place = bucket.url;
    this.indexes = new TenantIndexes(bucket);
    this.wal = new WalFolder(disk, walPath === undefined ? undefined : resolved(walPath));
    this.local = new BlockTransfer(
      { disk, placesOf: (tenant, id) => [{ folder: this.wal.folderOf(tenant, id), tenant, id }] },
      sink,
      signal,
    );
  }

  bytesRead = (): number => this.bucket.bytesRead + this.wal.disk.bytesRead;

  storeWal(concurrency: number): Promise<StoredWal[]> {
    return new WalTransfer(this.wal, this.sink, this.options.signal).storeAll(concurrency);
  }

  /** The WAL folder first: data moves from there to the bucket, and is there before it leaves here. */
  async scan(signal: AbortSignal): Promise<SourceScan> {
    const local = await this.wal.scan(signal);
    const known = (tenant: string, ids: ReadonlySet<string>) => this.knownOf(tenant, ids, local);
    const scanned = await scanBucket(this.bucket, { signal, known, splitAbove: this.options.splitAbove });
    this.listedAt = performance.now();
    for (const [name, files] of scanned.files) this.files.set(name, files);
    this.scanned = scanned.tenants;
    this.listedIndexes = scanned.indexes;
    return mergeScans(local, scanned);
  }

  /** By the point before, or by the scan before: when no name came or went since, all that it missed would have come since. */
  private knownOf(tenant: string, ids: ReadonlySet<string>, local: ScannedWal): ScannedTenant | undefined {
    const isFlushed = !local.unflushed.get(tenant)?.some((id) => !ids.has(id));
    if (ids.size > 0 && isFlushed && this.sink.isUnchanged(tenant, ids))
      return { live: new Map([...ids].map((id) => [id, ''])), compacted: new Set(), isUnchanged: true };
    const before = this.scanned?.get(tenant);
    if (!before || before.isUnchanged || before.live.size + before.compacted.size !== ids.size) return undefined;
    return [...ids].every((id) => before.live.has(id) || before.compacted.has(id)) ? before : undefined;
  }

  async storeBlock(tenant: string, id: string, scanned: SourceTenant): Promise<TransferResult> {
    if (scanned.unflushed.has(id)) return this.local.store(tenant, id, scanned);
    const result = await this.storeFromBucket(tenant, id);
    if (result.kind !== 'stored' || result.seen !== scanned.live.get(id)) this.scanned?.delete(tenant);
    if (result.kind !== 'damaged' || !scanned.local.has(id)) return result;
    const rescue = await this.local.store(tenant, id, scanned);
    if (rescue.kind !== 'stored') return result;
    return { ...rescue, instead: `${result.reason}; the copy in '${this.wal.folderOf(tenant, id)}' was taken instead` };
  }

  private async storeFromBucket(tenant: string, id: string): Promise<TransferResult> {
    let files = this.files.get(`${tenant}/${id}`) ?? new Map<string, never>();
    const listedMeta = files.get('meta.json');
    let metaBytes = listedMeta && (await this.indexes.metaOf(this.listedIndexes.get(tenant), { id, meta: listedMeta }));
    let result: TransferResult = { kind: 'gone' };
    for (const pause of PAUSES_MS) {
      let isChanging = false;
      if (pause > 0) {
        await this.wal.disk.pause(pause, this.options.signal);
        const now = await listBlock(this.bucket, tenant, id, this.options.signal);
        this.listedAt = performance.now();
        if (!now.has('meta.json') || now.has('meta.compacted.json')) return { kind: 'gone' };
        isChanging = stateOf(now) !== stateOf(files);
        files = now;
        metaBytes = undefined;
      }
      result = await this.attempt({ tenant, id }, { files, metaBytes }, pause === PAUSES_MS.at(-1));
      if (result.kind === 'stored') return result;
      // Somebody is at work on it: that isn't damage, and a later scan comes back to it.
      if (isChanging) result = { kind: 'gone' };
    }
    return result;
  }

  private async attempt(
    place: { readonly tenant: string; readonly id: string },
    known: KnownBlock,
    isLast: boolean,
  ): Promise<TransferResult> {
    this.options.signal.throwIfAborted();
    try {
      return { kind: 'stored', seen: await this.transfer(place, known, isLast) };
    } catch (error) {
      if (error instanceof SourceChangedError) return { kind: 'gone' };
      if (error instanceof SourceDamagedError) return { kind: 'damaged', reason: error.message };
      throw error;
    }
  }

  private async transfer(
    place: { readonly tenant: string; readonly id: string },
    { files, metaBytes }: KnownBlock,
    isLast: boolean,
  ): Promise<string> {
    const block = await BucketBlock.open(this.bucket, { ...place, listedAt: this.listedAt }, files, metaBytes);
    if (!isLast && block.isBeingWritten((this.options.now ?? Date.now)()))
      throw new SourceChangedError(`'${place.tenant}/${place.id}' is being written`);
    try {
      await this.sink.storeBlock(block);
    } catch (error) {
      throw block.failure ?? error;
    }
    return block.seen;
  }
}

/** The folder may be a link, as Tempo follows these. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}
