/** Tempo's log, one logfmt line each, and the counters of its /metrics. */
export class Events {
  private readonly counts = new Map<string, number>();

  log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, string | number>> = {}): void {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    process.stderr.write(
      `level=${level} ts=${new Date().toISOString()} msg=${JSON.stringify(message)}${rest.join('')}\n`,
    );
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  counters(): string[] {
    const always = [
      'blocks_flushed_total',
      'failed_flushes_total',
      'replay_errors_total',
      'traces_created_total',
      'blocks_cleared_total',
    ];
    return always.map((name) => `tempo_ingester_${name} ${this.counts.get(name) ?? 0}`);
  }
}
