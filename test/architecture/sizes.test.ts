import { readSource, sourceFiles } from './source-files';

// Single files and functions are held by lint; these are the limits on the whole.
const MEDIAN_LINES = 110;
const NINETIETH_PERCENTILE_LINES = 250;

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.ceil(sorted.length * share) - 1] ?? 0;

describe('the sizes of source files', () => {
  const lines = sourceFiles()
    .map((path) => readSource(path).split('\n').length - 1)
    .sort((a, b) => a - b);

  it('stay small in the median', () => {
    expect(percentile(lines, 0.5)).toBeLessThanOrEqual(MEDIAN_LINES);
  });

  it('stay below 250 lines for nine files of ten', () => {
    expect(percentile(lines, 0.9)).toBeLessThanOrEqual(NINETIETH_PERCENTILE_LINES);
  });
});

describe('the names of source files', () => {
  it('are kebab-case and say what the file does', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc)\.ts$/;
    expect(sourceFiles().filter((path) => vague.test(path) || !/^[a-z0-9/.-]+$/.test(path))).toEqual([]);
  });
});
