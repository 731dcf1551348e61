import { type CommandName, COMMANDS, optionsOf, type OptionsOf } from './commands';
import { camelCase } from './option-definition';
import { formatOptionValue, type OptionValue } from './option-value';

type Value = OptionValue | boolean | readonly OptionValue[] | undefined;

/**
 * The arguments of the program for a command: the inverse of the runner's parser. Options left out are left out.
 *
 * @example toArguments('verify', { level: 'full' }) // ['verify', '--level=full']
 */
export function toArguments<C extends CommandName>(command: C, options: Partial<OptionsOf<C>> = {}): string[] {
  const values = options as Readonly<Record<string, Value>>;
  const flags = optionsOf(command).flatMap(({ name }) => flagsOf(name, values[camelCase(name)]));
  const positionals = COMMANDS[command].positionals.flatMap(({ name }) => textsOf(values[name]));
  return [command, ...flags, ...positionals];
}

// One argument for each option, name and value together: a value that begins with a dash stays a value.
function flagsOf(name: string, value: Value): string[] {
  if (typeof value === 'boolean') return value ? [`--${name}`] : [];
  return textsOf(value).map((text) => `--${name}=${text}`);
}

function textsOf(value: Exclude<Value, boolean> | boolean): string[] {
  if (value === undefined || typeof value === 'boolean') return [];
  return (Array.isArray(value) ? (value as OptionValue[]) : [value as OptionValue]).map(formatOptionValue);
}
