import { parseDuration } from '../values/duration';
import { isPointId, parseInstant } from '../values/instant';
import { didYouMean } from '../values/nearest-name';
import { type OptionFormat } from './option-definition';
import { isBlockId, isTenant } from '../repository-layout';
import { parseSize } from '../values/size';

/** A value as the program uses it. */
export type OptionValue = string | number | Date;

/** The value that a text stands for. Throws an error whose message ends a sentence: what is wrong and what would be right. */
export function parseOptionValue(
  option: { choices?: readonly string[]; format?: OptionFormat },
  text: string,
): OptionValue {
  if (option.choices !== undefined && !option.choices.includes(text)) {
    throw new Error(`'${text}' is no choice; ${chooseFrom(text, option.choices)}`);
  }
  if (text === '') throw new Error('the value is empty');
  return option.format === undefined ? text : PARSERS[option.format](text);
}

/** The text that `parseOptionValue` turns into this value. */
export function formatOptionValue(value: OptionValue): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

function chooseFrom(text: string, choices: readonly string[]): string {
  const suggestion = didYouMean(text, choices);
  return suggestion.startsWith('did') ? `${suggestion} (${choices.join(', ')})` : `write one of ${choices.join(', ')}`;
}

const PARSERS: Readonly<Record<OptionFormat, (text: string) => OptionValue>> = {
  size: parseSize,
  instant: parseInstant,
  point: (text) => point(text, ['latest']),
  points: (text) => point(text, ['latest', 'all']),
  'point-or-time': pointOrTime,
  tenant: (text) =>
    must(
      isTenant(text),
      text,
      `'${text}' is no tenant ID that Tempo accepts; write letters, digits and any of !-_.*'()`,
    ),
  block: (text) =>
    must(isBlockId(text), text, `'${text}' is no block ID; write a UUID in lower case, as 'show' prints it`),
  'trace-id': traceId,
  duration: (text) => must(parseDuration(text) > 0, text, `'${text}' is no time; write one such as 30m`),
  version: (text) =>
    must(/^\d+\.\d+(\.\d+)?$/.test(text), text, `'${text}' is no version; write one such as 2.9 or 3.0`),
};

function point(text: string, words: readonly string[]): string {
  const allowed = words.includes(text) || isPointId(text);
  return must(
    allowed,
    text,
    `'${text}' is no recovery point; write ${words.map((word) => `'${word}'`).join(', ')} or an ID that 'list' prints`,
  );
}

function pointOrTime(text: string): string {
  if (text === 'latest' || text === 'latest-verified') return text;
  try {
    parseInstant(text);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}, or 'latest'`, { cause });
  }
  return text;
}

function traceId(text: string): string {
  return must(/^[0-9a-f]{1,32}$/i.test(text), text, `'${text}' is no trace ID; write up to 32 hexadecimal digits`)
    .toLowerCase()
    .padStart(32, '0');
}

function must(holds: boolean, text: string, message: string): string {
  if (!holds) throw new Error(message);
  return text;
}
