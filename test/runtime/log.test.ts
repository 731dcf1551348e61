import { createLog, type LogFormat } from '../../runtime/log';

function linesOf(format: LogFormat): string[] {
  const lines: string[] = [];
  const log = createLog({ format, level: 'info', write: (line) => lines.push(line), now: () => new Date(0) });
  log.debug('too much');
  log.info('stored', { blocks: 2, tenant: undefined });
  log.warn('slow');
  return lines;
}

it('writes a JSON document a line for machines', () => {
  expect(linesOf('json').map((line) => JSON.parse(line) as unknown)).toEqual([
    { time: '1970-01-01T00:00:00.000Z', level: 'info', message: 'stored', blocks: 2 },
    { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'slow' },
  ]);
});

it('writes plain lines for people', () => {
  expect(linesOf('text')).toEqual(['stored blocks=2\n', 'warn: slow\n']);
});
