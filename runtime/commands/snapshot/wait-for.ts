import { setTimeout as delay } from 'node:timers/promises';
import { ClusterError } from '../../cluster/cluster-errors';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

export interface WaitOptions {
  /** How long at most. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

/**
 * Looks again and again until there is something; undefined when the time is over. An API server that is away for a while counts as
 * nothing yet.
 */
export async function waitFor<T>(look: () => Promise<T | undefined>, options: WaitOptions): Promise<T | undefined> {
  const { milliseconds, signal } = options;
  const end = performance.now() + milliseconds;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const left = end - performance.now();
    const found = await look().catch((error: unknown) => {
      if (left <= 0 || signal.aborted || !isAway(error)) throw error;
      return undefined;
    });
    if (found !== undefined || left <= 0) return found;
    // A timer may fire a moment early, and would then be set again for what is left of a millisecond.
    await delay(Math.min(pause, Math.ceil(left) + 1), undefined, { signal });
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ClusterError && (error.status.status === undefined || error.status.status >= 500);
}
