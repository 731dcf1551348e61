import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 250;

/** Asks again until there is an answer; at the deadline it fails with what `explain` has to say. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  { seconds = 60, explain = async () => '' }: { seconds?: number; explain?: () => Promise<string> } = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown = '';
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      // Connections are refused while things start; the last reason is told in the end.
      last = error;
    }
    await sleep(PAUSE_MS);
  }
  throw new Error(`${what}: not within ${seconds} s ${String(last)}\n${await explain()}`);
}
