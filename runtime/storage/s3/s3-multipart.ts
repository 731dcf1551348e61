import { performance } from 'node:perf_hooks';
import { forEachConcurrently } from '../../streams/concurrency';
import { combineDigests, type Part, partsOf, sha256 } from '../../streams/digest';
import type { PartBuffers } from '../../streams/part-buffers';
import type { S3Api, S3Upload, S3UploadedPart } from './s3-api';
import type { S3Clock } from './s3-clock';
import { isAlreadyThere, isConflict, mayHaveCommitted, type S3Failure, s3FailureOf } from './s3-failure';
import type { S3Requests } from './s3-requests';
import { type ByteSource } from '../storage';

const PARTS_AT_ONCE = 8;
const MOST_UPLOADS = 4;
/** SIGTERM leaves 5 s in all. */
const CLEANUP_AFTER_ABORT_MS = 3_000;
const CLEANUP_MS = 15_000;
/** `Date` and `Initiated` have a precision of one second. */
const CLOCK_PRECISION_MS = 2_000;

export interface S3MultipartTools {
  readonly api: S3Api;
  readonly requests: S3Requests;
  readonly buffers: PartBuffers;
  readonly clock: S3Clock;
  /** Whether the object is there with just these bytes. */
  readonly holds: (key: string, size: number, sha256: string) => Promise<boolean>;
}

export interface S3MultipartResult {
  readonly created: boolean;
  readonly sha256: string;
}

/**
 * Stores an object in parts, only if the key is absent. Whatever happens, the upload doesn't stay open: unfinished parts are paid for and
 * shown by no listing.
 */
export async function putInParts(key: string, source: ByteSource, tools: S3MultipartTools): Promise<S3MultipartResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new MultipartPut(key, source, tools).run();
    } catch (error) {
      if (attempt >= MOST_UPLOADS || !needsNewUpload(s3FailureOf(error))) throw error;
    }
  }
}

/** Somebody else ended the upload, the server lost or changed a part, or left a race of two writers undecided: parts must be sent again. */
function needsNewUpload(failure: S3Failure): boolean {
  return failure.code === 'NoSuchUpload' || failure.code === 'InvalidPart' || isConflict(failure);
}

class MultipartPut {
  private readonly digests: Buffer[] = [];
  private readonly sent: S3UploadedPart[] = [];
  /** When a `create` began whose answer was lost: it may have opened an upload whose name nobody knows. */
  private lostCreateAt: Date | undefined;

  constructor(
    private readonly key: string,
    private readonly source: ByteSource,
    private readonly tools: S3MultipartTools,
  ) {}

  async run(): Promise<S3MultipartResult> {
    let upload: S3Upload | undefined;
    try {
      upload = await this.create();
      await this.sendParts(upload);
      const created = await this.complete(upload);
      if (created) upload = undefined;
      return { created, sha256: combineDigests(this.digests) };
    } finally {
      await this.cleanUp(upload);
    }
  }

  private async create(): Promise<S3Upload> {
    const { api, clock, requests } = this.tools;
    const begun = performance.now();
    let lost = false;
    try {
      return await requests.run('multipart', (signal) => api.createUpload(this.key, { signal }), {
        onFailure: (failure) => (lost ||= mayHaveCommitted(failure)),
      });
    } catch (error) {
      lost ||= requests.signal?.aborted ?? false;
      throw error;
    } finally {
      const now = clock.now() ?? new Date();
      if (lost) this.lostCreateAt = new Date(now.getTime() - (performance.now() - begun) - CLOCK_PRECISION_MS);
    }
  }

  private async sendParts(upload: S3Upload): Promise<void> {
    const others = new AbortController();
    const { signal } = this.tools.requests;
    const abort = (): void => others.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const send = async (part: Part): Promise<void> => {
        try {
          await this.sendPart(upload, part, others.signal);
        } catch (error) {
          others.abort(error);
          throw error;
        }
      };
      await forEachConcurrently(partsOf(this.source.size), PARTS_AT_ONCE, send, others.signal);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  private async sendPart(upload: S3Upload, part: Part, signal: AbortSignal): Promise<void> {
    const { api, buffers, requests } = this.tools;
    const buffer = await buffers.lease(part.length, signal);
    try {
      await this.source.read(part.offset, buffer.bytes);
      const facts = { number: part.index + 1, sha256: sha256(buffer.bytes) };
      const etag = await requests.run('multipart', (s) => api.uploadPart(upload, facts, buffer.bytes, s), { signal });
      this.digests[part.index] = facts.sha256;
      this.sent[part.index] = { ...facts, etag };
    } finally {
      buffer.release();
    }
  }

  /** False when the key existed already. */
  private async complete(upload: S3Upload): Promise<boolean> {
    const { api, requests, holds } = this.tools;
    let ambiguous = false;
    try {
      await requests.run('multipart', (signal) => api.completeUpload(upload, this.sent, signal), {
        onFailure: (failure) => (ambiguous ||= mayHaveCommitted(failure)),
        givesUpOn: isConflict,
      });
      return true;
    } catch (error) {
      const failure = s3FailureOf(error);
      // An upload that was completed is gone, so the repetition of a completion that got lost meets one of these two.
      if (ambiguous && (isAlreadyThere(failure) || failure.code === 'NoSuchUpload')) {
        if (await holds(this.key, this.source.size, combineDigests(this.digests))) return true;
      }
      if (isAlreadyThere(failure)) return false;
      throw error;
    }
  }

  /** With a signal of its own: it matters most when all other work was told to stop. */
  private async cleanUp(upload: S3Upload | undefined): Promise<void> {
    if (!upload && !this.lostCreateAt) return;
    const aborted = this.tools.requests.signal?.aborted ?? false;
    const signal = AbortSignal.timeout(aborted ? CLEANUP_AFTER_ABORT_MS : CLEANUP_MS);
    const leftOpen = upload ? [upload] : [];
    // A cleanup that fails must not hide why it was needed; the bucket's lifecycle rule for incomplete uploads is the second line of defence.
    await Promise.allSettled(leftOpen.map((open) => this.abort(open, signal)));
    await Promise.allSettled([this.abortLost(signal)]);
  }

  /** May end an upload of another writer of the same key that began at the same time: that one begins anew, see `needsNewUpload`. */
  private async abortLost(signal: AbortSignal): Promise<void> {
    const { api, requests } = this.tools;
    const since = this.lostCreateAt;
    if (!since) return;
    const open = await requests.run('multipart', (s) => api.openUploads(this.key, s), { signal });
    const lost = open.filter((upload) => upload.key === this.key && upload.initiatedAt >= since);
    await Promise.all(lost.map((upload) => this.abort(upload, signal)));
  }

  private async abort(upload: S3Upload, signal: AbortSignal): Promise<void> {
    const { api, requests } = this.tools;
    await requests.run('multipart', (s) => api.abortUpload(upload, s), { signal });
  }
}
