import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { ConfigError } from '../lib/contract/values/config-error';
import { CONFIG_LOOKUP, parseRunnerConfig, type RunnerConfig } from '../lib/contract/runner-config';
import { UsageError } from './errors';

/** What the file doesn't say when the flag does. */
const FLAG_PROBLEM = /^'repository\.url' (.*)$/s;

export interface Configuration {
  readonly file: string;
  readonly config: RunnerConfig;
}

/**
 * Reads the configuration from `file`, or from the first of the usual places where there is one.
 * `repository` is used in place of the URL in it.
 */
export async function loadConfiguration(file: string | undefined, repository?: string): Promise<Configuration> {
  const found = file === undefined ? await firstFile() : { file, text: await readConfiguration(file) };
  return { file: found.file, config: parse(found.file, found.text, repository) };
}

async function firstFile(): Promise<{ file: string; text: string }> {
  for (const file of CONFIG_LOOKUP) {
    const text = await readIfThere(file);
    if (text !== undefined) return { file, text };
  }
  throw new UsageError(
    `find configuration: neither ${CONFIG_LOOKUP.join(' nor ')} is there; write one or name it with '--config FILE'`,
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  }
}

async function readConfiguration(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): UsageError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new UsageError(
    `read configuration '${file}': ${code}; name a readable YAML file with '--config FILE'`,
    { file },
    { cause },
  );
}

function parse(file: string, text: string, repository: string | undefined): RunnerConfig {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) {
    throw new UsageError(
      `read configuration '${file}': ${problem.message.split('\n')[0] ?? 'not YAML'}`,
      { file },
      { cause: problem },
    );
  }
  try {
    return parseRunnerConfig(document.toJS() as unknown, { repository });
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const given = repository === undefined ? undefined : FLAG_PROBLEM.exec(cause.problems[0] ?? '')?.[1];
    if (given !== undefined) throw new UsageError(`read '--repository': it ${given}`, {}, { cause });
    throw new UsageError(`read configuration '${file}': ${cause.message}`, { file }, { cause });
  }
}
