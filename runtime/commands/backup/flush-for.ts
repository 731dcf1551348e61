import { parseDuration } from '../../../lib/contract/values/duration';
import type { FlushOutcome } from '../../../lib/contract/manifest';
import type { Scope } from '../../../lib/contract/plan/rule';
import { flushTempo } from '../../tempo/flush/flush';
import { askVersion } from '../../tempo/flush/tempo-http';
import type { TempoSource } from '../../tempo/source/tempo-source';
import type { CommandContext } from '../context';

/** The version that a running Tempo tells; undefined when its address isn't configured, or it doesn't answer. */
export async function runningVersion({ config, signal }: CommandContext): Promise<string | undefined> {
  const { url } = config.tempo;
  return url === undefined ? undefined : askVersion(url, signal);
}

/** Flushes Tempo for a point that is to be as new as possible; undefined when its scope or the configuration wants none. */
export async function flushFor(
  scope: Scope,
  { config, log, signal, progress }: CommandContext,
  { source, version }: { readonly source: TempoSource; readonly version: string | undefined },
): Promise<FlushOutcome | undefined> {
  const { url, flush } = config.tempo;
  if (url === undefined || (scope !== 'all' && scope !== 'data')) return undefined;
  progress.report({ phase: 'flushing Tempo', done: 0, total: 0 });
  const outcome = await flushTempo({ url, version, source, deadline: parseDuration(flush.deadline), signal });
  if (!outcome.asked && outcome.reason === undefined)
    log.info('Tempo has no flush of its own; waited until what it held was in its backend', {
      waitedMs: outcome.waitedMs,
    });
  if (!outcome.reached) log.warn(`Tempo is not flushed: ${outcome.reason ?? ''}`, { open: outcome.open.length });
  return outcome;
}
