import { Readable } from 'node:stream';
import type { CopyObjectCommand, GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { HttpHead } from './http-answer';

/** The SDK makes of an answer what it would have made of it had it sent the request itself. */
export function answerWith(
  command: GetObjectCommand | HeadObjectCommand | CopyObjectCommand,
  { status, headers, body }: Pick<HttpHead, 'status' | 'headers'> & { readonly body?: Buffer },
): void {
  const response = { statusCode: status, headers, body: Readable.from(body?.length ? [body] : []) };
  // What it adds is the same for all commands.
  (command as GetObjectCommand).middlewareStack.add(() => async () => ({ response, output: { $metadata: {} } }), {
    step: 'deserialize',
    priority: 'low',
    name: 'answerWith',
  });
}
