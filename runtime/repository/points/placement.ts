import type { ByteSource, RemoteObject, Storage } from '../../storage/storage';
import { isOfWhole } from '../../streams/digest';
import { digestOfSource, storedSource } from '../fetch';

/** Size and digest of bytes that lie in the repository. */
export interface Content {
  readonly size: number;
  readonly sha256: string;
}

export interface Placed extends Content {
  /** False when the object lay there already. */
  readonly created: boolean;
}

export interface PlaceOptions {
  /** What a point that prune keeps names under this key: such an object may be used again whatever its age. */
  readonly named?: Content;
  /** Whether to ask for the object before its bytes are sent: where an interrupted run may have stored it. */
  readonly probe?: boolean;
  /** Whether what lies there may be used whatever its age, as prune hasn't condemned it and so can't delete it soon. @default false */
  readonly anyAge?: boolean;
}

/**
 * Puts objects under keys that may be taken: an interrupted run's objects are adopted, everything else is left alone.
 *
 * An object that no kept point names may be condemned already. It is adopted only while it is younger than `grace`: prune deletes nothing
 * younger than twice that, and a backup gives up after `grace`, so it has committed, and named the object, before prune may touch it.
 */
export class Placement {
  sentBytes = 0;
  /** Of objects that the server copied. */
  copiedBytes = 0;
  uploads = 0;
  private clockAhead: Promise<number> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly grace: number,
    private readonly now: () => Date,
  ) {}

  /** Undefined when the key is taken by other bytes, or by an object too old to be relied on. */
  async place(
    key: string,
    source: ByteSource,
    { named, probe = false, anyAge = false }: PlaceOptions = {},
  ): Promise<Placed | undefined> {
    // A server that copies the source looks first by itself.
    const asks = probe && !this.storage.copies?.(source);
    const existing = named ?? (asks ? await this.adoptable(key, source.size, anyAge) : 'absent');
    if (existing === 'absent') return this.put(key, source, { anyAge, isFresh: !probe });
    if (existing === 'unusable' || existing.size !== source.size) return undefined;
    const copy = source.remote && (await this.asCopy(key, existing, source.remote));
    if (copy) return copy === 'other' ? undefined : copy;
    return this.ifEqual(key, existing, await digestOfSource(source, { like: existing.sha256 }));
  }

  private async put(
    key: string,
    source: ByteSource,
    { anyAge, isFresh }: { readonly anyAge: boolean; readonly isFresh: boolean },
  ): Promise<Placed | undefined> {
    const { created, copied = false, size, sha256 } = await this.storage.put(key, source, { isFresh });
    if (created) {
      this.uploads++;
      if (copied) this.copiedBytes += size;
      else this.sentBytes += size;
      return { size, sha256, created };
    }
    const existing = await this.adoptable(key, size, anyAge);
    return typeof existing === 'string' ? undefined : this.ifEqual(key, existing, sha256);
  }

  /** What lies there if a server copied it: its source tells whether it is the same, without reading either. */
  private async asCopy(
    key: string,
    known: { size: number; sha256?: string; copiedFrom?: string },
    remote: RemoteObject,
  ): Promise<Placed | 'other' | undefined> {
    const found = known.copiedFrom === undefined ? await this.storage.head(key) : known;
    if (found?.copiedFrom === undefined) return undefined;
    const isSame = found.copiedFrom === remote.etag && found.size === known.size;
    if (!isSame || (known.sha256 !== undefined && known.sha256 !== found.sha256)) return 'other';
    return found.sha256 === undefined ? undefined : { size: found.size, sha256: found.sha256, created: false };
  }

  private async adoptable(
    key: string,
    size: number,
    anyAge: boolean,
  ): Promise<{ size: number; sha256?: string; copiedFrom?: string } | 'absent' | 'unusable'> {
    const found = await this.storage.head(key);
    if (!found) return 'absent';
    if (anyAge) return found.size === size ? found : 'unusable';
    const age = (await this.storageTime()) - found.modifiedAt.getTime();
    return found.size === size && age < this.grace ? found : 'unusable';
  }

  private async ifEqual(
    key: string,
    existing: { size: number; sha256?: string },
    ours: string,
  ): Promise<Placed | undefined> {
    const stored = storedSource(this.storage, key, existing.size);
    const isComparable =
      existing.sha256 !== undefined && isOfWhole(existing.sha256, existing.size) === isOfWhole(ours, existing.size);
    const theirs = isComparable ? existing.sha256 : await digestOfSource(stored, { like: ours });
    return theirs === ours ? { size: existing.size, sha256: ours, created: false } : undefined;
  }

  /** The storage's clock, asked for once: for each object it could be a request. */
  private async storageTime(): Promise<number> {
    this.clockAhead ??= this.storage.now().then((time) => time.getTime() - this.now().getTime());
    return this.now().getTime() + (await this.clockAhead);
  }
}
