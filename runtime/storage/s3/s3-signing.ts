import type { S3Client } from '@aws-sdk/client-s3';
import { RUNNER_VERSION } from '../../version';
import type { SignedTarget } from './direct/direct-reader';
import type { ServerOptions } from './s3-client';

const USER_AGENT = `tempo-backup/${RUNNER_VERSION}`;
const NO_BODY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

export interface Endpoint {
  /** With the bucket, in the host name or the path. */
  readonly url: URL;
  readonly signingName: string;
  readonly signingRegion: string;
}

/**
 * Tells where the client sends the requests of its bucket, from its first answer on: what the SDK makes of region, endpoint, path style and
 * profile is taken from a request that it made, not worked out once more. Stays undefined for buckets with another way to sign.
 */
export function observeEndpoint(client: S3Client): () => Endpoint | undefined {
  let endpoint: Endpoint | undefined;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const { url, properties, headers } = context.endpointV2 ?? {};
      const scheme = properties?.authSchemes?.[0];
      const isPlain = url?.search === '' && Object.keys(headers ?? {}).length === 0;
      if (!endpoint && url && isPlain && scheme?.name === 'sigv4' && scheme.signingRegion !== undefined) {
        endpoint = { url, signingName: scheme.signingName ?? 's3', signingRegion: scheme.signingRegion };
      }
      return result;
    },
    { step: 'build', priority: 'low', name: 'observeEndpoint' },
  );
  return () => endpoint;
}

/** Signs by the client: it renews credentials, and knows how far the clock here is wrong. */
export function signedTarget(client: S3Client, endpoint: Endpoint, server: ServerOptions): SignedTarget {
  const { url, signingName, signingRegion } = endpoint;
  const { host, protocol } = url;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || DEFAULT_PORTS[protocol]);
  const base = url.pathname.replace(/\/$/, '');
  const signer = client.config.signer({ name: 'sigv4', signingName, signingRegion, properties: {} });
  return {
    server: { ...server, host: hostname, port, tls: protocol === 'https:' },
    pathOf: (key) => `${base}/${key.split('/').map(encoded).join('/')}`,
    sign: async (method, path, headers) => {
      const given = { host, 'user-agent': USER_AGENT, ...headers, 'x-amz-content-sha256': NO_BODY };
      const request = { method, protocol, hostname, port, path, query: {}, headers: given };
      const signingDate = new Date(Date.now() + client.config.systemClockOffset);
      const signed = await (await signer).sign(request, { signingDate, signingRegion, signingService: signingName });
      return signed.headers;
    },
  };
}

/** As signatures want it: all but letters, digits and `-._~`. */
function encoded(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
