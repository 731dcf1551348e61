import type { DiffHunk } from '../../../lib/contract/results';
import { lineDiff } from '../../../runtime/text/line-diff';
import { Random } from '../../helpers/random';

/** What `patch` makes of the lines; throws where the diff doesn't fit them. */
function patched(from: readonly string[], hunks: readonly DiffHunk[]): string[] {
  const result: string[] = [];
  let position = 0;
  for (const { fromLine, toLine, lines } of hunks) {
    while (position < fromLine - 1) result.push(from[position++] ?? '');
    expect(result).toHaveLength(toLine - 1);
    for (const line of lines) {
      if (line.startsWith('+')) {
        result.push(line.slice(1));
        continue;
      }
      expect(from[position]).toBe(line.slice(1));
      if (line.startsWith(' ')) result.push(line.slice(1));
      position++;
    }
  }
  return [...result, ...from.slice(position)];
}

function commonLines(from: readonly string[], to: readonly string[]): number {
  let row = new Array<number>(to.length + 1).fill(0);
  for (const line of from) {
    const next = [0];
    to.forEach((other, index) =>
      next.push(line === other ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0)),
    );
    row = next;
  }
  return row.at(-1) ?? 0;
}

const edits = (hunks: readonly DiffHunk[]): number =>
  hunks.flatMap(({ lines }) => lines).filter((line) => !line.startsWith(' ')).length;

describe('the difference of lines', () => {
  it('turns one into the other with as few edits as there can be', () => {
    const random = new Random(3);
    const some = (): string[] => Array.from({ length: random.below(12) }, () => random.pick(['a', 'b', 'c', 'd']));
    for (let i = 0; i < 500; i++) {
      const [from, to] = [some(), some()];
      const hunks = lineDiff(from, to);
      expect(patched(from, hunks)).toEqual(to);
      expect(edits(hunks)).toBe(from.length + to.length - 2 * commonLines(from, to));
    }
  });

  it('is empty for the same', () => {
    expect(lineDiff(['a', 'b'], ['a', 'b'])).toEqual([]);
  });

  it('shows three lines around a change, and apart what is further apart', () => {
    const from = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
    const to = from.map((line) => (line === 'line 5' || line === 'line 16' ? `${line}!` : line));
    expect(lineDiff(from, to)).toEqual([
      {
        ...{ fromLine: 2, toLine: 2 },
        lines: [' line 2', ' line 3', ' line 4', '-line 5', '+line 5!', ' line 6', ' line 7', ' line 8'],
      },
      { fromLine: 13, toLine: 13, lines: expect.arrayContaining(['-line 16', '+line 16!']) },
    ]);
  });

  it('gives up the shortest way, not the right one, when nearly everything changed', () => {
    const [from, to] = ['a', 'b'].map((letter) => Array.from({ length: 3000 }, (_, index) => `${letter}${index}`));
    const hunks = lineDiff(['same', ...(from ?? []), 'end'], ['same', ...(to ?? []), 'end']);
    expect(patched(['same', ...(from ?? []), 'end'], hunks)).toEqual(['same', ...(to ?? []), 'end']);
  });
});
