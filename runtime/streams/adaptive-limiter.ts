import { Semaphore } from './semaphore';

export interface AdaptiveLimiterOptions {
  /** The most requests in flight. */
  readonly max: number;
  /** In flight at the beginning. @default max */
  readonly start?: number;
  /** @default 1 */
  readonly min?: number;
}

/**
 * Bounds the requests in flight and follows what the server can take: one more per round of successes, half as many when it says to slow
 * down (additive increase, multiplicative decrease, as in TCP).
 *
 * Run each attempt of a request on its own (`retrying(() => limiter.run(send))`), so that one that waits for its next attempt holds no place.
 */
export class AdaptiveLimiter {
  private readonly semaphore: Semaphore;
  private readonly min: number;
  private readonly max: number;
  private exactLimit: number;
  private running = 0;
  private round = 0;
  private leftFromBefore = 0;

  constructor(options: AdaptiveLimiterOptions) {
    this.min = options.min ?? 1;
    this.max = options.max;
    this.exactLimit = options.start ?? options.max;
    this.semaphore = new Semaphore(this.exactLimit);
  }

  get limit(): number {
    return this.semaphore.limit;
  }

  get inFlight(): number {
    return this.running;
  }

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const release = await this.semaphore.acquire(1, signal);
    const round = this.round;
    this.running++;
    try {
      const result = await work();
      this.setLimit(this.exactLimit + 1 / this.exactLimit);
      return result;
    } finally {
      this.running--;
      if (round < this.round) this.leftFromBefore--;
      release();
    }
  }

  /**
   * The server asked for less. Requests that were in flight at the last cut say nothing about the new limit: until they have ended, further
   * calls are ignored, or one burst of answers would bring the limit down to the minimum.
   */
  slowDown(): void {
    if (this.leftFromBefore > 0) return;
    this.round++;
    this.leftFromBefore = this.running;
    this.setLimit(this.exactLimit / 2);
  }

  private setLimit(limit: number): void {
    this.exactLimit = Math.min(this.max, Math.max(this.min, limit));
    this.semaphore.limit = Math.floor(this.exactLimit);
  }
}
