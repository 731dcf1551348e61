import {
  type HttpAnswer,
  type HttpHead,
  parseHead,
  plainLength,
  UnsuitableAnswerError,
  wholeBody,
} from './http-answer';

/** Where content goes. */
export interface BodySink {
  /** Memory just as long as the content, or throws when that isn't what was asked for. */
  readonly memoryFor: (head: HttpHead, length: number) => Buffer;
  /** So many bytes more are there. */
  readonly onReceived: (bytes: number) => void;
}

/** What arrives in answer to one request. It owns no memory: it says where the next bytes belong, and is told when they are there. */
export class Reception {
  answer: HttpAnswer | undefined;
  private head: HttpHead | undefined;
  /** Of the scratch memory. */
  private filled = 0;
  private body: Buffer | undefined;
  private arrived = 0;

  /** `scratch` takes the head, and refusals as a whole. */
  constructor(
    private readonly scratch: Buffer,
    private readonly sink: BodySink,
  ) {}

  get hasBegun(): boolean {
    return this.filled > 0;
  }

  get memory(): Buffer {
    return this.body ? this.body.subarray(this.arrived) : this.scratch.subarray(this.filled);
  }

  /** `bytes` bytes were written to the beginning of `memory`. */
  received(bytes: number): void {
    if (this.body) return this.arrive(this.body, bytes);
    this.filled += bytes;
    this.head ??= parseHead(this.scratch.subarray(0, this.filled));
    if (this.head?.status === 200 || this.head?.status === 206) this.beginBody(this.head);
    else if (this.head) this.collectRefusal(this.head);
    if (!this.answer && this.memory.length === 0) throw new UnsuitableAnswerError('the answer is too long');
  }

  private beginBody(head: HttpHead): void {
    const length = plainLength(head);
    if (length === undefined) throw new UnsuitableAnswerError('the answer does not say how long it is');
    const early = this.scratch.subarray(head.size, this.filled);
    this.body = this.sink.memoryFor(head, length);
    if (this.body.length !== length || early.length > length) throw new UnsuitableAnswerError('the answer is too long');
    early.copy(this.body);
    this.arrive(this.body, early.length);
  }

  private arrive(body: Buffer, bytes: number): void {
    this.arrived += bytes;
    this.sink.onReceived(bytes);
    if (this.arrived === body.length) this.answer = this.head;
  }

  private collectRefusal(head: HttpHead): void {
    // Informational answers are followed by another one.
    if (head.status < 300) throw new UnsuitableAnswerError(`the answer has status ${head.status}`);
    const body = wholeBody(head, this.scratch.subarray(head.size, this.filled));
    if (body) this.answer = { ...head, body };
  }
}
