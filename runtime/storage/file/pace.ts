import { setImmediate as nextTurn } from 'node:timers/promises';

/** A call that takes longer had to wait: for a server, or for a disk. */
const QUICK_MS = 0.25;
/** A busy machine interrupts one call in a hundred; a slow file system lets most of them wait. */
const SLOW_SHARE = 0.2;
/** Of the latest call in the average: about 50 calls are remembered. */
const WEIGHT = 0.02;
const SLICE_MS = 10;

export interface PaceOptions {
  /** The share of slow calls from which on all go through the pool. @default 0.2 */
  readonly allowed?: number;
  /** The share that is taken for granted at first. @default 0 */
  readonly assumed?: number;
}

/**
 * Decides how calls to a file system are made. While it answers at once, they are made synchronously: a call through Node's thread pool takes
 * 100 µs where the call itself takes 5. Where it takes its time (a network, a throttled disk) they go through the pool, and overlap.
 */
export class Pace {
  private readonly allowed: number;
  private slowShare: number;
  private sliceBegan = performance.now();

  constructor(options: PaceOptions = {}) {
    this.allowed = options.allowed ?? SLOW_SHARE;
    this.slowShare = options.assumed ?? 0;
  }

  get isSlow(): boolean {
    return this.slowShare > this.allowed;
  }

  async call<T>(now: () => T, throughPool: () => Promise<T>): Promise<T> {
    if (this.isSlow) return throughPool();
    const began = performance.now();
    // Long rows of synchronous calls would keep signals and transfers waiting.
    if (began - this.sliceBegan > SLICE_MS) {
      await nextTurn();
      this.sliceBegan = performance.now();
      return this.call(now, throughPool);
    }
    try {
      return now();
    } finally {
      const slow = performance.now() - began > QUICK_MS ? 1 : 0;
      this.slowShare += (slow - this.slowShare) * WEIGHT;
    }
  }
}
