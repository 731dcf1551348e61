import type { S3RangeRead } from '../s3-api';
import type { S3Clock } from '../s3-clock';
import { contentRangeOf } from '../s3-body';
import { type HttpAnswer, UnsuitableAnswerError } from './http-answer';
import type { HttpServer } from './http-connection';
import { HttpConnections } from './http-connections';

/** A bucket on its server, and how requests to it are signed. */
export type HttpMethod = 'GET' | 'HEAD' | 'PUT';

export interface SignedTarget {
  readonly server: HttpServer;
  /** The path of a key, percent-encoded as it is sent and signed. */
  pathOf(key: string): string;
  /** Resolves to the headers to send, those that are given included. */
  sign(
    method: HttpMethod,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>>>;
}

export interface DirectReaderOptions {
  /** Undefined while nothing is known of the bucket's place yet. */
  readonly target: () => SignedTarget | undefined;
  readonly clock: S3Clock;
}

/** `unknown`: nothing was received, whoever knows more of S3 and HTTP has to ask. An answer: the server refused. */
export type DirectResult = 'read' | 'unknown' | HttpAnswer;

/**
 * Reads ranges of objects past the SDK: signed by it, but sent and received with as little work as that needs. The SDK's own way costs two to
 * three milliseconds of CPU for each request. Whatever isn't plain content is left to the SDK.
 */
export class DirectReader {
  private target: SignedTarget | undefined;
  private connections: HttpConnections | undefined;
  private isSuitable = true;

  constructor(private readonly options: DirectReaderOptions) {}

  async read(read: S3RangeRead, signal?: AbortSignal): Promise<DirectResult> {
    this.target ??= this.options.target();
    if (!this.target || !this.isSuitable) return 'unknown';
    const request = await requestFor(read, this.target);
    this.connections ??= new HttpConnections(this.target.server);
    try {
      const answer = await this.connections.send(request, this.sinkFor(read), signal);
      return answer.body ? answer : 'read';
    } catch (error) {
      if (!(error instanceof UnsuitableAnswerError)) throw error;
      // It will answer the next time as it did this time.
      this.isSuitable = false;
      return 'unknown';
    }
  }

  close(): void {
    this.connections?.close();
  }

  private sinkFor({ check, into, onReceived }: S3RangeRead): Parameters<HttpConnections['send']>[1] {
    return {
      onReceived,
      memoryFor: ({ headers }, length) => {
        this.options.clock.observe(headers['date']);
        check({ length, ...contentRangeOf(headers['content-range']) });
        return into;
      },
    };
  }
}

async function requestFor({ key, offset, into }: S3RangeRead, target: SignedTarget): Promise<string> {
  return signedRequest(target, {
    method: 'GET',
    key,
    headers: { range: `bytes=${offset}-${offset + into.length - 1}` },
  });
}

/** A request without a body, as it is sent. */
export async function signedRequest(
  target: SignedTarget,
  request: { readonly method: HttpMethod; readonly key: string; readonly headers: Readonly<Record<string, string>> },
): Promise<string> {
  const { method, key } = request;
  const path = target.pathOf(key);
  const headers = await target.sign(method, path, request.headers);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
