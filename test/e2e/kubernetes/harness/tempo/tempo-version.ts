/** Which Tempo the tests run against, as E2E_TEMPO_VERSION says: the double is a 2.9. */
export const TEMPO_VERSION: '2.9' | '3.0' = process.env.E2E_TEMPO_VERSION?.startsWith('3.') === true ? '3.0' : '2.9';

/** A test that needs traces which stay in the WAL until Tempo is told to flush; 3.0 flushes by itself after some seconds. */
export function itWithFlush(title: string, body: () => Promise<void>): void {
  if (TEMPO_VERSION === '2.9') return it(title, body);
  const line = `${title} skipped: Tempo ${TEMPO_VERSION} flushes by itself, so no trace stays in its WAL for long`;
  process.stderr.write(`${line}\n`);
  const skippedWithoutFlush = it.skip;
  skippedWithoutFlush(line, body);
}
