import { UsageError } from '../../errors';

/** Where an S3 repository lies and how its server is reached. Never holds a secret. */
export interface S3Location {
  /** As the user typed it. */
  readonly url: string;
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  readonly region?: string;
  readonly endpoint?: string;
  /** The bucket in the path instead of the host name. @default true with `endpoint`, else false */
  readonly pathStyle: boolean;
  readonly profile?: string;
  /** A PEM file with the certificate authorities to trust besides the usual ones. */
  readonly caBundle?: string;
}

const PARAMETERS = ['region', 'endpoint', 'pathStyle', 'profile', 'caBundle'];
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/;
const FORM = 's3://bucket/prefix?region=&endpoint=&pathStyle=true&profile=&caBundle=/file.pem';

export function parseS3Url(text: string): S3Location {
  const url = parsed(text);
  if (url.username || url.password) throw unusable('it holds credentials', 'give them by environment or profile');
  if (!BUCKET.test(url.hostname)) throw unusable(`'${url.hostname}' is no bucket name`, `the form is ${FORM}`);
  for (const [name, value] of url.searchParams) checkParameter(name, value, url);
  const parameter = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const endpoint = parameter('endpoint');
  if (endpoint !== undefined) checkEndpoint(endpoint);
  return {
    url: text,
    bucket: url.hostname,
    prefix: prefixOf(url.pathname),
    region: parameter('region'),
    endpoint,
    pathStyle: pathStyleOf(parameter('pathStyle'), endpoint),
    profile: parameter('profile'),
    caBundle: parameter('caBundle'),
  };
}

/** Where it is the same for two locations, the server can copy from one to the other with one set of credentials. */
export function serverOf({ endpoint, region, profile }: S3Location): string {
  const origin = endpoint === undefined ? `aws ${region ?? process.env['AWS_REGION'] ?? ''}` : new URL(endpoint).origin;
  return `${origin} ${profile ?? ''}`;
}

function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 's3:') throw unusable('it is no s3:// URL', `the form is ${FORM}`);
  return url;
}

function checkParameter(name: string, value: string, url: URL): void {
  if (!PARAMETERS.includes(name)) throw unusable(`'${name}' is unknown`, `known are ${PARAMETERS.join(', ')}`);
  if (value === '') throw unusable(`'${name}' is empty`, 'give it a value or leave it out');
  if (url.searchParams.getAll(name).length > 1) throw unusable(`'${name}' is given twice`, 'give it once');
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw unusable(`'endpoint' is no http or https URL`, `write it as 'https://host:port'`);
  }
  if (url.username || url.password)
    throw unusable(`'endpoint' holds credentials`, 'give them by environment or profile');
}

function pathStyleOf(value: string | undefined, endpoint: string | undefined): boolean {
  // Most servers that aren't AWS have no host name for each bucket.
  if (value === undefined) return endpoint !== undefined;
  if (value !== 'true' && value !== 'false')
    throw unusable(`'pathStyle' must be true or false, got '${value}'`, `the form is ${FORM}`);
  return value === 'true';
}

function prefixOf(path: string): string {
  const segments = decoded(path).split('/').filter(Boolean);
  return segments.map((segment) => `${segment}/`).join('');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw unusable('its prefix is not properly percent-encoded', `write a literal '%' as '%25'`, cause);
  }
}

/** The URL itself isn't repeated: somebody may have put a secret into it. */
function unusable(cause: string, advice: string, reason?: unknown): UsageError {
  return new UsageError(`read repository URL: ${cause}; ${advice}`, {}, { cause: reason });
}
