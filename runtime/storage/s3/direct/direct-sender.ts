import type { S3Clock } from '../s3-clock';
import { type HttpMethod, type SignedTarget, signedRequest } from './direct-reader';
import { type HttpHead, UnsuitableAnswerError } from './http-answer';
import { HttpConnections } from './http-connections';

export interface DirectRequest {
  readonly method: HttpMethod;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whatever the server said, refusals too. */
export type WholeAnswer = HttpHead & { readonly body: Buffer };

export interface DirectSenderOptions {
  /** Undefined while nothing is known of the bucket's place yet. */
  readonly target: () => SignedTarget | undefined;
  readonly clock: S3Clock;
}

/**
 * Sends requests with small answers and no body past the SDK, as `DirectReader` does: heads, copies by the server and small documents, of which
 * a first copy of a bucket makes nine for each block.
 */
export class DirectSender {
  private target: SignedTarget | undefined;
  private connections: HttpConnections | undefined;
  /** With an answer that only a whole HTTP client understands: the next one would be so, too. */
  private readonly unsuitable = new Set<HttpMethod>();

  constructor(private readonly options: DirectSenderOptions) {}

  /** Undefined: nothing is known of what became of it, whoever knows more of S3 and HTTP has to ask. */
  async send(request: DirectRequest, signal?: AbortSignal): Promise<WholeAnswer | undefined> {
    this.target ??= this.options.target();
    if (!this.target || this.unsuitable.has(request.method)) return undefined;
    const text = await signedRequest(this.target, request);
    this.connections ??= new HttpConnections(this.target.server);
    try {
      const expects = request.method === 'HEAD' ? 'head' : 'whole';
      const { body = Buffer.alloc(0), ...head } = await this.connections.send(text, { expects }, signal);
      this.options.clock.observe(head.headers['date']);
      return { ...head, body };
    } catch (error) {
      if (!(error instanceof UnsuitableAnswerError)) throw error;
      this.unsuitable.add(request.method);
      return undefined;
    }
  }

  close(): void {
    this.connections?.close();
  }
}
