import { type ByteSource, type PutResult, type Storage, type StoredObject } from '../../runtime/storage/storage';

export type StorageCall = 'put' | 'get' | 'read' | 'head' | 'list' | 'delete' | 'sync' | 'now';

/** A call to a storage. `keys` are those it names; a listing names its prefix. */
export interface CallInfo {
  readonly index: number;
  readonly call: StorageCall;
  readonly keys: readonly string[];
  /** What `read` fills. */
  readonly into?: Buffer;
}

/**
 * A storage whose calls all pass through `around`, which makes the call by `effect()`, or doesn't. Each page of a listing is not
 * a call: the listing is one, made when the first object is asked for.
 */
export abstract class WrappedStorage implements Storage {
  calls = 0;

  constructor(readonly inner: Storage) {}

  protected abstract around<T>(info: CallInfo, effect: () => Promise<T>): Promise<T>;

  get url(): string {
    return this.inner.url;
  }

  get requests(): Storage['requests'] {
    return this.inner.requests;
  }

  put(key: string, source: ByteSource): Promise<PutResult> {
    return this.pass('put', [key], () => this.inner.put(key, source));
  }

  get(key: string, limit?: number): Promise<Buffer> {
    return this.pass('get', [key], () => this.inner.get(key, limit));
  }

  read(key: string, offset: number, into: Buffer): Promise<void> {
    return this.around({ index: this.calls++, call: 'read', keys: [key], into }, () =>
      this.inner.read(key, offset, into),
    );
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.pass('head', [key], () => this.inner.head(key));
  }

  async *list(prefix: string, startAfter?: string): AsyncIterable<StoredObject> {
    yield* await this.pass('list', [prefix], async () => this.inner.list(prefix, startAfter));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.pass('delete', keys, () => this.inner.delete(keys));
  }

  sync(): Promise<void> {
    return this.pass('sync', [], () => this.inner.sync());
  }

  now(): Promise<Date> {
    return this.pass('now', [], () => this.inner.now());
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async pass<T>(call: StorageCall, keys: readonly string[], effect: () => Promise<T>): Promise<T> {
    return this.around({ index: this.calls++, call, keys }, effect);
  }
}
