import { type ByteSource, type PutResult } from '../../runtime/storage/storage';
import { type CallInfo, type StorageCall, WrappedStorage } from './wrapped-storage';

type CallCounts = Record<StorageCall, number>;

const NONE: CallCounts = { put: 0, get: 0, read: 0, head: 0, list: 0, delete: 0, sync: 0, now: 0 };

/** Counts what is asked of a storage, so that budgets can be asserted. */
export class CountingStorage extends WrappedStorage {
  counts: CallCounts = { ...NONE };
  /** Of objects that were created by `put`, and of those that `put` found there already. */
  bytes = { created: 0, refused: 0, read: 0 };
  /** Keys of the calls that name any, by kind, in order. */
  keys: Record<StorageCall, string[]> = emptyKeys();

  reset(): void {
    this.counts = { ...NONE };
    this.bytes = { created: 0, refused: 0, read: 0 };
    this.keys = emptyKeys();
  }

  override async put(key: string, source: ByteSource): Promise<PutResult> {
    const result = await super.put(key, source);
    this.bytes[result.created ? 'created' : 'refused'] += result.size;
    return result;
  }

  override async get(key: string, limit?: number): Promise<Buffer> {
    const bytes = await super.get(key, limit);
    this.bytes.read += bytes.length;
    return bytes;
  }

  override async read(key: string, offset: number, into: Buffer): Promise<void> {
    await super.read(key, offset, into);
    this.bytes.read += into.length;
  }

  protected override async around<T>(info: CallInfo, effect: () => Promise<T>): Promise<T> {
    this.counts[info.call]++;
    this.keys[info.call].push(...info.keys);
    return effect();
  }
}

function emptyKeys(): Record<StorageCall, string[]> {
  return { put: [], get: [], read: [], head: [], list: [], delete: [], sync: [], now: [] };
}
