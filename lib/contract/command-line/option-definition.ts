/** What the text of an option must be; without one, any text that isn't empty. */
export type OptionFormat =
  /** `10GiB`: arrives as a number of bytes. */
  | 'size'
  /** ISO 8601 or a recovery point's ID: arrives as a Date. */
  | 'instant'
  /** `latest` or a recovery point's ID. */
  | 'point'
  /** `latest`, `all` or a recovery point's ID. */
  | 'points'
  /** `latest`, `latest-verified`, a recovery point's ID or a time: the newest point not after it. */
  | 'point-or-time'
  | 'tenant'
  | 'block'
  /** Up to 32 hexadecimal digits: arrives with all 32, in lower case. */
  | 'trace-id'
  | 'version'
  /** `7d` or `PT1H`; arrives as the text. */
  | 'duration';

/** An option of a command, as data: the parser, `--help`, `toArguments` and the types are made from it. */
export interface OptionDefinition {
  /** Long name without dashes, such as `recovery-point`; the program calls it `recoveryPoint`. */
  readonly name: string;
  /** `strings` may be given several times. */
  readonly type: 'string' | 'boolean' | 'strings';
  /**
   * What `--help` shows for the value.
   *
   * @default - the choices
   */
  readonly value?: string;
  /**
   * The only values there are.
   *
   * @default - any that has the format
   */
  readonly choices?: readonly string[];
  /**
   * What the text must be.
   *
   * @default - any text that isn't empty
   */
  readonly format?: OptionFormat;
  /**
   * Text that counts when the option isn't given.
   *
   * @default - the option is absent then
   */
  readonly default?: string;
  /** For `--help`: what it does, without a full stop. */
  readonly description: string;
}

/** An argument without a name. */
export interface PositionalDefinition {
  /** What the program calls it. */
  readonly name: string;
  /** What `--help` shows for it. */
  readonly value: string;
  /**
   * The only values there are.
   *
   * @default - any that has the format
   */
  readonly choices?: readonly string[];
  /**
   * What the text must be.
   *
   * @default - any text that isn't empty
   */
  readonly format?: OptionFormat;
  /** For `--help`: what it is, without a full stop. */
  readonly description: string;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type TextOf<O> = O extends { choices: readonly (infer Choice)[] }
  ? Choice
  : O extends { format: 'size' }
    ? number
    : O extends { format: 'instant' }
      ? Date
      : string;

type ValueOf<O> = O extends { type: 'boolean' }
  ? boolean
  : O extends { type: 'strings' }
    ? readonly TextOf<O>[]
    : TextOf<O>;

/** Options that always have a value, given or not. */
type Certain<O> = O extends { type: 'boolean' | 'strings' } | { default: string } ? O : never;

type Named<O> = O extends { name: infer Name extends string } ? CamelCase<Name> : never;

type Simplify<T> = { [K in keyof T]: T[K] };

/** What the parser returns for a list of option definitions: camelCase names, values of their own types. */
export type ValuesOf<Options extends readonly OptionDefinition[]> = Simplify<
  { readonly [O in Certain<Options[number]> as Named<O>]: ValueOf<O> } & {
    readonly [O in Exclude<Options[number], Certain<Options[number]>> as Named<O>]?: ValueOf<O>;
  }
>;

/** `recovery-point` as the program calls it: `recoveryPoint`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
