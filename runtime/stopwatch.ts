/** Seconds by phase of a run, to the millisecond, and the time in all. */
export class Stopwatch {
  private readonly began = performance.now();
  private readonly phases = new Map<string, number>();

  async time<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.phases.set(phase, (this.phases.get(phase) ?? 0) + performance.now() - began);
    }
  }

  seconds(): Record<string, number> {
    const rounded = (milliseconds: number) => Math.round(milliseconds) / 1000;
    const phases = Object.fromEntries([...this.phases].map(([phase, time]) => [phase, rounded(time)]));
    return { ...phases, total: rounded(performance.now() - this.began) };
  }
}
