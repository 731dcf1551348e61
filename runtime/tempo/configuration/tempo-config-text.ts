import { parse } from 'yaml';
import { UsageError } from '../../errors';

/** A configuration file of Tempo; `name` is for messages. */
export interface ConfigText {
  readonly name: string;
  readonly text: string;
}

export type YamlMap = Readonly<Record<string, unknown>>;

// ${NAME}, ${NAME:default}, ${NAME:-default}; what follows another operator is no value.
const VARIABLE = /\$\{[A-Za-z_][A-Za-z0-9_]*(?:(?::?[-=]|:(?![?+]))([^}]*)|[^}]*)\}/g;

/**
 * Parses the file as Tempo does with `-config.expand-env=true`, except that the runner doesn't know Tempo's environment: a variable counts
 * as its default, and as nothing when it has none.
 */
export function parseConfigText(file: ConfigText): YamlMap {
  const text = file.text.replace(VARIABLE, (_, fallback: string | undefined) => fallback ?? '');
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new UsageError(
      `read '${file.name}': it isn't YAML, ${reason ?? ''}; give the file that Tempo's -config.file names`,
      {},
      { cause },
    );
  }
  if (value === null || value === undefined) return {};
  if (isMap(value)) return value;
  throw new UsageError(`read '${file.name}': it isn't a mapping; give the file that Tempo's -config.file names`);
}

export function isMap(value: unknown): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of keys; undefined when there is none, null included. */
export function valueAt(map: YamlMap, ...path: string[]): unknown {
  let value: unknown = map;
  for (const key of path) value = isMap(value) ? value[key] : undefined;
  return value ?? undefined;
}
