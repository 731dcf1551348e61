import { retrying } from '../streams/retry';
import { RunnerError } from '../errors';
import { type ClusterCall, ClusterError, clusterError } from './cluster-errors';
import type { HttpAnswer } from './http-call';

/** Waits of at most 0.1, 0.2, 0.4 … 20 s: an API server that is replaced is back within a minute. */
const ATTEMPTS = 10;

/** How far a call may be repeated. */
export type Repeat =
  /** Twice is as good as once. */
  | 'always'
  /** Only when the server says, or it is plain, that nothing happened. */
  | 'untouched';

export interface Attempts {
  readonly call: ClusterCall;
  readonly repeat: Repeat;
  readonly signal: AbortSignal;
}

/** Makes a request until there is an answer that counts. Throws what `clusterError` says of any other than 2xx. */
export async function answerOf(
  attempts: Attempts,
  send: () => Promise<HttpAnswer>,
): Promise<{ readonly body: string }> {
  const { call, repeat, signal } = attempts;
  return retrying(
    async () => {
      const answer = await send().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : unanswered(call, error);
      });
      if (answer.status >= 200 && answer.status < 300) return { body: answer.body };
      throw clusterError(call, { status: answer.status, ...statusIn(answer.body) });
    },
    { attempts: ATTEMPTS, signal, isRetryable: (error) => isRetryable(error, repeat) },
  );
}

/** The error for a request that got no whole answer. */
export function unanswered(call: ClusterCall, error: unknown): RunnerError {
  // An error of our own, such as a token that isn't mounted, explains itself.
  if (error instanceof RunnerError) return error;
  const { code, name, message } = error as NodeJS.ErrnoException;
  return clusterError(call, { status: undefined, reason: code ?? name, message });
}

const NEVER_SENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'UND_ERR_SOCKET']);

function isRetryable(error: unknown, repeat: Repeat): boolean {
  if (!(error instanceof ClusterError)) return false;
  const { status, reason } = error.status;
  if (NEVER_SENT.has(reason) || status === 429) return true;
  return repeat === 'always' && (BROKEN.has(reason) || (status !== undefined && status >= 500));
}

/** Reason and message of a Kubernetes `Status`; proxies on the way answer with other things. */
export function statusIn(body: string): { reason: string; message: string } {
  try {
    const { reason, message } = JSON.parse(body) as { reason?: unknown; message?: unknown };
    return {
      reason: typeof reason === 'string' ? reason : '',
      message: typeof message === 'string' ? message : '',
    };
  } catch (cause) {
    if (cause instanceof SyntaxError) return { reason: '', message: '' };
    throw cause;
  }
}
