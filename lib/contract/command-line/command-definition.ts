import { type ExitCode } from '../exit-codes';
import { type OptionDefinition, type PositionalDefinition } from './option-definition';

/** A command of the runner, as data. */
export interface CommandDefinition {
  /** As it is typed. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Arguments without a name, in order; all are required. */
  readonly positionals: readonly PositionalDefinition[];
  /** Options of its own, before the common ones. */
  readonly options: readonly OptionDefinition[];
  /** A useful call. */
  readonly example: string;
  /** How it can end. */
  readonly exitCodes: readonly ExitCode[];
}

/** The arguments without a name of a command, as the parser returns them. */
export type PositionalsOf<Definition extends CommandDefinition> = {
  readonly [P in Definition['positionals'][number] as P['name']]: P extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string;
};
