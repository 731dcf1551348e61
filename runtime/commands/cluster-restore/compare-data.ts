import type { ClusterRestore, ComparedTenant, SampleTrace } from '../../../lib/contract/cluster-restore';
import type { Manifest } from '../../../lib/contract/manifest';
import { waitUntil } from '../../cluster/workload/wait-until';
import { liveObjects } from '../../tempo/api/live-objects';
import { askTempo } from '../../tempo/flush/tempo-http';
import { type CoordinatedRun, partsOf } from './coordinated-run';

/** Tempo looks at its backend every five minutes unless told otherwise, and once when it starts. */
const BLOCKLIST_POLL_MS = 6 * 60 * 1000;
const ASK_EVERY_MS = 15_000;

/** What Tempo itself says of the restored data. */
export type Comparison = Pick<ClusterRestore, 'compared' | 'sampleTraces'> & {
  /** Why there is nothing to compare. */
  readonly remarks: readonly string[];
};

export const NOT_COMPARED: Comparison = { compared: null, sampleTraces: null, remarks: [] };

/** Asks Tempo until it has all, or its next look at the backend is over. */
export async function compareData(
  run: CoordinatedRun,
  manifest: Manifest,
  samples: readonly SampleTrace[],
): Promise<Comparison> {
  const { url } = run.context.config.tempo;
  const { data } = partsOf(run.options);
  if (data === undefined || data === 'wal') return NOT_COMPARED;
  if (url === undefined)
    return { ...NOT_COMPARED, remarks: ["not compared with Tempo's own numbers: 'tempo.url' isn't set"] };
  let last: Comparison | undefined;
  const look = async (): Promise<Comparison | undefined> => {
    last = await ask(run, url, { manifest, samples });
    return last.compared && isWhole(last) ? last : undefined;
  };
  const { context, pace } = run;
  const incomplete = new Error();
  const times = { within: BLOCKLIST_POLL_MS, every: ASK_EVERY_MS };
  const waiting = { ...times, pace, signal: context.signal, late: () => Promise.resolve(incomplete) };
  try {
    return await waitUntil(look, waiting);
  } catch (error) {
    if (error === incomplete && last) return last;
    throw error;
  }
}

/** Whether Tempo has at least what the recovery point has. */
export function isWhole({ compared, sampleTraces }: Pick<ClusterRestore, 'compared' | 'sampleTraces'>): boolean {
  const lacks = ({ expected, found }: ComparedTenant): boolean => (found ?? 0) < expected;
  return !compared?.some(lacks) && (sampleTraces?.missing.length ?? 0) === 0;
}

async function ask(
  run: CoordinatedRun,
  url: string,
  { manifest, samples }: { readonly manifest: Manifest; readonly samples: readonly SampleTrace[] },
): Promise<Comparison> {
  const { options, context } = run;
  const wanted = manifest.tenants.filter(
    ({ tenant }) => options.tenant.length === 0 || options.tenant.includes(tenant),
  );
  const found = await liveObjects(url, context.signal);
  const missing: SampleTrace[] = [];
  for (const sample of samples) if (!(await hasTrace(run, url, sample))) missing.push(sample);
  const compared = wanted.map(({ tenant, objects }) => ({
    tenant,
    expected: objects,
    found: found?.get(tenant) ?? null,
  }));
  return {
    compared: found && compared,
    sampleTraces: { asked: samples.length, missing },
    remarks: found ? [] : [`not compared: '${url}/metrics' can't be read`],
  };
}

async function hasTrace({ context }: CoordinatedRun, url: string, { tenant, traceId }: SampleTrace): Promise<boolean> {
  const request = { method: 'GET', path: `/api/traces/${traceId}`, headers: { 'x-scope-orgid': tenant } } as const;
  return (await askTempo(url, request, context.signal)).status === 200;
}
