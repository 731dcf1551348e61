// What tempo-backup is held to. Ratios to other programs in the same run say more than seconds of this machine.
import { mebibytes } from './table.mjs';

export const OURS = 'tempo-backup';
const PEAK_LIMIT = 200 * 1024 * 1024;

/** A target as a sentence, and whether it is met: `value` against `limit`, in what `show` makes of them. */
export function judge(text, value, limit, show = (number) => number.toFixed(2)) {
  return {
    text,
    value,
    limit,
    met: value <= limit,
    line: `${value <= limit ? 'met   ' : 'MISSED'}  ${text}: ${show(value)} (≤ ${show(limit)})`,
  };
}

const secondsOf = (rows, name) => rows.find((row) => row.name === name)?.seconds;

/** `times` × the fastest of `names`; nothing to judge when none of them ran. */
export function against(rows, names, times) {
  const rivals = rows.filter((row) => names.includes(row.name)).sort((a, b) => a.seconds - b.seconds);
  if (rivals.length === 0) return [];
  return [judge(`time as a share of ${rivals[0].name}`, secondsOf(rows, OURS) / rivals[0].seconds, times)];
}

export function peakTarget(rows) {
  const peak = rows.find((row) => row.name === OURS).peakBytes;
  return peak === undefined ? [] : [judge('peak memory', peak, PEAK_LIMIT, mebibytes)];
}
