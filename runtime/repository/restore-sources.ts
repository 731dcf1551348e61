import type { ObjectReference } from '../../lib/contract/manifest';
import type { ByteSource, Storage } from '../storage/storage';
import type { DamageNotices } from './damage-notices';
import { fetchObject } from './fetch';
import { copyableSource, verifiedSource } from './verified-source';

/** The objects of the repository for a restore into a bucket: left to a server that can copy them, else verified while they are read. */
export class RestoreSources {
  bytesRead = 0;
  private readonly storage: Pick<Storage, 'read' | 'locate'>;

  constructor(
    storage: Storage,
    private readonly damage: DamageNotices,
    private readonly signal: AbortSignal,
  ) {
    this.storage = {
      locate: (key) => storage.locate?.(key) ?? Promise.resolve(undefined),
      read: async (key, offset, into) => {
        await storage.read(key, offset, into);
        this.bytesRead += into.length;
      },
    };
  }

  async open(reference: ObjectReference): Promise<ByteSource> {
    // The checksum that the server kept says nothing about bytes that were found damaged since.
    const isSuspect = this.damage.has(folderOf(reference.key));
    const copyable = isSuspect ? undefined : await copyableSource(this.storage, reference, this.signal);
    return copyable ?? (await verifiedSource(this.storage, reference, this.signal));
  }

  /** A whole small object. */
  async read(reference: ObjectReference): Promise<Buffer> {
    const whole = Buffer.alloc(reference.size);
    await fetchObject(this.storage, reference, async (offset, part) => void part.copy(whole, offset), this.signal);
    return whole;
  }
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}
