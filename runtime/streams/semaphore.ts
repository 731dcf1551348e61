import { WaitingLine } from './waiting-line';

/**
 * A weighted semaphore, first come first served. A request heavier than the limit is let through when it is alone: it would wait for
 * ever otherwise.
 */
export class Semaphore {
  private readonly line = new WaitingLine();
  private held = 0;

  constructor(private currentLimit: number) {}

  get limit(): number {
    return this.currentLimit;
  }

  /** Lowering it takes nothing away from those who hold something: they finish, and fewer follow. */
  set limit(limit: number) {
    this.currentLimit = limit;
    this.line.advance();
  }

  get inUse(): number {
    return this.held;
  }

  /** Resolves to the function that gives the weight back; calling it again does nothing. Rejects with the signal's reason. */
  async acquire(weight: number, signal?: AbortSignal): Promise<() => void> {
    await this.line.enter(() => this.take(weight), signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.held -= weight;
      this.line.advance();
    };
  }

  private take(weight: number): boolean {
    if (this.held > 0 && this.held + weight > this.currentLimit) return false;
    this.held += weight;
    return true;
  }
}
