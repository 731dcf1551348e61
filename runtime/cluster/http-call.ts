import http, { type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { ClusterConnection } from './connection';

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Longest that an answer may be awaited, and longest silence within one. */
const SILENCE_MS = 30_000;
/** What an API server sends at most for one object is a few MiB; a list comes in pages. */
const BODY_LIMIT = 64 * 1024 * 1024;

/** One request and its whole answer, whatever its status. */
export async function call(connection: ClusterConnection, request: HttpRequest): Promise<HttpAnswer> {
  const response = await send(connection, request);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error(`the answer is longer than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** One request, and its answer as far as the headers. */
export async function send(connection: ClusterConnection, request: HttpRequest): Promise<IncomingMessage> {
  const { server } = connection;
  const given = await connection.options();
  const headers = {
    accept: 'application/json',
    'user-agent': 'tempo-backup',
    ...(request.body === undefined
      ? {}
      : {
          'content-type': request.contentType ?? 'application/json',
          'content-length': Buffer.byteLength(request.body),
        }),
    ...(given.headers as Readonly<Record<string, string>> | undefined),
  };
  const options: RequestOptions = { ...given, method: request.method, headers, signal: request.signal };
  const url = new URL(`${server.pathname.replace(/\/$/, '')}${request.path}`, server);
  return new Promise((resolve, reject) => {
    const sent = (server.protocol === 'http:' ? http : https).request(url, options, resolve);
    sent.setTimeout(SILENCE_MS, () =>
      sent.destroy(Object.assign(new Error(`no answer within ${SILENCE_MS / 1000} s`), { code: 'ETIMEDOUT' })),
    );
    sent.on('error', reject);
    sent.end(request.body);
  });
}
