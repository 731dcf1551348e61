import { Semaphore } from './semaphore';

const MIB = 1024 * 1024;

/** How many bytes may be held in memory at once. First come first served; a request larger than the limit is let through alone. */
export class ByteBudget {
  private readonly semaphore: Semaphore;

  constructor(readonly limit: number) {
    this.semaphore = new Semaphore(limit);
  }

  get inUse(): number {
    return this.semaphore.inUse;
  }

  /** Resolves to the function that gives the bytes back. Rejects with the signal's reason. */
  acquire(bytes: number, signal?: AbortSignal): Promise<() => void> {
    return this.semaphore.acquire(bytes, signal);
  }
}

/** Bounds all part buffers of the process together, so that peak memory doesn't depend on how many files are under way. */
export const partBudget = new ByteBudget(24 * MIB);
