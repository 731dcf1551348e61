import { isMap, parseConfigText } from './tempo-config-text';

const SECRET_KEY =
  /(^|[_-])(secret|secret_key|password|passwd|passphrase|token|api[_-]?key|account_key|private_key|encryption_key|credentials?|authorization)$/i;
// An inline key may carry any name, and a URL may carry its password.
const SECRET_VALUE = /-----BEGIN [A-Z ]*PRIVATE KEY-----|^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i;

/**
 * Paths of the secrets that stand in a configuration in clear, such as `storage.trace.s3.secret_key`; a `${VARIABLE}` is none.
 * An access key ID is no secret either: it is a name.
 */
export function literalSecrets(text: string): string[] {
  const found: string[] = [];
  collect(parseConfigText({ name: 'configuration', text }), '', found);
  return found;
}

function collect(value: unknown, path: string, found: string[]): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => collect(item, `${path}[${index}]`, found));
  } else if (isMap(value)) {
    for (const [key, item] of Object.entries(value)) collect(item, path === '' ? key : `${path}.${key}`, found);
  } else if (isSecret(path.slice(path.lastIndexOf('.') + 1), value)) {
    found.push(path);
  }
}

function isSecret(key: string, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value).trim();
  return text !== '' && (SECRET_KEY.test(key.replace(/\[\d+\]$/, '')) || SECRET_VALUE.test(text));
}
