import { readFile, stat } from 'node:fs/promises';
import { parseDuration } from '../../lib/contract/values/duration';
import type { RunnerConfig } from '../../lib/contract/runner-config';
import { UsageError } from '../errors';
import { retentionForAll, type RetentionRules } from '../tempo/configuration/retention';
import { readTempoConfig, type TempoConfig } from '../tempo/configuration/tempo-config';
import type { ConfigText } from '../tempo/configuration/tempo-config-text';
import { literalSecrets } from '../tempo/configuration/tempo-config-secrets';

export interface ConfigFileBytes {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What is known of the Tempo beside its data: its configuration files, and what they say. */
export interface TempoSettings {
  readonly files: readonly ConfigFileBytes[];
  readonly tempo: TempoConfig;
  readonly retention: RetentionRules;
  readonly version: string | undefined;
  /** What of it couldn't be read, so that it counts as not said. */
  readonly doubt: string | undefined;
}

/** Reads the configuration files that the runner's configuration names; `texts` holds what else Tempo is configured by. */
export async function readTempoSettings(
  config: RunnerConfig,
  texts: readonly ConfigText[] = [],
): Promise<TempoSettings> {
  const files = await Promise.all(config.tempo.configFiles.map(readConfigFile));
  const own = files.map(({ name, bytes }) => ({ name, text: bytes.toString('utf8') }));
  const { tempo, doubt } = readTexts(own, texts);
  const { retention } = config.tempo;
  return {
    files,
    tempo,
    doubt,
    retention:
      retention === undefined
        ? { ...tempo.retention, isCertain: tempo.retention.isCertain && doubt === undefined }
        : retentionForAll(parseDuration(retention), "'tempo.retention' of the configuration"),
    version: config.tempo.version ?? tempo.version,
  };
}

/** A broken configuration in the cluster is what a recovery point is needed for, and never a reason to make none. */
function readTexts(
  own: readonly ConfigText[],
  texts: readonly ConfigText[],
): { readonly tempo: TempoConfig; readonly doubt: string | undefined } {
  try {
    return { tempo: readTempoConfig([...own, ...texts]), doubt: undefined };
  } catch (error) {
    if (!(error instanceof UsageError) || texts.length === 0) throw error;
    return { tempo: readTempoConfig(own), doubt: error.message };
  }
}

/** Refuses to store a secret in clear: what is in a repository may be read by more people than Tempo's configuration. */
export function refuseLiteralSecrets(files: readonly ConfigFileBytes[]): void {
  for (const { name, bytes } of files) {
    const [secret] = literalSecrets(bytes.toString('utf8'));
    if (secret === undefined) continue;
    throw new UsageError(
      `back up '${name}': '${secret}' is a secret in clear, which is never stored; write \${VARIABLE} there and start Tempo with -config.expand-env=true, or take the file out of 'tempo.configFiles'`,
      { file: name, key: secret },
    );
  }
}

async function readConfigFile(name: string): Promise<ConfigFileBytes> {
  try {
    // To read a pipe would wait for a writer for ever.
    if (!(await stat(name)).isFile()) throw Object.assign(new Error('no file'), { code: 'it is no file' });
    return { name, bytes: await readFile(name) };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new UsageError(
      `read '${name}': ${code}; correct 'tempo.configFiles' or make the file readable`,
      { file: name },
      { cause },
    );
  }
}
