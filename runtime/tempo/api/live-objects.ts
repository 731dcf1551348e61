import { askTempo } from '../flush/tempo-http';

const METRIC = /^tempodb_backend_objects_total\{([^}]*)\}\s+(\S+)/;

/** Traces in the live blocks of each tenant, as Tempo counts them; null when it doesn't say. */
export async function liveObjects(url: string, signal: AbortSignal): Promise<Map<string, number> | null> {
  const answer = await askTempo(url, { method: 'GET', path: '/metrics' }, signal);
  if (answer.status !== 200) return null;
  const found = new Map<string, number>();
  for (const line of answer.text.split('\n')) {
    const [, labels = '', value = ''] = METRIC.exec(line) ?? [];
    const tenant = labelOf(labels, 'tenant');
    if (tenant !== undefined && labelOf(labels, 'status') === 'live') found.set(tenant, Number(value));
  }
  return found;
}

function labelOf(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)\\s*${name}="([^"]*)"`).exec(labels)?.[1];
}
