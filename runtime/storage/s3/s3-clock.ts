import { performance } from 'node:perf_hooks';

/** The server's clock, by the `Date` header of its answers, carried on by a counter that doesn't jump when the local clock is set. */
export class S3Clock {
  private last: { readonly server: number; readonly counter: number } | undefined;

  observe(date: string | undefined): void {
    const server = date === undefined ? NaN : Date.parse(date);
    if (!Number.isNaN(server)) this.last = { server, counter: performance.now() };
  }

  /** Undefined before the first answer. */
  now(): Date | undefined {
    return this.last && new Date(this.last.server + performance.now() - this.last.counter);
  }
}
