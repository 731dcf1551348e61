import type { StoredTrace } from './parquet-file';

interface Span {
  readonly traceId: string;
}

interface ResourceSpans {
  readonly scopeSpans?: readonly { readonly spans?: readonly Span[] }[];
}

/** The traces of an OTLP request in JSON; resource spans that hold several traces go with each of them. */
export function tracesOf(body: string): StoredTrace[] {
  const { resourceSpans = [] } = JSON.parse(body) as { resourceSpans?: readonly ResourceSpans[] };
  const byId = new Map<string, ResourceSpans[]>();
  for (const each of resourceSpans) {
    const spans = (each.scopeSpans ?? []).flatMap((scope) => scope.spans ?? []);
    for (const traceId of new Set(spans.map((span) => span.traceId))) {
      if (!/^[0-9a-f]{32}$/.test(traceId)) throw new Error(`trace IDs are 32 hex digits here, got '${traceId}'`);
      byId.set(traceId, [...(byId.get(traceId) ?? []), each]);
    }
  }
  return [...byId].map(([traceId, batches]) => ({ traceId, spans: JSON.stringify(batches) }));
}
