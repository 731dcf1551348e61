import type { SourceBlock, SourceWalBlock } from './source-block';

/** Where a cut's blocks go. Errors of the source's own reads must pass through it. */
export interface CutSink {
  /**
   * Whether what is stored is enough of a tenant whose folder has just these blocks, so that none of them needs a look. Only of a source that
   * deletes a block long after what superseded it came.
   */
  isUnchanged(tenant: string, ids: ReadonlySet<string>): boolean;
  /**
   * Which of the tenant's live blocks are stored already, in this very state.
   *
   * @param live - block ID to `SourceBlock.seen`
   */
  known(tenant: string, live: ReadonlyMap<string, string>): Promise<ReadonlySet<string>>;
  /** Stores all files, calls `block.confirm()`, then stores meta.json. A block may come again in another state: the last one counts. */
  storeBlock(block: SourceBlock): Promise<void>;
  /** Stores the pages that aren't known yet. */
  storeWalBlock(block: SourceWalBlock): Promise<void>;
}
