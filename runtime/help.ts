import {
  type CommandDefinition,
  type CommandName,
  COMMANDS,
  COMMON_OPTIONS,
} from '../lib/contract/command-line/commands';
import { EXIT_CODE_MEANINGS, type ExitCode } from '../lib/contract/exit-codes';
import { type OptionDefinition } from '../lib/contract/command-line/option-definition';

const WIDTH = 100;

/** The text of `--help`: of one command, or of the program when that is null. */
export function helpText(topic: CommandName | null): string {
  return topic === null ? programHelp() : commandHelp(COMMANDS[topic]);
}

function programHelp(): string {
  const commands = Object.values(COMMANDS).map(({ name, summary }) => [name, summary] as const);
  return sections('tempo-backup: recovery points of Grafana Tempo', [
    ['Usage', '  tempo-backup COMMAND [OPTIONS]\n  tempo-backup COMMAND --help\n  tempo-backup --version'],
    ['Commands', table(commands)],
    ['Options of every command', table(COMMON_OPTIONS.map(optionRow))],
    ['Exit codes', exitCodes(Object.keys(EXIT_CODE_MEANINGS).map((code) => Number(code) as ExitCode))],
  ]);
}

function commandHelp(command: CommandDefinition): string {
  const { name, summary, positionals, options, example } = command;
  const usage = ['tempo-backup', name, ...positionals.map(({ value }) => value), '[OPTIONS]'].join(' ');
  const rows = [
    ...positionals.map(({ value, description }) => [value, description] as const),
    ...options.map(optionRow),
  ];
  return sections(`tempo-backup ${name}: ${summary}`, [
    ['Usage', `  ${usage}`],
    ['Example', `  ${example}`],
    ['Options', table(rows)],
    ['Options of every command', table(COMMON_OPTIONS.map(optionRow))],
    ['Exit codes', exitCodes(command.exitCodes)],
  ]);
}

function optionRow(option: OptionDefinition): readonly [string, string] {
  const { name, type, choices = [], default: text, description } = option;
  // A long list of choices as the value would push every description off the screen.
  const listed = choices.join('|').length > 30;
  const value = type === 'boolean' ? '' : ` ${option.value ?? (listed ? 'NAME' : choices.join('|'))}`;
  const notes = [
    listed ? `one of ${choices.join(', ')}` : '',
    type === 'strings' ? 'repeatable' : '',
    text === undefined ? '' : `default: ${text}`,
  ].filter((note) => note !== '');
  return [`--${name}${value}`, notes.length > 0 ? `${description} (${notes.join('; ')})` : description];
}

function exitCodes(codes: readonly ExitCode[]): string {
  return table(codes.map((code) => [String(code), EXIT_CODE_MEANINGS[code]] as const));
}

function sections(heading: string, parts: readonly (readonly [string, string])[]): string {
  const texts = parts.filter(([, body]) => body !== '').map(([title, body]) => `${title}:\n${body}`);
  return `${[heading, ...texts].join('\n\n')}\n`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const column = Math.max(0, ...rows.map(([name]) => name.length)) + 4;
  return rows
    .map(([name, text]) => `  ${name.padEnd(column - 2)}${wrap(text, WIDTH - column).join(`\n${' '.repeat(column)}`)}`)
    .join('\n');
}

function wrap(text: string, width: number): string[] {
  return text.split(' ').reduce<string[]>((lines, word) => {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) return [...lines, word];
    return [...lines.slice(0, -1), `${last} ${word}`];
  }, []);
}
