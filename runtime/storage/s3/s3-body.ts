import type { OnReadOpts, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { S3Body } from './s3-api';
import { TruncatedBodyError } from './s3-failure';

const READ_SIZE = 64 * 1024;

/** The sockets whose answer's body is being copied away as it comes. */
const consumers = new WeakMap<Socket, Readable>();

/**
 * How sockets read: all into the same memory. Node's own way takes fresh memory for each read, and the garbage collector then costs as much
 * as receiving does. The memory is used again at once, so whatever isn't consumed while it is announced gets a copy.
 */
export const sharedRead: OnReadOpts = {
  buffer: Buffer.allocUnsafeSlow(READ_SIZE),
  callback(this: Socket, length: number, memory: Uint8Array): boolean {
    const piece = Buffer.from(memory.buffer, memory.byteOffset, length);
    const consumer = consumers.get(this);
    this.emit('data', consumer ? piece : Buffer.from(piece));
    // A stream that kept the piece for later would find other bytes in it.
    if (consumer && consumer.readableLength > 0) {
      consumer.destroy(new TruncatedBodyError('the body came faster than it was consumed'));
    }
    return true;
  },
};

/**
 * Receives a body into `into` and tells after each piece how many bytes are there, so that a repetition can go on where a connection broke.
 * Throws when the body ends early.
 */
export function receive(body: S3Body, into: Buffer, onReceived: (bytes: number) => void): Promise<void> {
  const { socket, stream } = body;
  let received = 0;
  return new Promise((resolve, reject) => {
    // Events rather than a pipe or an iterator: nothing is queued between the socket and the buffer.
    stream.on('data', (chunk: Buffer) => {
      if (received + chunk.length > into.length) {
        stream.destroy(new TruncatedBodyError(`the server sent more than the ${into.length} bytes it announced`));
        return;
      }
      chunk.copy(into, received);
      received += chunk.length;
      onReceived(chunk.length);
      // From the first piece on: what came together with the headers had to wait for its consumer.
      if (socket) consumers.set(socket, stream);
    });
    const settle = (): void => {
      if (socket) consumers.delete(socket);
      if (received === into.length) resolve();
      else reject(new TruncatedBodyError(`the body ended after ${received} of ${into.length} bytes`));
    };
    stream.once('error', (error) => {
      if (socket) consumers.delete(socket);
      reject(error);
    });
    stream.once('end', settle);
    stream.once('close', settle);
  });
}
