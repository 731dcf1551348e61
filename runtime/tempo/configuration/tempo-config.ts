import { parseDuration } from '../../../lib/contract/values/duration';
import { UsageError } from '../../errors';
import {
  DEFAULT_BLOCK_RETENTION_MS,
  DEFAULT_RETENTION_RULES,
  NO_OVERRIDE,
  type RetentionOverride,
  type RetentionRules,
} from './retention';
import { type ConfigText, isMap, parseConfigText, valueAt, type YamlMap } from './tempo-config-text';

/** What backup and restore ask of a Tempo's configuration. */
export interface TempoConfig {
  /**
   * By the modules that are configured: `2.x` has an ingester and a compactor, `3.0` a live-store and backend workers. A 2.x that writes
   * vParquet5 is 2.10 at least.
   */
  readonly version: '2.x' | '2.10' | '3.0' | undefined;
  readonly retention: RetentionRules;
  /** Milliseconds: 3.0 tombstones an older WAL when it starts. */
  readonly completeBlockTimeout: number;
  /** From when on 2.x shows blocks that hold each trace once. */
  readonly rf1After: Date | undefined;
  readonly tracesPath: string | undefined;
  readonly walPath: string | undefined;
  /** Milliseconds between two looks at the blocks, after each of which the index of a tenant is written. */
  readonly blocklistPoll: number | undefined;
}

type Read = (...path: string[]) => number | undefined;

const MINUTE_MS = 60_000;
/** How long a live-store or ingester keeps a completed block when nobody tells it. */
export const COMPLETE_BLOCK_TIMEOUT_MS = { '2.x': 15 * MINUTE_MS, '3.0': 20 * MINUTE_MS };
const MODULES_OF_3 = ['live_store', 'live_store_client', 'backend_worker', 'backend_scheduler', 'block_builder'];
const MODULES_OF_2 = ['ingester', 'ingester_client', 'compactor'];
const OVERRIDE_SETTINGS = ['defaults', 'user_configurable_overrides'];

/** Reads Tempo's main configuration file and, given beside it, its file of per-tenant overrides; in any order. */
export function readTempoConfig(files: readonly ConfigText[]): TempoConfig {
  const parsed = files.map((file) => ({ file, map: parseConfigText(file) }));
  const main = parsed.filter(({ map }) => !isTenantOverrides(map));
  const tenants = parsed.filter(({ map }) => isTenantOverrides(map));
  const settings = Object.assign({}, ...main.map(({ map }) => map)) as YamlMap;
  const name = main.map(({ file }) => file.name).join(', ') || 'configuration';
  const version = guessVersion(settings);
  const read: Read = (...path) => duration(valueAt(settings, ...path), `${path.join('.')}' in '${name}`);
  return {
    version,
    retention:
      files.length === 0 ? DEFAULT_RETENTION_RULES : retentionRules(settings, { name, version, read, tenants }),
    completeBlockTimeout: completeBlockTimeout(version, read),
    rf1After: instant(valueAt(settings, 'query_frontend', 'rf1_after')),
    blocklistPoll: read('storage', 'trace', 'blocklist_poll'),
    tracesPath: text(valueAt(settings, 'storage', 'trace', 'local', 'path')),
    walPath: text(
      valueAt(settings, ...(version === '3.0' ? ['live_store', 'wal', 'path'] : ['storage', 'trace', 'wal', 'path'])),
    ),
  };
}

function guessVersion(settings: YamlMap): TempoConfig['version'] {
  if (MODULES_OF_3.some((module) => module in settings)) return '3.0';
  if (!MODULES_OF_2.some((module) => module in settings)) return undefined;
  return valueAt(settings, 'storage', 'trace', 'block', 'version') === 'vParquet5' ? '2.10' : '2.x';
}

function completeBlockTimeout(version: TempoConfig['version'], read: Read): number {
  const module = version === '3.0' ? 'live_store' : 'ingester';
  return read(module, 'complete_block_timeout') ?? COMPLETE_BLOCK_TIMEOUT_MS[version === '3.0' ? '3.0' : '2.x'];
}

