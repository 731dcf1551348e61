import { setTimeout as delay } from 'node:timers/promises';

/** How time passes. */
export interface Pace {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const REAL_PACE: Pace = {
  now: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, { signal });
    } catch (error) {
      // The timer rejects with an AbortError of its own; callers know the signal's reason.
      signal.throwIfAborted();
      throw error;
    }
  },
};

const ASK_EVERY_MS = 2000;

export interface Waiting {
  /** Milliseconds; the last look is at their end. */
  readonly within: number;
  /** Milliseconds between two looks. @default 2000 */
  readonly every?: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** The error when nothing came of it. */
  readonly late: () => Promise<Error>;
}

/** Looks again and again, not by a watch: a lost connection loses nothing. Resolves with the first look that isn't undefined. */
export async function waitUntil<T>(look: () => Promise<T | undefined>, options: Waiting): Promise<T> {
  const { within, every = ASK_EVERY_MS, pace, signal, late } = options;
  const end = pace.now() + within;
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    const left = end - pace.now();
    if (left <= 0) throw await late();
    await pace.sleep(Math.min(every, left), signal);
  }
}
