import { MemoryStorage } from '../../runtime/storage/memory-storage';
import type { ObjectLock, ObjectLocks, PutResult, ByteSource } from '../../runtime/storage/storage';

/** Locks each new object for the same time, as a bucket does by its default retention. */
export class LockingStorage extends MemoryStorage {
  readonly locked = new Map<string, ObjectLock>();
  /** Keys under a legal hold. */
  readonly held = new Set<string>();
  /** Keys whose locks were asked for. */
  readonly asked: string[] = [];
  /** Keys whose locks were made longer. */
  readonly extended: string[] = [];

  constructor(
    private readonly time: () => Date,
    /** In milliseconds. */
    public period: number | undefined,
  ) {
    super({ clock: time });
  }

  override async put(key: string, source: ByteSource): Promise<PutResult> {
    const result = await super.put(key, source);
    if (result.created && this.period !== undefined)
      this.locked.set(key, { mode: 'COMPLIANCE', until: new Date(this.time().getTime() + this.period) });
    return result;
  }

  async locks(): Promise<ObjectLocks> {
    return {
      period: this.period,
      mode: 'GOVERNANCE',
      lockOf: async (key) => {
        this.asked.push(key);
        return this.locked.get(key);
      },
      isHeld: async (key) => this.held.has(key),
      lockUntil: async (key, lock) => {
        const known = this.locked.get(key);
        if (known && known.until > lock.until) throw new Error(`the lock of ${key} can't be made shorter`);
        this.locked.set(key, lock);
        this.extended.push(key);
      },
    };
  }
}
