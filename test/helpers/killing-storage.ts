import { type Storage, type StoredObject } from '../../runtime/storage/storage';
import { type CallInfo, WrappedStorage } from './wrapped-storage';

/** What the storage answers to a process that was killed and doesn't know it. */
export class Killed extends Error {
  constructor(at: string) {
    super(`killed ${at}`);
    this.name = 'Killed';
  }
}

export class KillingStorage extends WrappedStorage {
  private death: Killed | undefined;

  constructor(
    inner: Storage,
    private readonly n: number | undefined,
    private readonly when: 'before' | 'after',
  ) {
    super(inner);
  }

  get killed(): boolean {
    return this.death !== undefined;
  }

  override async *list(prefix: string, startAfter?: string): AsyncIterable<StoredObject> {
    for await (const object of super.list(prefix, startAfter)) {
      this.refuseTheDead();
      yield object;
    }
  }

  protected override async around<T>({ index, call, keys }: CallInfo, effect: () => Promise<T>): Promise<T> {
    this.refuseTheDead();
    if (index === this.n) this.death = new Killed(`${this.when} call ${index}: ${call} ${keys.slice(0, 3).join(', ')}`);
    if (this.when === 'before') this.refuseTheDead();
    const result = await effect();
    this.refuseTheDead();
    return result;
  }

  private refuseTheDead(): void {
    if (this.death) throw this.death;
  }
}

/**
 * Kills at the `n`-th call (from 0): before it has its effect, or after it had it and before the caller knows. That call throws `Killed`, and so
 * does every later one. Calls under way at that moment may still have their effect, as those of a killed process may. `calls` counts what was
 * begun; without `n` nothing is killed, and a test learns how many indexes there are.
 */
export function killAt(storage: Storage, n: number | undefined, when: 'before' | 'after' = 'before'): KillingStorage {
  return new KillingStorage(storage, n, when);
}
