/** What a bucket may be called, on AWS and on servers that are stricter than theirs. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * The text, which must be one: a token of cdk8s, such as `Lazy.any()`, gets its value only when objects are written, and what goes into URLs
 * and the runner's configuration is needed before. Throws otherwise, and when it is empty.
 */
export function literal(name: string, value: string): string {
  const given: unknown = value;
  if (typeof given !== 'string')
    throw new Error(
      `'${name}' must be a text, got ${kindOf(given)}; pass the value itself, no token that stands for it`,
    );
  if (given === '') throw new Error(`'${name}' must not be empty`);
  return given;
}

/** The name of a bucket. Throws when no bucket is called so. */
export function bucketName(name: string): string {
  if (BUCKET.test(literal('bucket', name))) return name;
  throw new Error(
    `'bucket' must be the name of a bucket, 3 to 63 lower-case letters, digits, dots and dashes, got '${name}'; a path in it is its 'prefix'`,
  );
}

/** The name of a claim that was given by its name or as a construct. */
export function claimName(claim: string | { readonly name: string }): string {
  // A token is an object, too, but has no name.
  return literal('claim', typeof claim === 'object' && 'name' in claim ? claim.name : claim);
}

/** The parts of a path within a bucket or volume. Throws when it leads out of it. */
export function segmentsWithin(name: string, path: string | undefined): string[] {
  if (path === undefined || path === '') return [];
  const segments = literal(name, path)
    .split('/')
    .filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw new Error(`'${name}' must be a path within the volume or bucket, without '.' and '..', got '${path}'`);
  return segments;
}

function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : typeof value === 'object' ? 'an object' : typeof value;
}
