import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 10;

/** Interrupts long synchronous work, so that signals and transfers under way get their turn. */
export class TimeSlice {
  private began = performance.now();

  constructor(private readonly signal: AbortSignal) {}

  get isOver(): boolean {
    return performance.now() - this.began > SLICE_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.signal.throwIfAborted();
    this.began = performance.now();
  }
}
