const TIMEOUT_MS = 30_000;

/** What Tempo answered, or why it didn't. */
export type TempoAnswer =
  { readonly status: number; readonly text: string } | { readonly status: undefined; readonly reason: string };

/** One request to Tempo's HTTP address. Throws only what the signal throws. */
export async function askTempo(
  url: string,
  request: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    /** @default - none */
    readonly headers?: Readonly<Record<string, string>>;
  },
  signal: AbortSignal,
): Promise<TempoAnswer> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}${request.path}`, {
      method: request.method,
      headers: request.headers ?? {},
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    signal.throwIfAborted();
    return { status: undefined, reason: reasonOf(error) };
  }
}

/** Tempo's version as it tells it, such as `2.9.5`; undefined when it doesn't. */
export async function askVersion(url: string, signal: AbortSignal): Promise<string | undefined> {
  const answer = await askTempo(url, { method: 'GET', path: '/api/status/buildinfo' }, signal);
  if (answer.status !== 200) return undefined;
  return /"version"\s*:\s*"v?(\d+\.\d+(?:\.\d+)?)/.exec(answer.text)?.[1];
}

/** `fetch` says no more than that it failed; what it was is behind it. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  return cause?.code ?? cause?.message ?? message;
}
