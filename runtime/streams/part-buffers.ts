import { type ByteBudget, partBudget } from './byte-budget';

const SMALLEST = 16 * 1024;

export interface PartBuffer {
  /** Exactly as long as was asked for; holds whatever was in it before. */
  readonly bytes: Buffer;
  /** Only when nothing reads from or writes to `bytes` any more: the next one gets the same memory. */
  readonly release: () => void;
}

/**
 * Memory for parts, within a budget and used again. A fresh 8 MiB buffer costs 2,048 page faults, and is returned only when the garbage
 * collector sees it: peak memory would be several times the budget.
 */
export class PartBuffers {
  private readonly free = new Map<number, Buffer[]>();
  private freeBytes = 0;

  constructor(private readonly budget: ByteBudget) {}

  /** Waits until the budget allows it. Rejects with the signal's reason. */
  async lease(length: number, signal?: AbortSignal): Promise<PartBuffer> {
    const capacity = capacityFor(length);
    const giveBack = await this.budget.acquire(capacity, signal);
    const memory = this.take(capacity);
    let leased = true;
    return {
      bytes: memory.subarray(0, length),
      release: () => {
        if (!leased) return;
        leased = false;
        this.keep(memory);
        giveBack();
      },
    };
  }

  private take(capacity: number): Buffer {
    const reused = this.free.get(capacity)?.pop();
    if (reused) {
      this.freeBytes -= capacity;
      return reused;
    }
    // What is leased and what is kept share the limit, or buffers of a size nobody wants any more would come on top.
    this.dropUntil(this.budget.limit - this.budget.inUse);
    return Buffer.allocUnsafeSlow(capacity);
  }

  private keep(memory: Buffer): void {
    if (this.budget.inUse + this.freeBytes > this.budget.limit) return;
    const sameSize = this.free.get(memory.length);
    if (sameSize) sameSize.push(memory);
    else this.free.set(memory.length, [memory]);
    this.freeBytes += memory.length;
  }

  private dropUntil(allowed: number): void {
    for (const [capacity, buffers] of this.free) {
      while (this.freeBytes > allowed && buffers.pop()) this.freeBytes -= capacity;
    }
  }
}

/** The part buffers of the process. */
export const partBuffers = new PartBuffers(partBudget);

/** The next power of two: few sizes, so that most leases find a buffer to use again. */
function capacityFor(length: number): number {
  return Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(Math.max(1, length))));
}
