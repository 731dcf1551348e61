interface Waiter {
  readonly mayEnter: () => boolean;
  readonly admit: () => void;
}

/** First come, first served: the first one in line may keep others waiting that would fit, so that large requests are never starved. */
export class WaitingLine {
  private readonly waiters: Waiter[] = [];

  /** Resolves once `mayEnter`, which takes what it needs when it says yes, was true. Rejects with the signal's reason. */
  async enter(mayEnter: () => boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.waiters.length > 0 || !mayEnter()) await this.wait(mayEnter, signal);
  }

  /** To be called whenever somebody may fit who didn't before. */
  advance(): void {
    while (this.waiters[0]?.mayEnter()) this.waiters.shift()?.admit();
  }

  private wait(mayEnter: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        reject(signal?.reason as Error);
        // The one that left may have been all that kept the next ones waiting.
        this.advance();
      };
      const waiter: Waiter = {
        mayEnter,
        admit: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.waiters.push(waiter);
    });
  }
}
