import { readSource, SOURCE_FOLDERS, sourceFiles, filesBelow } from './source-files';

// Single files and functions are held by lint; these are the limits on the whole.
const MEDIAN_LINES = 110;
const NINETIETH_PERCENTILE_LINES = 250;
const FILES_PER_FOLDER = 20;

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

  it('leave no folder so full that it hides its structure', () => {
    const counts = new Map<string, number>();
    for (const path of SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, '.ts'))) {
      const folder = path.slice(0, path.lastIndexOf('/'));
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > FILES_PER_FOLDER)).toEqual([]);
  });
});

describe('the names of source files', () => {
  it('are kebab-case and say what the file does', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc)\.ts$/;
    expect(sourceFiles().filter((path) => vague.test(path) || !/^[a-z0-9/.-]+$/.test(path))).toEqual([]);
  });
});
