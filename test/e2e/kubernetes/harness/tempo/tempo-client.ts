import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, ApiError, type Response } from '../cluster/api';
import { eventually } from '../cluster/wait';
import { TEMPO } from './tempo-objects';
import { TEMPO_VERSION } from './tempo-version';

// Longer attributes are cut short by Tempo.
const ATTRIBUTE_BYTES = 2000;
/** When traces have been idle for the configured second, and the next look at them has passed, with time to spare. */
const CUT_MS = 3500;

/** The Tempo of a namespace, reached through the API server's proxy, so from wherever the cluster can be reached. */
export class TempoClient {
  constructor(
    private readonly api: Api,
    private readonly namespace: string,
  ) {}

  async isReady(): Promise<boolean> {
    return (await this.call('GET', 3200, '/ready')).status === 200;
  }

  async ready(seconds = 90): Promise<void> {
    await eventually('Tempo ready', () => this.isReady(), { seconds });
  }

  /** Sends traces of so many bytes each; returns their IDs once they are acknowledged. */
  async push(count: number, bytesEach = 0): Promise<string[]> {
    const traceIds = Array.from({ length: count }, () => randomBytes(16).toString('hex'));
    for (const traceId of traceIds) {
      const { status, body } = await this.call('POST', 4318, '/v1/traces', JSON.stringify(traceOf(traceId, bytesEach)));
      if (status !== 200) throw new ApiError('push trace', status, body);
    }
    return traceIds;
  }

  /** 3.0 flushes by itself. */
  async flush(): Promise<void> {
    if (TEMPO_VERSION === '3.0') return;
    const { status, body } = await this.call('POST', 3200, '/flush');
    if (status !== 204) throw new ApiError('flush', status, body);
  }

  /** Flushes, and waits until the backend has as many traces more as given. */
  async flushed(objects: number): Promise<void> {
    await this.flush();
    await eventually(`${objects} traces in Tempo's backend`, async () => (await this.liveObjects()) >= objects);
  }

  /** Waits until Tempo has cut what it holds in memory to its WAL. Its gauge is of its last look, so it says nothing right after a push. */
  async cut(): Promise<void> {
    await sleep(CUT_MS);
    await eventually(
      "traces in Tempo's WAL",
      async () => (await this.sumOf(/^tempo_\w+_live_traces(?:\{.*\})? (\S+)$/gm)) === 0,
    );
  }

  async has(traceId: string): Promise<boolean> {
    return (await this.call('GET', 3200, `/api/traces/${traceId}`)).status === 200;
  }

  /** Those of these traces that Tempo doesn't find. */
  async missing(traceIds: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (const traceId of traceIds) if (!(await this.has(traceId))) missing.push(traceId);
    return missing;
  }

  /** As Tempo's own metrics say. */
  async liveObjects(): Promise<number> {
    return this.sumOf(/^tempodb_backend_objects_total\{[^}]*status="live"[^}]*\} (\S+)$/gm);
  }

  /** Of all lines of its metrics that match. */
  private async sumOf(line: RegExp): Promise<number> {
    const { status, body } = await this.call('GET', 3200, '/metrics');
    if (status !== 200) throw new ApiError('read metrics', status, body);
    return [...body.matchAll(line)].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  private call(method: string, port: number, path: string, body?: string): Promise<Response> {
    const proxy = `/api/v1/namespaces/${this.namespace}/services/${TEMPO.name}:${port}/proxy`;
    return this.api.call(method, `${proxy}${path}`, { body, headers: { 'content-type': 'application/json' } });
  }
}

function traceOf(traceId: string, bytes: number): object {
  const now = BigInt(Date.now()) * 1_000_000n;
  const attributes = Array.from({ length: Math.ceil(bytes / ATTRIBUTE_BYTES) }, (_, index) => ({
    key: `payload.${index}`,
    value: { stringValue: randomBytes((ATTRIBUTE_BYTES / 4) * 3).toString('base64') },
  }));
  const span = {
    traceId,
    spanId: randomBytes(8).toString('hex'),
    name: 'GET /',
    kind: 1,
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1_000_000n),
    attributes,
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] };
}
