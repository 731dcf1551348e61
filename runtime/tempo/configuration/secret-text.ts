// Suffixes only: `token_ttl`, `password_file` and `secret_name` name something about a secret.
const SECRET_KEY =
  /(^|_)(secrets?|(secret|shared|account|private|encryption|signing|master|hmac)(_access)?_key|passwords?|passwd|pwd|passphrases?|tokens?|bearer|api_?keys?|credentials?|authorization|connection_string)$/;
/** What signs or opens a URL, beside the keys that are secret everywhere. */
const SECRET_PARAMETER = /(^|_)(sig|signature|key|auth|code)$/;

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/;
// The password may hold anything but a space: people paste it without encoding its '/' or ':'.
const URL_PASSWORD = /[a-z][a-z0-9+.-]*:\/\/[^/\s:@?#]*:[^\s@"<>]+@/i;
const AUTHORIZATION = /\b(Bearer|Basic)\s+(?=\S*\d)[A-Za-z0-9+/=._~-]{12,}/;
const PARAMETER = /([?&]?)([A-Za-z][\w.-]*)=(?=[^\s&;,"'])/g;
// In a line of text: a key at its start, or in `{a: b, c: d}`.
const COMMENTED_KEY = /(?:^[\s#]*(?:-\s+)?|[{,]\s*)["']?([A-Za-z][\w.-]*)["']?\s*:\s+(?=(\S.*))/g;
const NO_VALUE = /^(""|''|~|null|true|false|\[\s*\]|\{\s*\}|<[^>]*>|[|>&!#].*|[.*]+)\s*([,}#].*)?$/i;

/** Whether a value under such a key is a secret, however the key is spelt: `client_secret`, `clientSecret`, `client-secret`. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(snakeCase(key));
}

export function snakeCase(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-.]/g, '_')
    .toLowerCase();
}

/** Whether there is a secret in the text, whatever key it stands under: a private key, the password of a URL, `?token=…`. */
export function holdsSecret(text: string): boolean {
  if (PRIVATE_KEY.test(text) || URL_PASSWORD.test(text) || AUTHORIZATION.test(text)) return true;
  if (hasSecretParameter(text)) return true;
  return text.includes('\n') && text.split('\n').some(holdsSecretKey);
}

/** Whether the line gives a value to a secret key, as a line of YAML that was commented out does. */
export function holdsSecretKey(line: string): boolean {
  for (const [, key = '', value = ''] of line.matchAll(COMMENTED_KEY)) {
    if (isSecretKey(key) && !NO_VALUE.test(value.trim()) && !isProse(key, value)) return true;
  }
  return hasSecretParameter(line);
}

function hasSecretParameter(text: string): boolean {
  for (const [, mark, name = ''] of text.matchAll(PARAMETER)) {
    if (isSecretKey(name) || (mark !== '' && SECRET_PARAMETER.test(snakeCase(name)))) return true;
  }
  return false;
}

/** Whether the line is a sentence after a title, `Tokens: see the handbook`, and no setting. */
export function isProseLine(line: string): boolean {
  const [, key = '', value = ''] = /^\s*(\w+):\s+(\S.*)$/.exec(line) ?? [];
  return isProse(key, value);
}

function isProse(key: string, value: string): boolean {
  return /^[A-Z][a-z]+$/.test(key) && /\s\S+\s/.test(value) && !/^["'[{]/.test(value);
}
