import { combineDigests, sha256 } from '../streams/digest';
import { forEachPart } from '../streams/read-ahead';
import { endsEarly, objectMissing, tooLarge } from './object-errors';
import { type ByteSource, type PutResult, type RequestCounts, type Storage, type StoredObject } from './storage';
import { checkKey, compareKeys } from './storage-keys';

const DEFAULT_GET_LIMIT = 64 * 1024 * 1024;
const LIST_PAGE = 1000;
const DELETE_PAGE = 1000;

export interface MemoryObject {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
  readonly sha256: string;
}

export interface MemoryStorageOptions {
  /** What `modifiedAt` and `now` say. @default - the clock of the machine */
  readonly clock?: () => Date;
  /** @default 'memory:' */
  readonly url?: string;
}

/** Objects in memory: what the layers above are tested over. Lives as long as the process. */
export class MemoryStorage implements Storage {
  readonly url: string;
  readonly requests: RequestCounts = { put: 0, get: 0, head: 0, list: 0, delete: 0, multipart: 0 };
  /** What is stored. Bytes changed here are as damaged as they would be on a disk. */
  readonly objects = new Map<string, MemoryObject>();
  private readonly clock: () => Date;

  constructor(options: MemoryStorageOptions = {}) {
    this.url = options.url ?? 'memory:';
    this.clock = options.clock ?? (() => new Date());
  }

  async put(key: string, source: ByteSource): Promise<PutResult> {
    checkKey(key, this.url);
    this.requests.put++;
    const bytes = Buffer.alloc(source.size);
    const digests: Buffer[] = [];
    await forEachPart(source, async (part, { offset }) => {
      digests.push(sha256(part));
      part.copy(bytes, offset);
    });
    const digest = combineDigests(digests);
    const created = !this.objects.has(key);
    if (created) this.objects.set(key, { bytes, modifiedAt: this.clock(), sha256: digest });
    return { created, size: source.size, sha256: digest };
  }

  async get(key: string, limit = DEFAULT_GET_LIMIT): Promise<Buffer> {
    const { bytes } = this.find(key);
    if (bytes.length > limit) throw tooLarge(key, this.url, { limit, size: bytes.length });
    return Buffer.from(bytes);
  }

  async read(key: string, offset: number, into: Buffer): Promise<void> {
    const { bytes } = this.find(key);
    if (offset + into.length > bytes.length)
      throw endsEarly(key, this.url, { offset, wanted: into.length, size: bytes.length });
    bytes.copy(into, 0, offset);
  }

  async head(key: string): Promise<StoredObject | undefined> {
    checkKey(key, this.url);
    this.requests.head++;
    const object = this.objects.get(key);
    return object && { key, size: object.bytes.length, modifiedAt: object.modifiedAt, sha256: object.sha256 };
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<StoredObject> {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && compareKeys(key, startAfter) > 0);
    for (const [index, key] of keys.sort(compareKeys).entries()) {
      if (index % LIST_PAGE === 0) this.requests.list++;
      const object = this.objects.get(key);
      if (object) yield { key, size: object.bytes.length, modifiedAt: object.modifiedAt };
    }
    if (keys.length === 0) this.requests.list++;
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkKey(key, this.url);
    this.requests.delete += Math.ceil(keys.length / DELETE_PAGE);
    for (const key of keys) this.objects.delete(key);
  }

  async sync(): Promise<void> {
    // Nothing here survives power loss anyway.
  }

  async now(): Promise<Date> {
    return this.clock();
  }

  async close(): Promise<void> {
    // Kept: another user of the same object finds what this one stored.
  }

  private find(key: string): MemoryObject {
    checkKey(key, this.url);
    this.requests.get++;
    const object = this.objects.get(key);
    if (!object) throw objectMissing(key, this.url);
    return object;
  }
}
