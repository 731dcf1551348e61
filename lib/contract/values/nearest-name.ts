/** The candidate that `name` was probably meant to be, undefined when none is close. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = letters(name);
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const scored = candidates.map((candidate) => ({ candidate, distance: distance(wanted, letters(candidate)) }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= limit ? best.candidate : undefined;
}

/** The end of a message about an unknown name: the likely one, else all that exist. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearestName(name, candidates);
  return near === undefined ? `known: ${candidates.join(', ')}` : `did you mean '${near}'?`;
}

function letters(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '');
}

// Levenshtein's distance with a swap of two neighbours as one edit, the commonest slip of a typist.
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped =
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] ? at(beforeLast, column - 2) + 1 : Infinity;
      current.push(Math.min(replaced, swapped, at(last, column) + 1, at(current, column - 1) + 1));
    }
    [beforeLast, last] = [last, current];
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
