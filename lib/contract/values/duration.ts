const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const YEAR = 365 * DAY;

/** Milliseconds of each unit, as Go and Prometheus spell them. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter: Go accepts both
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: WEEK,
  y: YEAR,
};

const COMPOUND = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w|y)/g;

const NUMBER = String.raw`(\d+(?:[.,]\d+)?)`;
const ISO_8601 = new RegExp(
  `^P(?:${NUMBER}Y)?(?:${NUMBER}M)?(?:${NUMBER}W)?(?:${NUMBER}D)?(?:T(?=\\d)(?:${NUMBER}H)?(?:${NUMBER}M)?(?:${NUMBER}S)?)?$`,
);
const ISO_UNITS = [YEAR, undefined, WEEK, DAY, HOUR, MINUTE, SECOND];

/**
 * Milliseconds of a duration, written short (`7d`, `90m`, `1h30m`; Tempo's own `336h0m0s` too) or as ISO 8601 (`P7D`, `PT1H30M`).
 *
 * A year is 365 days and a day 24 hours. ISO 8601's month is refused: it has no fixed length.
 *
 * @example parseDuration('12h') // 43_200_000
 */
export function parseDuration(text: string): number {
  const milliseconds = text.startsWith('P') ? parseIso8601(text) : parseCompound(text);
  if (milliseconds > Number.MAX_SAFE_INTEGER) throw new Error(`'${text}' is too long for a duration`);
  return Math.round(milliseconds * 1e6) / 1e6;
}

/**
 * The shortest usual way to write a duration that `parseDuration` reads back.
 *
 * @example formatDuration(5_400_000) // '1h30m'
 */
export function formatDuration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds) || milliseconds < 0)
    throw new Error(`can't write ${milliseconds} ms as a duration`);
  let rest = milliseconds;
  let text = '';
  for (const [unit, length] of [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
  ] as const) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) text += `${count}${unit}`;
  }
  if (rest >= SECOND) return `${text}${Number((rest / SECOND).toFixed(3))}s`;
  if (rest > 0) return `${text}${Number(rest.toFixed(6))}ms`;
  return text === '' ? '0s' : text;
}

function parseCompound(text: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(COMPOUND)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new Error(`'${text}' is no duration; ${hint(text)}`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
}

function hint(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return `it needs a unit, such as '${text}s', '${text}m', '${text}h' or '${text}d'`;
  if (/^-/.test(text)) return 'it must not be negative';
  return "write '7d', '12h', '1h30m' or ISO 8601 such as 'PT1H'";
}

function parseIso8601(text: string): number {
  const counts = ISO_8601.exec(text)?.slice(1);
  if (counts === undefined || counts.every((count) => count === undefined)) {
    throw new Error(`'${text}' is no ISO 8601 duration; write 'P7D', 'PT1H' or 'P1DT12H'`);
  }
  if (counts[1] !== undefined)
    throw new Error(`'${text}' counts months, which have no fixed length; write days, such as 'P30D'`);
  if (counts[2] !== undefined && counts.filter((count) => count !== undefined).length > 1) {
    throw new Error(`'${text}' mixes weeks with other units, which ISO 8601 doesn't allow; write days`);
  }
  const smallest = counts.findLastIndex((count) => count !== undefined);
  if (counts.some((count, unit) => unit !== smallest && /[.,]/.test(count ?? ''))) {
    throw new Error(`'${text}' has a fraction before its last unit, which ISO 8601 doesn't allow`);
  }
  return counts.reduce(
    (sum, count, unit) => sum + Number((count ?? '0').replace(',', '.')) * (ISO_UNITS[unit] ?? 0),
    0,
  );
}
