import type { DiffHunk } from '../../lib/contract/results';

const CONTEXT = 3;
/** Past this many changed lines, what is between the first and the last of them counts as replaced: time and memory grow with the square. */
const MOST_EDITS = 1000;

type Mark = ' ' | '-' | '+';

interface MarkedLine {
  readonly mark: Mark;
  readonly text: string;
}

/** What changed from one list of lines to another, as `diff -u` groups it. */
export function lineDiff(from: readonly string[], to: readonly string[]): DiffHunk[] {
  return hunks(markedLines(from, to));
}

function markedLines(from: readonly string[], to: readonly string[]): MarkedLine[] {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let end = 0;
  const shortest = Math.min(from.length, to.length) - start;
  while (end < shortest && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  return [
    ...marked(' ', from.slice(0, start)),
    ...editScript(from.slice(start, from.length - end), to.slice(start, to.length - end)),
    ...marked(' ', from.slice(from.length - end)),
  ];
}

function marked(mark: Mark, lines: readonly string[]): MarkedLine[] {
  return lines.map((text) => ({ mark, text }));
}

/**
 * The shortest way from one to the other: how far each diagonal gets with one edit more, until one gets to the end, then back along them.
 *
 * @see E. Myers, An O(ND) Difference Algorithm and Its Variations (1986)
 */
function editScript(from: readonly string[], to: readonly string[]): MarkedLine[] {
  const history = furthestReaching(from, to);
  if (!history) return [...marked('-', from), ...marked('+', to)];
  const lines: MarkedLine[] = [];
  let [x, y] = [from.length, to.length];
  for (let edits = history.length; edits > 0; edits--) {
    const reached = history[edits - 1] ?? new Map<number, number>();
    const diagonal = previousDiagonal(reached, x - y, edits);
    const before = reached.get(diagonal) ?? 0;
    const isInsertion = diagonal === x - y + 1;
    for (; x > before + (isInsertion ? 0 : 1); x--, y--) lines.push({ mark: ' ', text: from[x - 1] ?? '' });
    lines.push(isInsertion ? { mark: '+', text: to[y - 1] ?? '' } : { mark: '-', text: from[x - 1] ?? '' });
    [x, y] = [before, before - diagonal];
  }
  for (; x > 0; x--) lines.push({ mark: ' ', text: from[x - 1] ?? '' });
  return lines.reverse();
}

/** By number of edits, how far into `from` each diagonal got; undefined when that would take too many. */
function furthestReaching(from: readonly string[], to: readonly string[]): Map<number, number>[] | undefined {
  const history: Map<number, number>[] = [];
  let reached = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= MOST_EDITS; edits++) {
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const before = edits === 0 ? 1 : previousDiagonal(reached, diagonal, edits);
      let x = (reached.get(before) ?? 0) + (before === diagonal - 1 ? 1 : 0);
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length) return history;
    }
    history.push(next);
    reached = next;
  }
  return undefined;
}

/** Where the path to a diagonal came from: the one above by an insertion, the one below by a deletion, whichever got further. */
function previousDiagonal(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  const below = reached.get(diagonal - 1) ?? -1;
  const above = reached.get(diagonal + 1) ?? -1;
  return diagonal === -edits || (diagonal !== edits && below < above) ? diagonal + 1 : diagonal - 1;
}

function hunks(lines: readonly MarkedLine[]): DiffHunk[] {
  const found: DiffHunk[] = [];
  let [fromLine, toLine] = [1, 1];
  let position = 0;
  for (const [start, end] of ranges(lines)) {
    for (; position < start; position++) {
      fromLine++;
      toLine++;
    }
    const shown = lines.slice(start, end);
    found.push({ fromLine, toLine, lines: shown.map(({ mark, text }) => `${mark}${text}`) });
    fromLine += shown.filter(({ mark }) => mark !== '+').length;
    toLine += shown.filter(({ mark }) => mark !== '-').length;
    position = end;
  }
  return found;
}

/** Changes with the lines around them; those that touch are one. */
function ranges(lines: readonly MarkedLine[]): [number, number][] {
  const found: [number, number][] = [];
  lines.forEach(({ mark }, index) => {
    if (mark === ' ') return;
    const [start, end] = [Math.max(0, index - CONTEXT), Math.min(lines.length, index + CONTEXT + 1)];
    const last = found.at(-1);
    if (last && start <= last[1]) last[1] = end;
    else found.push([start, end]);
  });
  return found;
}
