const HOUR_MS = 3_600_000;

/** What Tempo keeps blocks for when nobody tells it. */
export const DEFAULT_BLOCK_RETENTION_MS = 336 * HOUR_MS;

export interface RetentionOverride {
  /** Milliseconds; undefined when the override doesn't say, or says 0, which Tempo reads as not said. */
  readonly retention: number | undefined;
  /** `compaction_disabled` stops the deletion of the tenant's blocks too. */
  readonly compactionDisabled: boolean;
}

/** For how long a Tempo keeps blocks, as its configuration says. */
export interface RetentionRules {
  /** Milliseconds. */
  readonly retention: number;
  /** The whole compactor is off: nothing is deleted, whatever else is said. */
  readonly compactorDisabled: boolean;
  /** For tenants without an override of their own. */
  readonly defaults: RetentionOverride;
  /** By tenant; `*` stands for every tenant that isn't named. */
  readonly tenants: ReadonlyMap<string, RetentionOverride>;
  /** Where it is said, for messages. */
  readonly origin: string;
  /** False where it may be another one: nobody said it, or a file that may say it isn't known. */
  readonly isCertain: boolean;
}

export const NO_OVERRIDE: RetentionOverride = { retention: undefined, compactionDisabled: false };

/** One retention for all tenants. */
export function retentionForAll(retention: number, origin: string): RetentionRules {
  return { retention, compactorDisabled: false, defaults: NO_OVERRIDE, tenants: new Map(), origin, isCertain: true };
}

export const DEFAULT_RETENTION_RULES: RetentionRules = {
  ...retentionForAll(DEFAULT_BLOCK_RETENTION_MS, "Tempo's default, no configuration file was given"),
  isCertain: false,
};

/**
 * For how long Tempo keeps the tenant's blocks, in milliseconds; Infinity when it never deletes them.
 *
 * A tenant's own override replaces the default override as a whole: what it leaves out is not inherited from there.
 */
export function retentionOf(rules: RetentionRules, tenant: string): number {
  const override = rules.tenants.get(tenant) ?? rules.tenants.get('*') ?? rules.defaults;
  if (rules.compactorDisabled || override.compactionDisabled) return Infinity;
  return override.retention ?? rules.retention;
}
