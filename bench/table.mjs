// Medians and the table that people read.
const MIB = 1024 * 1024;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** One row for each contender from all its runs. */
export function summarize(name, runs) {
  const last = runs.at(-1);
  const peaks = runs.map((each) => each.peakBytes).filter((peak) => peak !== undefined);
  const seconds = runs.map((each) => each.seconds);
  return {
    name,
    runs: runs.length,
    seconds: median(seconds),
    fastest: Math.min(...seconds),
    slowest: Math.max(...seconds),
    cpu: median(runs.map((each) => each.cpu)),
    peakBytes: peaks.length ? Math.max(...peaks) : undefined,
    bytes: last.bytes,
    requests: last.requests,
  };
}

export const mebibytes = (bytes) =>
  bytes === undefined ? '–' : `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`;

const secondsText = (value) => (Number.isFinite(value) ? value.toFixed(2) : '–');

export function printCase({ title, rows, targets, notes }) {
  const head = ['', 'median s', 'range', 'CPU s', 'peak', 'bytes', 'requests'];
  const lines = rows.map((row) => [
    row.name,
    secondsText(row.seconds),
    `${secondsText(row.fastest)}–${secondsText(row.slowest)}`,
    secondsText(row.cpu),
    mebibytes(row.peakBytes),
    row.bytes === undefined ? '' : mebibytes(row.bytes),
    requestsText(row.requests),
  ]);
  const widths = head.map((cell, column) => Math.max(cell.length, ...lines.map((line) => line[column].length)));
  console.log(`\n${title}`);
  for (const line of [head, ...lines]) {
    const cells = line.map((cell, column) =>
      column === 0 || column === 6 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
  for (const note of notes) console.log(`  ${note}`);
  for (const target of targets) console.log(`  ${target.line}`);
}

function requestsText(requests) {
  const made = Object.entries(requests ?? {}).filter(([, count]) => count > 0);
  return made.map(([kind, count]) => `${count} ${kind}`).join(', ');
}
