import { setTimeout as delay } from 'node:timers/promises';
import type { FlushOutcome } from '../../../lib/contract/manifest';
import type { TempoSource } from '../source/tempo-source';
import { FlushBarrier } from './flush-barrier';
import { askTempo } from './tempo-http';

const POLL_MS = 200;

export interface FlushOptions {
  /** Tempo's HTTP address. */
  readonly url: string;
  /** As Tempo told it; undefined: it didn't. */
  readonly version: string | undefined;
  readonly source: TempoSource;
  /** Milliseconds. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/**
 * Has Tempo write what it holds in memory to its backend, and waits until it has. What isn't there at the deadline is in the WAL still, so
 * a cut takes it all the same; the outcome says so. Throws only what the signal throws.
 */
export async function flushTempo(options: FlushOptions): Promise<FlushOutcome> {
  const began = performance.now();
  const waitedMs = (): number => Math.round(performance.now() - began);
  const { source } = options;
  const barrier = (rule: 'wal-emptied' | 'in-backend') => new FlushBarrier(source, rule);
  let awaited = barrier('wal-emptied');
  const told = await tell(options);
  if (told.failure !== undefined)
    return { asked: false, reached: false, waitedMs: waitedMs(), open: [], reason: told.failure };
  if (source.walPath === undefined)
    return {
      ...{ asked: told.asked, reached: false, waitedMs: waitedMs(), open: [] },
      reason: "there is no WAL folder to see it in; set 'tempo.storage.walPath'",
    };
  if (!told.asked) awaited = barrier('in-backend');
  awaited.begin();
  const open = await waitFor(awaited, options, began);
  const outcome = { asked: told.asked, reached: open.length === 0, waitedMs: waitedMs(), open };
  return outcome.reached ? outcome : { ...outcome, reason: lateness(open, options.deadline) };
}

type Told = { readonly asked: boolean; readonly failure?: undefined } | { readonly failure: string };

/** 3.0 has no flush: it cuts and flushes by itself, every half a minute by default. */
async function tell({ url, version, signal }: FlushOptions): Promise<Told> {
  if (version !== undefined && !version.startsWith('2.')) return { asked: false };
  const answer = await askTempo(url, { method: 'POST', path: '/flush' }, signal);
  if (answer.status === undefined) return { failure: `'${url}' can't be reached: ${answer.reason}` };
  if (answer.status === 404) return { asked: false };
  return answer.status >= 200 && answer.status < 300
    ? { asked: true }
    : { failure: `'${url}/flush' answers ${answer.status}` };
}

async function waitFor(barrier: FlushBarrier, { deadline, signal }: FlushOptions, began: number): Promise<string[]> {
  for (;;) {
    const open = barrier.open();
    const left = deadline - (performance.now() - began);
    if (open.length === 0 || left <= 0) return open;
    await delay(Math.min(POLL_MS, left), undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  }
}

function lateness(open: readonly string[], deadline: number): string {
  const blocks = open.length === 1 ? 'block was' : 'blocks were';
  return `${open.length} ${blocks} not in Tempo's backend after ${deadline / 1000} s, such as '${open[0] ?? ''}'`;
}
