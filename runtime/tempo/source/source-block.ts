import { ExitCode } from '../../../lib/contract/exit-codes';
import { type Evidence, IntegrityError, RunnerError } from '../../errors';
import type { ByteSource } from '../../storage/storage';
import type { BlockMeta } from '../block/block-meta';

/** A file of the source vanished, was replaced, or changed while it was read: look again. */
export class SourceChangedError extends RunnerError {
  constructor(message: string, evidence?: Evidence, options?: ErrorOptions) {
    super(message, ExitCode.FAILED, evidence, options);
  }
}

/** A block or page of the source isn't whole, or can't be read; the message is a sentence for the report. */
export class SourceDamagedError extends IntegrityError {}

export interface SourceFile {
  readonly name: string;
  /** Reading throws `SourceChangedError` when the file vanished or ends before its size. */
  readonly source: ByteSource;
}

export interface SourceBlock {
  readonly tenant: string;
  readonly id: string;
  /** The state of meta.json: `<inode>-<size>-<mtime in ns>`. */
  readonly seen: string;
  readonly meta: BlockMeta;
  /** meta.json. */
  readonly metaSource: ByteSource;
  /** When its files were listed at the latest, by `performance.now()`. @default - it is read, not copied by a server */
  readonly listedAt?: number;
  /** data.parquet, the blooms, and the index when there is one; never meta.json. */
  readonly files: readonly SourceFile[];
  /** Throws `SourceChangedError` when any file isn't as it was when the block was opened: what was read may be of two versions. */
  confirm(): Promise<void>;
}

export interface SourceWalBlock {
  readonly tenant: string;
  readonly id: string;
  readonly encoding: string;
  /** The text of its meta.json; may be older than the newest page. */
  readonly meta: string;
  /** The closed pages in order; these never change, they only vanish with the whole block. */
  readonly pages: readonly SourceFile[];
}
