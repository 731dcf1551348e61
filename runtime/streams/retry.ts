import { setTimeout as delay } from 'node:timers/promises';

const BASE_MS = 100;
const CAP_MS = 20_000;

export interface RetryOptions {
  /** In all, the first one included. */
  readonly attempts: number;
  readonly isRetryable: (error: unknown) => boolean;
  readonly signal?: AbortSignal;
  /** From 0 to below 1. @default Math.random */
  readonly random?: () => number;
  /** @default - a timer that the signal ends */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Repeats work that is safe to repeat: exponential back-off with full jitter, so that many runners that failed together don't come back
 * together. The last error is thrown as it is.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export async function retrying<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, isRetryable, signal, random = Math.random, sleep = sleepUnlessAborted } = options;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= attempts || !isRetryable(error)) throw error;
    }
    await sleep(random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1)), signal);
  }
}

async function sleepUnlessAborted(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    // The timer rejects with an AbortError of its own; callers know the signal's reason.
    signal?.throwIfAborted();
    throw error;
  }
}
