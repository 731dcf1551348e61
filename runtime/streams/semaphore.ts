interface Waiter {
  readonly weight: number;
  readonly admit: () => void;
}

/**
 * A weighted semaphore, first come first served, so that a large request is never starved by small ones. A request heavier than the limit
 * is let through when it is alone: it would wait for ever otherwise.
 */
export class Semaphore {
  private readonly waiters: Waiter[] = [];
  private held = 0;
  private currentLimit: number;

  constructor(limit: number) {
    this.currentLimit = limit;
  }

  get limit(): number {
    return this.currentLimit;
  }

  /** Lowering it takes nothing away from those who hold something: they finish, and fewer follow. */
  set limit(limit: number) {
    this.currentLimit = limit;
    this.admitWaiters();
  }

  get inUse(): number {
    return this.held;
  }

  /** Resolves to the function that gives the weight back; calling it again does nothing. Rejects with the signal's reason. */
  async acquire(weight: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.waiters.length > 0 || !this.fits(weight)) await this.wait(weight, signal);
    else this.held += weight;
    return this.releaseOnce(weight);
  }

  private fits(weight: number): boolean {
    return this.held === 0 || this.held + weight <= this.currentLimit;
  }

  private wait(weight: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        reject(signal?.reason as Error);
        // The one that left may have been all that kept lighter ones waiting.
        this.admitWaiters();
      };
      const waiter: Waiter = {
        weight,
        admit: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.waiters.push(waiter);
    });
  }

  private releaseOnce(weight: number): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.held -= weight;
      this.admitWaiters();
    };
  }

  private admitWaiters(): void {
    for (let next = this.waiters[0]; next && this.fits(next.weight); next = this.waiters[0]) {
      this.waiters.shift();
      this.held += next.weight;
      next.admit();
    }
  }
}
