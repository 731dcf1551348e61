import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What the double reads of Tempo's configuration; times in milliseconds. */
export interface TempoSettings {
  readonly host: string;
  readonly httpPort: number;
  readonly otlpPort: number;
  readonly isMultitenant: boolean;
  readonly tracesPath: string;
  readonly walPath: string;
  readonly pollMs: number;
  readonly idleMs: number;
  readonly checkMs: number;
  readonly maxBlockMs: number;
  readonly completeBlockMs: number;
  readonly readyMs: number;
  readonly retentionMs: number;
  readonly compactedRetentionMs: number;
}

type Section = Readonly<Record<string, unknown>>;

// Those of Tempo 2.9 that its configurations here may name. Tempo refuses any other.
const SECTIONS = [
  'compactor', 'distributor', 'ingester', 'memberlist', 'metrics_generator', 'multitenancy_enabled', 'overrides', 'querier', 'query_frontend',
  'server', 'storage', 'stream_over_http_enabled', 'usage_report',
]; // prettier-ignore

/** Reads a configuration file; throws, as Tempo ends, on what isn't one. */
export function readSettings(file: string): TempoSettings {
  const document: unknown = parse(readFileSync(file, 'utf8'));
  if (!isSection(document)) throw new Error(`failed parsing config: ${file}: no mapping`);
  const unknown = Object.keys(document).filter((name) => !SECTIONS.includes(name));
  if (unknown.length > 0)
    throw new Error(`failed parsing config: field ${unknown.join(', ')} not found in type app.Config`);
  const ingester = section(document, 'ingester');
  const compaction = section(document, 'compactor', 'compaction');
  const trace = section(document, 'storage', 'trace');
  if (trace.backend !== 'local') throw new Error(`failed to create store: unknown backend '${String(trace.backend)}'`);
  const [otlpHost, otlpPort] = text(
    section(document, 'distributor', 'receivers', 'otlp', 'protocols', 'http').endpoint,
    '0.0.0.0:4318',
  ).split(':');
  return {
    host: text(section(document, 'server').http_listen_address, otlpHost ?? '0.0.0.0'),
    httpPort: number(section(document, 'server').http_listen_port, 3200),
    otlpPort: Number(otlpPort),
    isMultitenant: document.multitenancy_enabled === true,
    tracesPath: text(section(trace, 'local').path, '/var/tempo/traces'),
    walPath: text(section(trace, 'wal').path, '/var/tempo/wal'),
    pollMs: duration(trace.blocklist_poll, '5m'),
    idleMs: duration(ingester.trace_idle_period, '5s'),
    checkMs: duration(ingester.flush_check_period, '10s'),
    maxBlockMs: duration(ingester.max_block_duration, '30m'),
    completeBlockMs: duration(ingester.complete_block_timeout, '15m'),
    readyMs: duration(section(ingester, 'lifecycler').min_ready_duration, '15s'),
    retentionMs: duration(compaction.block_retention, '336h'),
    compactedRetentionMs: duration(compaction.compacted_block_retention, '1h'),
  };
}

function section(of: Section, ...path: readonly string[]): Section {
  let found = of;
  for (const name of path) {
    const next = found[name];
    if (next === undefined || next === null) return {};
    if (!isSection(next)) throw new Error(`failed parsing config: '${path.join('.')}' is no mapping`);
    found = next;
  }
  return found;
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value !== 'string')
    throw new Error(`failed parsing config: cannot unmarshal ${JSON.stringify(value)} into string`);
  return value;
}

function number(value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number')
    throw new Error(`failed parsing config: cannot unmarshal ${JSON.stringify(value)} into int`);
  return value;
}

/** Go's durations, in milliseconds. */
function duration(value: unknown, otherwise: string): number {
  const given = text(value, otherwise);
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (!/^(\d+(ms|s|m|h))+$/.test(given)) throw new Error(`failed parsing config: time: invalid duration "${given}"`);
  return [...given.matchAll(/(\d+)(ms|s|m|h)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0),
    0,
  );
}
