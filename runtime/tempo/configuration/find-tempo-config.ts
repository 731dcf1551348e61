import { UsageError } from '../../errors';
import { literalSecrets } from './tempo-config-secrets';
import { type ConfigText, parseConfigText } from './tempo-config-text';
import { holdsSecret } from './secret-text';

// Enough of Tempo's top level to tell its configuration from what else charts put beside it, such as that of tempo-query.
const TEMPO_KEYS = [
  ...['storage', 'overrides', 'distributor', 'ingester', 'compactor', 'querier', 'query_frontend', 'metrics_generator'],
  ...['live_store', 'backend_worker', 'backend_scheduler', 'block_builder', 'multitenancy_enabled'],
];

const USUAL_NAMES = /^(tempo|config|overrides)\.ya?ml$/;

/** Whether a text is Tempo's configuration, or its file of per-tenant overrides. */
export function isTempoConfig(file: ConfigText): boolean {
  if (!/\.ya?ml$/.test(file.name)) return false;
  const map = parsed(file);
  // A broken one is known by its name, and whoever reads it says what is wrong.
  return map === undefined ? USUAL_NAMES.test(file.name) : TEMPO_KEYS.some((key) => key in map);
}

/** Where secrets stand in clear in a text that may be a configuration or anything else. */
export function secretsInText(file: ConfigText): string[] {
  if (parsed(file) !== undefined) return literalSecrets(file.text);
  const lines = file.text.split('\n');
  const found = lines.flatMap((line, index) => (holdsSecret(`\n${line}`) ? [`line ${index + 1}`] : []));
  return found.length === 0 && holdsSecret(file.text) ? ['its text'] : found;
}

function parsed(file: ConfigText): ReturnType<typeof parseConfigText> | undefined {
  try {
    return parseConfigText(file);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
