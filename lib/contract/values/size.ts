const DECIMAL = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BINARY = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Bytes of each unit: SI's decimal prefixes, IEC 80000-13's binary ones. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1000],
  ...DECIMAL.map((unit, index) => [unit, 1000 ** (index + 1)] as const),
  ...BINARY.map((unit, index) => [unit, 1024 ** (index + 1)] as const),
]);

/**
 * Bytes of a size such as `10GiB` (binary, 1024), `500MB` (decimal, 1000) or `1024`.
 *
 * @example parseSize('1KiB') // 1024
 */
export function parseSize(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new Error(`'${text}' is no size; write '10GiB', '500MB' or '1024'`);
  const factor = UNITS.get(unit);
  if (factor === undefined) throw new Error(`'${text}' has the unknown unit '${unit}'; ${hint(count, unit)}`);
  const bytes = Math.round(Number(count) * factor);
  if (!Number.isSafeInteger(bytes)) throw new Error(`'${text}' is too large; the limit is 8 PiB`);
  return bytes;
}

/**
 * A size for people, in binary units with two significant digits or more.
 *
 * @example formatSize(2_040_109_466) // '1.9 GiB'
 */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const larger of BINARY) {
    // 1023.5 would round to '1024 KiB', so the step up is taken before that.
    if (Math.round(value) < 1024) break;
    value /= 1024;
    unit = larger;
  }
  const digits = unit === 'B' || Number(value.toFixed(1)) >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}

function hint(count: string, unit: string): string {
  const letter = unit.slice(0, 1).toUpperCase();
  const near = [...BINARY, ...DECIMAL].filter((known) => known.toUpperCase().startsWith(letter));
  return near.length === 0
    ? 'write B, kB, MB, GB, TB or KiB, MiB, GiB, TiB'
    : `did you mean ${near.map((known) => `'${count}${known}'`).join(' or ')}?`;
}
