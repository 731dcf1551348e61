import {
  type HttpAnswer,
  type HttpHead,
  parseHead,
  plainLength,
  UnsuitableAnswerError,
  wholeBody,
} from './http-answer';

/** An answer that is taken as a whole, refusals and all: with its body as far as it fits into the scratch memory, or without one as after a HEAD. */
export interface WholeSink {
  readonly expects: 'whole' | 'head';
}

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
    private readonly sink: BodySink | WholeSink,
  ) {}

  /** After a refusal a server may have more to say, such as how a chunked body ends. */
  get mayGoOn(): boolean {
    const isHead = 'expects' in this.sink && this.sink.expects === 'head';
    return this.answer?.body !== undefined && !isHead && (this.answer.status >= 300 || !plainLength(this.answer));
  }

  get hasBegun(): boolean {
    return this.filled > 0;
  }

  get memory(): Buffer {
    return this.body ? this.body.subarray(this.arrived) : this.scratch.subarray(this.filled);
  }

  /** `bytes` bytes were written to the beginning of `memory`. */
  received(bytes: number): void {
    if (this.body && !('expects' in this.sink)) return this.arrive(this.body, bytes, this.sink);
    this.filled += bytes;
    this.head ??= parseHead(this.scratch.subarray(0, this.filled));
    if (this.head) this.takeHead(this.head, this.sink);
    if (!this.answer && this.memory.length === 0) throw new UnsuitableAnswerError('the answer is too long');
  }

  private takeHead(head: HttpHead, sink: BodySink | WholeSink): void {
    // Informational answers are followed by another one.
    if (head.status < 200) throw new UnsuitableAnswerError(`the answer has status ${head.status}`);
    if ('expects' in sink) {
      if (sink.expects === 'whole') this.collect(head);
      else this.answer = { ...head, body: Buffer.alloc(0) };
    } else if (head.status === 200 || head.status === 206) this.beginBody(head, sink);
    else this.collectRefusal(head);
  }

  private beginBody(head: HttpHead, sink: BodySink): void {
    const length = plainLength(head);
    if (length === undefined) throw new UnsuitableAnswerError('the answer does not say how long it is');
    const early = this.scratch.subarray(head.size, this.filled);
    this.body = sink.memoryFor(head, length);
    if (this.body.length !== length || early.length > length) throw new UnsuitableAnswerError('the answer is too long');
    early.copy(this.body);
    this.arrive(this.body, early.length, sink);
  }

  private arrive(body: Buffer, bytes: number, sink: BodySink): void {
    this.arrived += bytes;
    sink.onReceived(bytes);
    if (this.arrived === body.length) this.answer = this.head;
  }

  private collectRefusal(head: HttpHead): void {
    if (head.status < 300) throw new UnsuitableAnswerError(`the answer has status ${head.status}`);
    this.collect(head);
  }

  private collect(head: HttpHead): void {
    const body = wholeBody(head, this.scratch.subarray(head.size, this.filled));
    if (body) this.answer = { ...head, body };
  }
}
