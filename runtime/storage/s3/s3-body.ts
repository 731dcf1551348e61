import { tooLarge } from '../object-errors';
import type { S3Body, S3BodyFacts } from './s3-api';
import { TruncatedBodyError } from './s3-failure';

/**
 * Receives a body into `into` and tells after each piece how many bytes came, so that a repetition can go on where a connection broke.
 * Throws when the body ends early.
 */
export function receive({ stream }: S3Body, into: Buffer, onReceived: (bytes: number) => void): Promise<void> {
  let received = 0;
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      if (received + chunk.length > into.length) {
        stream.destroy(new TruncatedBodyError(`the server sent more than the ${into.length} bytes it announced`));
        return;
      }
      chunk.copy(into, received);
      received += chunk.length;
      onReceived(chunk.length);
    });
    const settle = (): void => {
      if (received === into.length) resolve();
      else reject(new TruncatedBodyError(`the body ended after ${received} of ${into.length} bytes`));
    };
    stream.once('error', reject);
    stream.once('end', settle);
    stream.once('close', settle);
  });
}

/** A whole object; throws when it is larger than `limit`, before any of it is received. */
export async function receiveWhole(
  body: S3Body,
  { key, url, limit }: { readonly key: string; readonly url: string; readonly limit: number },
  onReceived: (bytes: number) => void = () => undefined,
): Promise<Buffer> {
  if (body.length > limit) {
    body.stream.destroy();
    throw tooLarge(key, url, { limit, size: body.length });
  }
  const bytes = Buffer.allocUnsafe(body.length);
  await receive(body, bytes, onReceived);
  return bytes;
}

/** What the header `content-range` says of a part of an object. */
export function contentRangeOf(header: string | undefined): Pick<S3BodyFacts, 'objectSize' | 'offset'> {
  const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(header ?? '') ?? [];
  return {
    offset: first === undefined ? undefined : Number(first),
    objectSize: size === undefined ? undefined : Number(size),
  };
}
