/** What was measured, one line for each scenario, printed when the suite has ended. */
export class Timings {
  private readonly rows: {
    readonly scenario: string;
    readonly what: string;
    readonly seconds: number;
    readonly limit: number;
  }[] = [];

  /** Runs and measures; fails above the limit, in seconds. */
  async measure<T>(scenario: string, what: string, of: { limit: number; run: () => Promise<T> }): Promise<T> {
    const began = Date.now();
    const value = await of.run();
    const seconds = (Date.now() - began) / 1000;
    this.rows.push({ scenario, what, seconds, limit: of.limit });
    if (seconds > of.limit) throw new Error(`${scenario}: ${what} took ${seconds} s, ${of.limit} s are allowed`);
    return value;
  }

  print(title: string): void {
    if (this.rows.length === 0) return;
    const header = ['scenario', 'measured', 'seconds', 'at most'];
    const lines = [
      header,
      ...this.rows.map(({ scenario, what, seconds, limit }) => [scenario, what, seconds.toFixed(1), String(limit)]),
    ];
    const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
    const text = lines
      .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
      .join('\n');
    process.stdout.write(`\n${title}\n${text}\n`);
  }
}
