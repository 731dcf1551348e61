import { z } from 'zod';
import { didYouMean } from './nearest-name';

/** The configuration can't be used. Every problem is one line that says where, what is wrong and what would be right. */
export class ConfigError extends Error {
  constructor(
    /** All of them, in the order of the document. */
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    const more = problems.length - 1;
    super(`${problems[0] ?? 'the configuration is unusable'}${more > 0 ? ` (and ${more} more)` : ''}`, options);
    this.name = 'ConfigError';
  }
}

/** Parses `value`, which lies at `path` of the user's document, or throws a `ConfigError`. */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, path: readonly string[] = []): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.flatMap((issue) => describeIssue(schema, issue, value, path)));
}

function describeIssue(schema: z.ZodType, issue: z.core.$ZodIssue, root: unknown, prefix: readonly string[]): string[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path, root);
    return issue.keys.map((key) => `'${[...path, key].join('.')}' ${unknownKey(key, known)}`);
  }
  if (issue.code === 'invalid_union' && 'options' in issue) return [unknownKind(path, issue, root)];
  const value = valueAt(root, issue.path);
  const name = path.length === 0 ? 'the configuration' : `'${path.join('.')}'`;
  const got = value === undefined ? ', but is missing' : `, got ${JSON.stringify(value)}`;
  return [`${name} ${requirement(issue)}${issue.code === 'custom' ? '' : got}`];
}

/** One of several mappings that a key tells apart. */
function unknownKind(
  path: readonly PropertyKey[],
  issue: { readonly path: readonly PropertyKey[]; readonly options?: readonly unknown[] },
  root: unknown,
): string {
  const choices = (issue.options ?? []).filter((option) => typeof option === 'string').join(', ');
  return `'${path.join('.')}' must be one of ${choices}, got ${JSON.stringify(valueAt(root, issue.path))}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((parent, key) => (parent as Record<PropertyKey, unknown> | undefined)?.[key], root);
}

function unknownKey(key: string, known: readonly string[]): string {
  if (/alert|threshold/i.test(key)) {
    return "can't be set: alert thresholds are derived from schedules and objectives; change 'plan.objectives' or a rule's schedule instead";
  }
  return `is no key of the configuration; ${didYouMean(key, known)}`;
}

function requirement(issue: z.core.$ZodIssue): string {
  // Where the schema states the fix itself, its words are better than ours.
  if (issue.message.startsWith('must ')) return issue.message;
  if (issue.code === 'invalid_type') return `must be ${ARTICLES[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
  if (issue.code === 'too_small') return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
  return issue.message;
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping of keys to values',
  array: 'a list',
};

function keysAt(schema: z.ZodType, path: readonly PropertyKey[], root: unknown): string[] {
  const found = path.reduce<z.core.$ZodType | undefined>((parent, key) => childOf(bare(parent), key), schema);
  const object = chosen(bare(found), valueAt(root, path));
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** Of several mappings, the one that the value's discriminator chooses. */
function chosen(schema: z.core.$ZodType | undefined, value: unknown): z.core.$ZodType | undefined {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def as { discriminator: string };
  const kind = (value as Record<string, unknown>)[discriminator];
  return schema.options.find(
    (option) =>
      option instanceof z.ZodObject &&
      (option.shape as Record<string, z.ZodType>)[discriminator]?.safeParse(kind).success,
  );
}

function childOf(schema: z.core.$ZodType | undefined, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodObject ? (schema.shape as Record<PropertyKey, z.core.$ZodType>)[key] : undefined;
}

function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const wrapped =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional;
  return wrapped ? bare(schema.unwrap()) : schema;
}
