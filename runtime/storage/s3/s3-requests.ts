import { AdaptiveLimiter } from '../../streams/adaptive-limiter';
import { retrying } from '../../streams/retry';
import { RunnerError } from '../../errors';
import { asksToSlowDown, isRetryable, isUnreachable, type S3Failure, s3FailureOf, S3RequestError } from './s3-failure';
import { type RequestCounts, type RequestKind } from '../storage';

export const MOST_REQUESTS_IN_FLIGHT = 32;
const ATTEMPTS = 10;
/** Of an endpoint that never answered: more likely a wrong name than an outage. */
const ATTEMPTS_BEFORE_FIRST_ANSWER = 4;

export interface S3RequestsOptions {
  readonly signal?: AbortSignal;
  /** Between attempts. @default - full jitter, up to 20 s */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

export interface S3RequestOptions {
  /** @default - the signal of all requests */
  readonly signal?: AbortSignal;
  /** Sees each failed attempt, also one that is repeated. */
  readonly onFailure?: (failure: S3Failure) => void;
  /** Failures that the caller answers in another way than by sending the same request again. @default none */
  readonly givesUpOn?: (failure: S3Failure) => boolean;
}

/** Sends requests: counted, as many at once as the server can take, and repeated while that may help. Throws the last failure as an `S3RequestError`. */
export class S3Requests {
  readonly counts: RequestCounts = { put: 0, get: 0, head: 0, list: 0, delete: 0, multipart: 0 };
  private readonly limiter = new AdaptiveLimiter({ max: MOST_REQUESTS_IN_FLIGHT });
  private answered = false;

  constructor(private readonly options: S3RequestsOptions) {}

  get signal(): AbortSignal | undefined {
    return this.options.signal;
  }

  async run<T>(
    kind: RequestKind,
    send: (signal?: AbortSignal) => Promise<T>,
    options: S3RequestOptions = {},
  ): Promise<T> {
    const signal = options.signal ?? this.options.signal;
    try {
      return await retrying(() => this.attempt(kind, () => send(signal), { ...options, signal }), {
        attempts: ATTEMPTS,
        signal,
        sleep: this.options.sleep,
        isRetryable: this.retryRule(options),
      });
    } catch (error) {
      if (error instanceof RunnerError || (signal?.aborted && error === signal.reason)) throw error;
      throw new S3RequestError(s3FailureOf(error), error);
    }
  }

  private retryRule({ givesUpOn }: S3RequestOptions): (error: unknown) => boolean {
    let attempts = 0;
    return (error) => {
      attempts++;
      const failure = s3FailureOf(error);
      if (givesUpOn?.(failure)) return false;
      if (!this.answered && isUnreachable(failure) && attempts >= ATTEMPTS_BEFORE_FIRST_ANSWER) return false;
      return isRetryable(failure);
    };
  }

  private attempt<T>(kind: RequestKind, send: () => Promise<T>, options: S3RequestOptions): Promise<T> {
    return this.limiter.run(async () => {
      this.counts[kind]++;
      try {
        const result = await send();
        this.answered = true;
        return result;
      } catch (error) {
        const failure = s3FailureOf(error);
        if (failure.status !== undefined) this.answered = true;
        if (asksToSlowDown(failure)) this.limiter.slowDown();
        options.onFailure?.(failure);
        throw error;
      }
    }, options.signal);
  }
}