interface RetentionSource {
  readonly name: string;
  readonly version: TempoConfig['version'];
  readonly read: Read;
  readonly tenants: readonly { readonly file: ConfigText; readonly map: YamlMap }[];
}

function retentionRules(settings: YamlMap, { name, version, read, tenants }: RetentionSource): RetentionRules {
  const overrides = valueAt(settings, 'overrides');
  const defaults = isMap(overrides) ? (valueAt(overrides, 'defaults') ?? overrides) : undefined;
  const where = `overrides' in '${name}`;
  return {
    retention: globalRetention(version, read),
    compactorDisabled: version !== '3.0' && valueAt(settings, 'compactor', 'disabled') === true,
    defaults: isMap(defaults) ? override(defaults, where) : NO_OVERRIDE,
    tenants: new Map(tenants.flatMap(({ file, map }) => tenantOverrides(map, file.name))),
    origin: [name, ...tenants.map(({ file }) => file.name)].map((file) => `'${file}'`).join(', '),
    isCertain: tenants.length > 0 || !namesTenantOverrides(settings),
  };
}

/** Whether there is a file of per-tenant overrides, at its place of today or of older releases. */
function namesTenantOverrides(settings: YamlMap): boolean {
  const name = 'per_tenant_override_config';
  return [valueAt(settings, 'overrides', name), valueAt(settings, name)].some((path) => text(path) !== undefined);
}

/** In 3.0 the worker's is what deletes, yet charts set the scheduler's: the smaller is what must be reckoned with. */
function globalRetention(version: TempoConfig['version'], read: Read): number {
  const said =
    version === '3.0'
      ? [
          read('backend_worker', 'compaction', 'block_retention'),
          read('backend_scheduler', 'provider', 'compaction', 'compaction', 'block_retention'),
        ]
      : [read('compactor', 'compaction', 'block_retention')];
  return Math.min(...said.map((retention) => retention ?? DEFAULT_BLOCK_RETENTION_MS));
}

/** A file that has tenants below `overrides` and nothing else: what `per_tenant_override_config` names. */
function isTenantOverrides(map: YamlMap): boolean {
  const overrides = valueAt(map, 'overrides');
  if (Object.keys(map).length !== 1 || !isMap(overrides)) return false;
  const entries = Object.entries(overrides);
  return entries.every(([key, value]) => isMap(value) && !OVERRIDE_SETTINGS.includes(key));
}

function tenantOverrides(map: YamlMap, name: string): [string, RetentionOverride][] {
  const overrides = valueAt(map, 'overrides');
  if (!isMap(overrides)) return [];
  return Object.entries(overrides).flatMap(([tenant, value]) =>
    isMap(value) ? [[tenant, override(value, `overrides.${tenant}' in '${name}`)]] : [],
  );
}

/** Flat (`block_retention`) as in Tempo 1 and 2, or grouped (`compaction.block_retention`). */
function override(map: YamlMap, where: string): RetentionOverride {
  const setting = (key: string): unknown => valueAt(map, 'compaction', key) ?? valueAt(map, key);
  return {
    retention: duration(setting('block_retention'), `block_retention' of '${where}`) || undefined,
    compactionDisabled: setting('compaction_disabled') === true,
  };
}

function duration(value: unknown, where: string): number | undefined {
  if (value === undefined) return undefined;
  // A bare number is Go's time.Duration: nanoseconds.
  if (typeof value === 'number') return value / 1e6;
  try {
    return parseDuration(plain(value));
  } catch (cause) {
    throw new UsageError(`read '${where}': ${cause instanceof Error ? cause.message : 'invalid'}`, {}, { cause });
  }
}

function instant(value: unknown): Date | undefined {
  const time = value === undefined ? undefined : new Date(plain(value));
  // Go's zero time stands for "not set".
  return time === undefined || Number.isNaN(time.getTime()) || time.getUTCFullYear() <= 1 ? undefined : time;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
