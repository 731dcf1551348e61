import type { CutSink } from './cut-sink';
import { type BlockPlace, LocalBlock, stateOfBlock } from './local-block';
import { SourceChangedError, SourceDamagedError } from './source-block';
import type { SourceDisk } from './source-disk';
import type { SourceTenant } from '../wal/wal-folder';

/** What became of a block that was to be stored. */
export type TransferResult =
  /** `instead`: why its first place wasn't good enough. */
  | { readonly kind: 'stored'; readonly seen: string; readonly instead?: string }
  /** It vanished or kept changing: another scan will tell. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Where blocks can be had. */
export interface BlockPlaces {
  readonly disk: SourceDisk;
  /** The first place is where the block counts, the second, if any, has it from before it was flushed. */
  placesOf(tenant: string, id: string, scanned: SourceTenant): readonly BlockPlace[];
}

/** Before each attempt. A block that Tempo writes again after a crash isn't whole for as long as that takes. */
const PAUSES_MS = [0, 50, 200, 800];

/** Brings blocks from the source to the sink, each as one version of it. */
export class BlockTransfer {
  constructor(
    private readonly source: BlockPlaces,
    private readonly sink: CutSink,
    private readonly signal: AbortSignal,
  ) {}

  async store(tenant: string, id: string, scanned: SourceTenant): Promise<TransferResult> {
    const [first, second] = this.source.placesOf(tenant, id, scanned);
    if (!first) return { kind: 'gone' };
    const result = await this.storeFrom(first);
    if (result.kind !== 'damaged') return result;
    // Both metas: it counts as compacted, so what it lacks is in its successor.
    if (this.source.disk.state(`${first.folder}/meta.compacted.json`)) return { kind: 'gone' };
    const rescue = second && (await this.storeFrom(second));
    if (rescue?.kind !== 'stored') return result;
    return { ...rescue, instead: `${result.reason}; the copy in '${second?.folder}' was taken instead` };
  }

  private async storeFrom(place: BlockPlace): Promise<TransferResult> {
    let result: TransferResult = { kind: 'gone' };
    let before: string | undefined;
    for (const pause of PAUSES_MS) {
      if (pause > 0) await this.source.disk.pause(pause, this.signal);
      result = await this.attempt(place, pause === PAUSES_MS.at(-1));
      if (result.kind === 'stored') return result;
      const state = stateOfBlock(this.source.disk, place.folder);
      if (state === undefined) return { kind: 'gone' };
      // Somebody is at work on it: that isn't damage, and a later scan comes back to it.
      if (state !== before) result = { kind: 'gone' };
      before = state;
    }
    return result;
  }

  private async attempt(place: BlockPlace, isLast: boolean): Promise<TransferResult> {
    this.signal.throwIfAborted();
    try {
      return { kind: 'stored', seen: await this.transfer(place, isLast) };
    } catch (error) {
      if (error instanceof SourceChangedError) return { kind: 'gone' };
      if (error instanceof SourceDamagedError) return { kind: 'damaged', reason: error.message };
      throw error;
    }
  }

  private async transfer(place: BlockPlace, isLast: boolean): Promise<string> {
    const block = await LocalBlock.open(this.source.disk, place, this.signal);
    try {
      if (block.isBeingWritten && !isLast) throw new SourceChangedError(`'${place.folder}' is being written`);
      await this.sink.storeBlock(block);
      return block.seen;
    } catch (error) {
      throw block.failure ?? error;
    } finally {
      await block.close();
    }
  }
}
