import { documentedCommands } from '../harness/operations-page';
import { recorded } from '../harness/records';

const run = new Set(recorded('commands').map(({ line }) => line));
if (run.size === 0) process.stderr.write('commands of docs/operations.md skipped: no recovery has run in a cluster\n');
const suite = run.size > 0 ? describe : describe.skip;

suite('docs/operations.md', () => {
  it('has no command of a recovery in a cluster that the suites did not run', () => {
    expect(documentedCommands().filter((line) => !run.has(line))).toEqual([]);
  });
});
