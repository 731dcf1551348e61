import { EXIT_CODE_MEANINGS, ExitCode } from '../../../lib/contract/exit-codes';

describe('exit codes', () => {
  it('never change their meaning: alerts and pod failure policies refer to them', () => {
    expect(ExitCode).toEqual({
      DONE: 0,
      FAILED: 1,
      CONFIGURATION: 2,
      REPOSITORY_MISSING: 10,
      LOCKED: 11,
      INTEGRITY: 12,
      OBJECTIVE_MISSED: 13,
      SOURCE_REGRESSED: 14,
      REFUSED: 15,
      THAWING: 16,
      INTERRUPTED: 143,
    });
  });

  it('each have a line for people', () => {
    expect(Object.keys(EXIT_CODE_MEANINGS).map(Number)).toEqual(Object.values(ExitCode));
  });
});
