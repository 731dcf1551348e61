import { parseArgs } from 'node:util';
import {
  COMMAND_NAMES,
  type CommandCall,
  type CommandName,
  COMMANDS,
  optionsOf,
  type ParsedCommand,
} from '../lib/contract/command-line/commands';
import { didYouMean } from '../lib/contract/values/nearest-name';
import { camelCase, type OptionDefinition } from '../lib/contract/command-line/option-definition';
import { type OptionValue, parseOptionValue } from '../lib/contract/command-line/option-value';
import { UsageError } from './errors';

interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** What the arguments behind the program's name ask for. Throws `UsageError`: one line that says what, where and what would be right. */
export function parseCommand(argv: readonly string[]): ParsedCommand {
  const [first, ...rest] = argv;
  if (first === '--version') return { command: 'version' };
  if (first === '--help' || first === '-h' || first === 'help') return { command: 'help', topic: topicOf(rest) };
  if (first === undefined)
    throw new UsageError(
      `parse arguments: no command given; known: ${COMMAND_NAMES.join(', ')}; see 'tempo-backup --help'`,
    );
  if (first.startsWith('-'))
    throw new UsageError(
      `parse arguments: '${first}' stands before the command; write 'tempo-backup COMMAND ${first} …'`,
    );
  return parseCall(commandOf(first), rest);
}

function topicOf(rest: readonly string[]): CommandName | null {
  const [topic] = rest.filter((argument) => !argument.startsWith('-'));
  return topic === undefined ? null : commandOf(topic);
}

function commandOf(text: string): CommandName {
  const command = COMMAND_NAMES.find((name) => name === text);
  if (command === undefined)
    throw new UsageError(`parse arguments: '${text}' is no command; ${didYouMean(text, COMMAND_NAMES)}`);
  return command;
}

function parseCall(command: CommandName, args: readonly string[]): ParsedCommand {
  const definitions = optionsOf(command);
  const { given, positionals } = tokenize(definitions, args);
  if (given.some(({ name }) => name === 'help')) return { command: 'help', topic: command };
  const options: Record<string, unknown> = defaultsOf(definitions);
  for (const option of given) {
    const definition = definitionOf(command, definitions, option.name);
    const repeated = given.filter(({ name }) => name === option.name).length > 1;
    if (repeated && definition.type === 'string')
      throw new UsageError(`${command}: '--${option.name}' is given more than once; give it once`);
    const value = valueOf(command, definition, option.value);
    const key = camelCase(option.name);
    options[key] = definition.type === 'strings' ? [...(options[key] as unknown[]), value] : value;
  }
  // The definitions that drive this loop are those that the types are made from.
  return { command, options: { ...options, ...positionalsOf(command, positionals) } } as unknown as CommandCall;
}

function tokenize(
  definitions: readonly OptionDefinition[],
  args: readonly string[],
): { given: GivenOption[]; positionals: string[] } {
  const types = definitions.map(
    ({ name, type }) => [name, { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) }] as const,
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
    // Its own messages name neither the command nor what would be right, so every check is made here.
    strict: false,
    tokens: true,
  });
  const given = tokens.flatMap((token) => {
    if (token.kind !== 'option') return [];
    // '--scope --dry-run' lacks a value; a value that really begins with a dash is written '--pin=-x'.
    const swallowed = !token.inlineValue && /^-./.test(token.value ?? '');
    return [{ name: token.name, value: swallowed ? undefined : token.value }];
  });
  return { given, positionals: tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])) };
}

function defaultsOf(definitions: readonly OptionDefinition[]): Record<string, unknown> {
  const certain = definitions.filter(({ type, default: text }) => type !== 'string' || text !== undefined);
  return Object.fromEntries(certain.map((definition) => [camelCase(definition.name), defaultOf(definition)]));
}

function defaultOf(definition: OptionDefinition): OptionValue | boolean | readonly OptionValue[] {
  if (definition.type === 'boolean') return false;
  return definition.type === 'strings' ? [] : parseOptionValue(definition, definition.default ?? '');
}

function definitionOf(command: CommandName, definitions: readonly OptionDefinition[], name: string): OptionDefinition {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition !== undefined) return definition;
  const names = definitions.map((candidate) => `--${candidate.name}`);
  const dashes = name.length === 1 ? '-' : '--';
  throw new UsageError(`${command}: '${dashes}${name}' is no option; ${didYouMean(`${dashes}${name}`, names)}`);
}

function valueOf(command: CommandName, definition: OptionDefinition, text: string | undefined): OptionValue | boolean {
  const { name, type } = definition;
  if (type === 'boolean') {
    if (text !== undefined)
      throw new UsageError(`${command}: '--${name}' takes no value, got '${text}'; write '--${name}' or leave it out`);
    return true;
  }
  if (text === undefined)
    throw new UsageError(`${command}: '--${name}' needs a value; write '--${name} ${placeholder(definition)}'`);
  return checked(`${command}: '--${name}'`, definition, text);
}

function placeholder({ value, choices }: OptionDefinition): string {
  return value ?? choices?.join('|') ?? 'VALUE';
}

function checked(where: string, definition: Parameters<typeof parseOptionValue>[0], text: string): OptionValue {
  try {
    return parseOptionValue(definition, text);
  } catch (cause) {
    throw new UsageError(`${where}: ${(cause as Error).message}`, undefined, { cause });
  }
}

function positionalsOf(command: CommandName, texts: readonly string[]): Record<string, OptionValue> {
  const definitions = COMMANDS[command].positionals;
  const extra = texts[definitions.length];
  if (extra !== undefined)
    throw new UsageError(`${command}: '${extra}' is one argument too many; see 'tempo-backup ${command} --help'`);
  const values = definitions.map((definition, index) => {
    const text = texts[index];
    if (text === undefined)
      throw new UsageError(`${command}: ${definition.value} is missing; write '${COMMANDS[command].example}'`);
    return [definition.name, checked(`${command} ${definition.value}`, definition, text)] as const;
  });
  return Object.fromEntries(values);
}
