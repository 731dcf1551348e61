import type { Damage } from '../../../lib/contract/manifest';
import { forEachConcurrently } from '../../streams/concurrency';
import type { CutSink } from '../source/cut-sink';
import { SourceChangedError, SourceDamagedError } from '../source/source-block';
import { LocalWalBlock, type WalPlace } from './wal-block';
import type { WalFolder } from './wal-folder';

export interface StoredWal {
  readonly tenant: string;
  readonly id: string;
  /** As the folder: `<id>+<tenant>+<encoding>`; undefined when nothing of it could be stored. */
  readonly name: string | undefined;
  readonly damaged: readonly Damage[];
}

/** Before each attempt. Pages don't change, but go one by one when Tempo removes the folder, which takes a while. */
const PAUSES_MS = [0, 25, 100, 400];

/** Brings the closed pages of the WAL to the sink. */
export class WalTransfer {
  constructor(
    private readonly folder: WalFolder,
    private readonly sink: CutSink,
    private readonly signal: AbortSignal,
  ) {}

  async storeAll(concurrency: number): Promise<StoredWal[]> {
    const stored: StoredWal[] = [];
    const store = async (place: WalPlace): Promise<void> => {
      const result = await this.store(place);
      if (result) stored.push(result);
    };
    await forEachConcurrently(this.folder.list(), concurrency, store, this.signal);
    return stored;
  }

  /** Undefined when there is nothing in it, or when it vanished: then its traces are in a block by now. */
  private async store(place: WalPlace): Promise<StoredWal | undefined> {
    const { tenant, id, encoding } = place;
    const damage = (reason: string): Damage => ({ tenant, block: id, reason });
    try {
      const block = await this.transfer(place);
      if (!block) return undefined;
      const name = block.pages.length > 0 ? `${id}+${tenant}+${encoding}` : undefined;
      return { tenant, id, name, damaged: block.defects.map((defect) => ({ tenant, block: id, ...defect })) };
    } catch (error) {
      if (!(error instanceof SourceDamagedError || error instanceof SourceChangedError)) throw error;
      return { tenant, id, name: undefined, damaged: [damage(error.message)] };
    }
  }

  private async transfer(place: WalPlace): Promise<LocalWalBlock | undefined> {
    for (const pause of PAUSES_MS) {
      if (pause > 0) await this.folder.disk.pause(pause, this.signal);
      try {
        return await this.attempt(place);
      } catch (error) {
        if (!(error instanceof SourceChangedError) || pause === PAUSES_MS.at(-1)) throw error;
      }
    }
    return undefined;
  }

  private async attempt(place: WalPlace): Promise<LocalWalBlock | undefined> {
    const block = await LocalWalBlock.open(this.folder.disk, place, this.signal);
    try {
      if (block && block.pages.length > 0) await this.sink.storeWalBlock(block);
      return block;
    } catch (error) {
      throw block?.failure ?? error;
    } finally {
      await block?.close();
    }
  }
}
