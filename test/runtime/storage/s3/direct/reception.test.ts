import { UnsuitableAnswerError } from '../../../../../runtime/storage/s3/direct/http-answer';
import { Reception } from '../../../../../runtime/storage/s3/direct/reception';

const OK = 'HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\nX-Seen: a\r\nx-seen: b\r\n\r\n';
const SCRATCH = 512;

/** What a reception makes of an answer that arrives in pieces of `size` bytes. */
function receive(
  text: string,
  size = text.length,
  memory = Buffer.alloc(10),
): { reception: Reception; told: number[] } {
  const told: number[] = [];
  const reception = new Reception(Buffer.alloc(SCRATCH), {
    memoryFor: () => memory,
    onReceived: (bytes) => told.push(bytes),
  });
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length;) {
    const room = reception.memory;
    const piece = bytes.subarray(at, at + Math.min(size, room.length));
    piece.copy(room);
    at += piece.length;
    reception.received(piece.length);
  }
  return { reception, told };
}

describe('an answer', () => {
  it.each([1, 2, 7, 60, 1000])('is understood when it arrives in pieces of %d bytes', (size) => {
    const memory = Buffer.alloc(10);

    const { reception, told } = receive(`${OK}0123456789`, size, memory);

    expect(memory.toString()).toBe('0123456789');
    expect(told.reduce((sum, bytes) => sum + bytes, 0)).toBe(10);
    expect(reception.answer).toMatchObject({ status: 206, keepsAlive: true, headers: { 'x-seen': 'a, b' } });
    expect(reception.answer?.body).toBeUndefined();
  });

  it('is not there while a byte is missing', () => {
    expect(receive(`${OK}012345678`).reception.answer).toBeUndefined();
  });

  it.each([
    ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789'],
    ['HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n0123456789'],
  ])('ends the connection when the server says so: %j', (text) => {
    expect(receive(text).reception.answer?.keepsAlive).toBe(false);
  });

  it.each([
    ['of content without a length', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['of content in chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 12\r\n\r\n'],
    ['longer than announced', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789more'],
    ['that is no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['with a header that is none', 'HTTP/1.1 200 OK\r\nno header\r\n\r\n'],
    ['with a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['that is only informational', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['whose headers never end', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(SCRATCH)}`],
    ['that refuses at length', `HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n${'a'.repeat(SCRATCH)}`],
    ['that refuses without a length', 'HTTP/1.1 500 No\r\n\r\nsomething'],
    [
      'that refuses in malformed chunks',
      'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n',
    ],
  ])('%s is left to others', (_, text) => {
    expect(() => receive(text)).toThrow(UnsuitableAnswerError);
  });
});

describe('a refusal', () => {
  it.each([1, 5, 1000])('is collected when it arrives in pieces of %d bytes', (size) => {
    const plain = receive('HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n<Error>', size);
    const chunked = receive(
      'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<Er\r\n4;x=y\r\nror>\r\n0\r\n',
      size,
    );

    for (const { reception, told } of [plain, chunked]) {
      expect(reception.answer).toMatchObject({ status: 404 });
      expect(reception.answer?.body?.toString()).toBe('<Error>');
      expect(told).toEqual([]);
    }
  });
});
