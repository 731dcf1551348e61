import { Lexer, parseDocument } from 'yaml';
import { holdsSecret, holdsSecretKey, isProseLine, isSecretKey, snakeCase } from './secret-text';
import { isMap, parseConfigText } from './tempo-config-text';

// What stands beside a secret, under a key such as `authorization` or `credentials`.
const HARMLESS_KEY =
  /(^|_)(names?|namespace|files?|paths?|type|id|user|username|enabled|ttl|timeout|interval|duration|period)$/;
const HEADERS_KEY = /^((http|extra|request|custom|static|additional|default|remote_write)_)?headers$/;
const HARMLESS_HEADER =
  /^(x-scope-orgid|user-agent|host|accept(-[a-z]+)?|content-(type|encoding|language)|cache-control|x-prometheus-remote-write-version)$/i;
// `${K:?text}`: to Tempo, which knows only `${K:default}`, the text is the default.
const STRANGE_DEFAULT = /\$\{[A-Za-z_][A-Za-z0-9_]*:?[?+]([^}]*)\}/g;
const VARIABLE_WITHOUT_DEFAULT = /\$\{[A-Za-z_][A-Za-z0-9_]*(:?-)?:?\}/g;

/** What the keys above say about a value. */
interface Surroundings {
  readonly path: string;
  /** The path of the secret key above it: keys below may be secret themselves, and aren't named. */
  readonly secret?: string | undefined;
  readonly isHeader?: boolean;
}

/**
 * Where secrets stand in a configuration in clear: paths such as `storage.trace.s3.secret_key`, or `comment in line 7`; a `${VARIABLE}` is none.
 * An access key ID is no secret either: it is a name.
 */
export function literalSecrets(text: string): string[] {
  // Reduced to a word, so that no text of an operator can break the YAML.
  const expanded = text.replace(STRANGE_DEFAULT, (_, words: string) => words.replace(/[^\w.-]/g, '_'));
  const found = new Set<string>();
  collect(parseConfigText({ name: 'configuration', text: expanded }), { path: '' }, found);
  for (const line of secretComments(expanded)) found.add(`comment in line ${line}`);
  return [...found];
}

function collect(value: unknown, at: Surroundings, found: Set<string>): void {
  if (Array.isArray(value) || value instanceof Set) {
    [...value].forEach((item, index) => collect(item, { ...at, path: `${at.path}[${index}]` }, found));
  } else if (value instanceof Map) {
    collect(Object.fromEntries(value), at, found);
  } else if (value instanceof Uint8Array) {
    collect(Buffer.from(value).toString('latin1'), at, found);
  } else if (isMap(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (holdsSecret(key)) found.add(`${at.path} (one of its keys)`);
      else collect(item, below(at, key, value), found);
    }
  } else if (isSecret(value, at)) {
    found.add(at.secret ?? at.path);
  }
}

function below(at: Surroundings, key: string, siblings: Readonly<Record<string, unknown>>): Surroundings {
  const path = at.path === '' ? key : `${at.path}.${key}`;
  const name = snakeCase(key);
  if (at.isHeader && isHarmlessHeader(key, siblings)) return { path };
  if (isSecretKey(key) && !(/(^|_)tokens$/.test(name) && typeof siblings[key] === 'number'))
    // A header's own name says more than `headers`.
    return { path, secret: at.secret ?? path };
  if (HEADERS_KEY.test(name)) return { path, secret: at.secret, isHeader: true };
  if (at.secret !== undefined && HARMLESS_KEY.test(name)) return { path };
  return { ...at, path };
}

/** Headers are a map, or a list of `{name, value}`. */
function isHarmlessHeader(key: string, siblings: Readonly<Record<string, unknown>>): boolean {
  if (HARMLESS_HEADER.test(key) || key === 'files') return true;
  const { name } = siblings;
  if (typeof name !== 'string' || !('value' in siblings)) return false;
  return key === 'name' || HARMLESS_HEADER.test(name);
}

function isSecret(value: unknown, at: Surroundings): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  if (text.trim() === '') return false;
  if (at.secret !== undefined || holdsSecret(text)) return true;
  return at.isHeader === true && !HARMLESS_HEADER.test(text.slice(0, Math.max(0, text.indexOf(':'))));
}

interface Comment {
  readonly line: number;
  readonly text: string;
}

/** The lines of comments that hold secrets: mostly settings that were commented out. */
function* secretComments(text: string): Generator<number> {
  for (const block of commentBlocks(text)) {
    const lines = block.filter((comment) => holdsSecretKey(comment.text) || holdsSecret(comment.text));
    for (const { line } of lines) yield line;
    const [first] = block;
    const settings = block.map((comment) => comment.text).filter((each) => !isProseLine(each));
    if (lines.length === 0 && first && isSecretYaml(settings.join('\n'))) yield first.line;
  }
}

/** A secret may be spread over lines, such as `tokens:` and `- abc`. */
function isSecretYaml(text: string): boolean {
  const document = parseDocument(text);
  if (document.errors.length > 0) return false;
  const found = new Set<string>();
  collect(document.toJS({ maxAliasCount: 100 }), { path: '' }, found);
  return found.size > 0;
}

/** Comments on lines that follow each other, without their '#' and variables. */
function commentBlocks(text: string): Comment[][] {
  const blocks: Comment[][] = [];
  for (const comment of comments(text)) {
    const block = blocks.at(-1);
    if (block?.at(-1)?.line === comment.line - 1) block.push(comment);
    else blocks.push([comment]);
  }
  return blocks;
}

function* comments(text: string): Generator<Comment> {
  let line = 1;
  let isScalar = false;
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith('#') && !isScalar)
      yield { line, text: token.replace(/^#+/, '').replace(VARIABLE_WITHOUT_DEFAULT, '').trimEnd() };
    // The lexer announces a scalar, whose text may begin with '#', by this character.
    isScalar = token === '\x1f';
    line += token.split('\n').length - 1;
  }
}
