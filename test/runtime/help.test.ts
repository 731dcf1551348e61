import { COMMAND_NAMES, COMMANDS, optionsOf } from '../../lib/contract/command-line/commands';
import { EXIT_CODE_MEANINGS } from '../../lib/contract/exit-codes';
import { parseCommand } from '../../runtime/command-line';
import { helpText } from '../../runtime/help';

describe('the help of the program', () => {
  const help = helpText(null);

  it('names every command with its summary, and every exit code', () => {
    for (const { name, summary } of Object.values(COMMANDS))
      expect(help).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    for (const [code, meaning] of Object.entries(EXIT_CODE_MEANINGS))
      expect(help).toMatch(new RegExp(`^  ${code} +${meaning}$`, 'm'));
  });
});

describe.each(COMMAND_NAMES)('the help of %s', (command) => {
  const help = helpText(command);
  const definition = COMMANDS[command];

  it('shows an example that the parser accepts', () => {
    expect(help).toContain(`Example:\n  ${definition.example}\n`);
    expect(parseCommand(definition.example.split(' ').slice(1))).toMatchObject({ command });
  });

  it('lists its options, with choices and defaults', () => {
    const words = help.replaceAll(/\s+/g, ' ');
    for (const { name, choices, default: value } of optionsOf(command)) {
      expect(help).toMatch(new RegExp(`^  --${name}( |$)`, 'm'));
      if (value !== undefined) expect(words).toContain(`default: ${value})`);
      if (choices !== undefined)
        expect(words.includes(choices.join('|')) || words.includes(choices.join(', '))).toBe(true);
    }
  });

  it('lists exactly its exit codes', () => {
    const listed = help.slice(help.indexOf('Exit codes:')).matchAll(/^ {2}(\d+) /gm);
    expect([...listed].map(([, code]) => Number(code))).toEqual(definition.exitCodes);
  });

  it('fits on 100 columns', () => {
    expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });
});
