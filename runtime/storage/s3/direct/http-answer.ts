/** The first lines of an answer. */
export interface HttpHead {
  readonly status: number;
  /** By name in lower case; repeated ones are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Whether the connection can take another request when the body is through. */
  readonly keepsAlive: boolean;
  /** Bytes from the status line to the empty line, both included. */
  readonly size: number;
}

export interface HttpAnswer extends HttpHead {
  /** Of a refusal. Content went where the sink said. */
  readonly body?: Buffer;
}

/** An answer that only a whole HTTP client understands. */
export class UnsuitableAnswerError extends Error {}

const END_OF_HEAD = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: |$)/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Undefined while the empty line hasn't come yet. */
export function parseHead(bytes: Buffer): HttpHead | undefined {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [, minor, status] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined) throw new UnsuitableAnswerError('the answer is no HTTP/1.1');
  const headers = headersIn(lines);
  return {
    status: Number(status),
    headers,
    keepsAlive: minor === '1' && !/\bclose\b/i.test(headers['connection'] ?? ''),
    size: end + END_OF_HEAD.length,
  };
}

function headersIn(lines: readonly string[]): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = Object.create(null) as Record<string, undefined>;
  for (const line of lines) {
    const [, name, value = ''] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined) throw new UnsuitableAnswerError('the answer has a malformed header');
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return headers;
}

/** How long the body is, when that is all there is to say of its form. */
export function plainLength({ headers }: HttpHead): number | undefined {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] !== undefined || length === undefined || !/^\d{1,15}$/.test(length))
    return undefined;
  return Number(length);
}

/** The body of an answer of which `bytes` came after the head; undefined while some are missing. */
export function wholeBody(head: HttpHead, bytes: Buffer): Buffer | undefined {
  if (head.headers['transfer-encoding']?.toLowerCase() === 'chunked') return joinChunks(bytes);
  const length = plainLength(head);
  if (length === undefined) throw new UnsuitableAnswerError('the answer does not say how long it is');
  return bytes.length < length ? undefined : Buffer.from(bytes.subarray(0, length));
}

function joinChunks(bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const [, digits] = /^([0-9a-f]{1,8})(?:[ \t]*;.*)?$/i.exec(bytes.toString('latin1', at, lineEnd)) ?? [];
    if (digits === undefined) throw new UnsuitableAnswerError('the answer has a malformed chunk');
    const start = lineEnd + 2;
    const end = start + parseInt(digits, 16);
    if (end === start) return Buffer.concat(chunks);
    if (end + 2 > bytes.length) return undefined;
    chunks.push(bytes.subarray(start, end));
    at = end + 2;
  }
}
