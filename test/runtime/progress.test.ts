import { progressLine, terminalProgress } from '../../runtime/progress';

const inMib = (bytes: number) => `${bytes / 1024 / 1024} MiB`;

it('draws how far the work is', () => {
  expect(progressLine({ phase: 'copying', done: 6, total: 12, bytes: 3 * 1024 * 1024 }, inMib)).toBe(
    `copying [${'█'.repeat(12)}${'░'.repeat(12)}] 6/12 · 3 MiB`,
  );
  expect(progressLine({ phase: 'scanning', done: 7 }, inMib)).toBe('scanning 7');
});

it('leaves an empty line behind, and nothing when it never drew', () => {
  const drawn: string[] = [];
  const progress = terminalProgress({ columns: 40, write: (text) => drawn.push(text) }, inMib);
  progress.end();
  expect(drawn).toEqual([]);
  progress.report({ phase: 'copying', done: 1, total: 2 });
  progress.report({ phase: 'copying', done: 2, total: 2 });
  progress.end();
  expect(drawn).toHaveLength(2);
  expect(drawn[0]?.length).toBeLessThan(50);
  expect(drawn[1]).toBe('\r\x1b[2K');
});
