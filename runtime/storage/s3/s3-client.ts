import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { UsageError } from '../../errors';
import type { S3Clock } from './s3-clock';
import { MOST_REQUESTS_IN_FLIGHT } from './s3-requests';
import type { S3Location } from './s3-url';

const CHECKSUM_HEADER = 'x-amz-checksum-sha256';

/** A client that finds credentials, region and server as every program with the SDK does, and sends each request once. */
export function createS3Client(location: S3Location, clock: S3Clock, server: ServerOptions): S3Client {
  // A custom endpoint rarely cares about the region, but signatures need one.
  const fallback = location.endpoint === undefined ? undefined : (process.env['AWS_REGION'] ?? 'us-east-1');
  const config: S3ClientConfig = {
    region: location.region ?? fallback,
    endpoint: location.endpoint,
    forcePathStyle: location.pathStyle,
    profile: location.profile,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would open a connection for each part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: server.connectTimeoutMs,
      socketTimeout: server.idleTimeoutMs,
      ...agents(server.ca),
    },
  };
  // A key that is undefined would hide the SDK's own ways to find it.
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as S3ClientConfig;
  // The version of the SDK is pinned; what later ones will need is no concern of those who run this one.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const client = new S3Client(given);
  passFailuresOn(client);
  useOwnDigests(client, location);
  observeClock(client, clock);
  return client;
}

function agents(ca: string[] | undefined): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const limit = MOST_REQUESTS_IN_FLIGHT;
  const pool = { keepAlive: true, maxSockets: limit, maxFreeSockets: limit };
  return { httpAgent: new HttpAgent(pool), httpsAgent: new HttpsAgent({ ...pool, ca }) };
}

/** What every connection to the server has in common. */
export interface ServerOptions {
  /** Certificate authorities in PEM. @default - those that Node trusts */
  readonly ca?: string[];
  readonly connectTimeoutMs: number;
  /** Without a byte. */
  readonly idleTimeoutMs: number;
}

export function serverOptions({ caBundle }: S3Location): ServerOptions {
  const ca = caBundle === undefined ? undefined : [...rootCertificates, readCaBundle(caBundle)];
  return { ca, connectTimeoutMs: 5_000, idleTimeoutMs: 60_000 };
}

function readCaBundle(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(`read 'caBundle' '${path}': ${code}; name a readable PEM file`, { path }, { cause });
  }
}

/**
 * The digest that was computed while the bytes were read guards them, so the SDK hashes nothing again. It also signs them, until the server
 * has shown that it compares bytes with the `x-amz-checksum-sha256` header, which is signed itself: hashing twice costs a server of one's own
 * a tenth of its time. AWS doesn't mind, and there are bucket policies that refuse unsigned payloads.
 *
 * Lists of keys to delete are guarded by Content-MD5: each server knows it, while the SDK's CRC32 is refused by older ones.
 */
function useOwnDigests(client: S3Client, location: S3Location): void {
  let comparesChecksums = false;
  client.middlewareStack.add(
    (next) => async (args) => {
      const { headers, body } = args.request as { headers: Record<string, string>; body?: unknown };
      const sha256 = headers[CHECKSUM_HEADER];
      const guarded = sha256 !== undefined && Buffer.isBuffer(body);
      if (guarded) headers['x-amz-content-sha256'] = comparesChecksums ? 'UNSIGNED-PAYLOAD' : hexOf(sha256);
      if ('x-amz-checksum-crc32' in headers && typeof body === 'string') useContentMd5(headers, body);
      const result = await next(args);
      if (guarded && location.endpoint !== undefined)
        comparesChecksums ||= headersOf(result.response)[CHECKSUM_HEADER] === sha256;
      return result;
    },
    { step: 'build', priority: 'low', name: 'useOwnDigests' },
  );
}

function useContentMd5(headers: Record<string, string>, body: string): void {
  delete headers['x-amz-checksum-crc32'];
  delete headers['x-amz-sdk-checksum-algorithm'];
  headers['content-md5'] = createHash('md5').update(body).digest('base64');
}

/** Attempts are repeated by `S3Requests`. Others name the SDK's own step as their neighbour, so it is replaced rather than removed. */
function passFailuresOn(client: S3Client): void {
  client.middlewareStack.add((next) => (args) => next(args), {
    step: 'finalizeRequest',
    priority: 'high',
    name: 'retryMiddleware',
    tags: ['RETRY'],
    override: true,
  });
}

function observeClock(client: S3Client, clock: S3Clock): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      clock.observe(headersOf(result.response)['date']);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'observeClock' },
  );
}

function headersOf(response: unknown): Readonly<Record<string, string | undefined>> {
  return (response as { headers?: Record<string, string> }).headers ?? {};
}

export function hexOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
