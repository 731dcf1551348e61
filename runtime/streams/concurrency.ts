/**
 * Works on the items, at most `limit` at once, in order of their start. After the first failure (of the work, of the iteration, or by the
 * signal) nothing new is started, what runs is waited for, then the first error is thrown: no promise is left floating.
 */
export async function forEachConcurrently<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const crew = new Crew();
  try {
    for await (const item of items) {
      signal?.throwIfAborted();
      if (crew.failure) break;
      crew.start(() => work(item));
      await crew.belowOrFailed(limit);
    }
    signal?.throwIfAborted();
  } catch (error) {
    crew.failure ??= { error };
  }
  await crew.finished();
  if (crew.failure) throw crew.failure.error;
}

class Crew {
  failure: { readonly error: unknown } | undefined;
  private running = 0;
  private wake = (): void => undefined;

  start(work: () => Promise<void>): void {
    this.running++;
    void this.follow(work);
  }

  async belowOrFailed(limit: number): Promise<void> {
    while (this.running >= limit && !this.failure) await this.nextEnd();
  }

  async finished(): Promise<void> {
    while (this.running > 0) await this.nextEnd();
  }

  private async follow(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure ??= { error };
    }
    this.running--;
    this.wake();
  }

  private nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
