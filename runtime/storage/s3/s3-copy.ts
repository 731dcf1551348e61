import { forEachConcurrently } from '../../streams/concurrency';
import { combineDigests, type Part, partsOf } from '../../streams/digest';
import type { ByteSource, PutResult, RemoteObject } from '../storage';
import type { S3Api, S3BucketApi, S3ListedObject, S3Upload, S3UploadedPart } from './s3-api';
import { isAbsent, isAlreadyThere, mayHaveCommitted, type S3Failure, s3FailureOf } from './s3-failure';
import type { S3Requests } from './s3-requests';

const GIB = 1024 ** 3;
/** What S3 copies in one request. */
const LARGEST_COPY = 5 * GIB;
const PARTS_AT_ONCE = 8;
/** What a server says that can't do what was asked of it, or refuses parts without the digests that it doesn't give. */
const CANNOT = new Set(['NotImplemented', 'InvalidArgument', 'InvalidRequest', 'InvalidPart', 'MethodNotAllowed']);

export interface S3CopyTools {
  readonly api: Pick<S3Api, 'createUpload' | 'completeUpload' | 'abortUpload'>;
  readonly bucketApi: S3BucketApi;
  readonly requests: S3Requests;
  /** See `RemoteObject.server`. */
  readonly server: string;
  /** Larger objects are copied in parts. @default 5 GiB */
  readonly largestCopy?: number;
}

/** A source that this server can copy by itself. */
export type RemoteSource = ByteSource & { readonly remote: RemoteObject };

/**
 * Has the server copy objects, so that their bytes don't pass here. The server computes the digest; where it gives none, the object is left to
 * be sent as any other.
 *
 * Servers ignore or honour `If-None-Match` on copies, so the key is looked up first unless it is known to be free, and each copy bears the
 * ETag of what it was made of: two writers that meet at a key have the same bytes, unless the source changed between them.
 */
export class S3Copier {
  private cannotCopy = false;
  private cannotCopyParts = false;

  constructor(private readonly tools: S3CopyTools) {}

  /** Whether it is worth a try. */
  takes(source: ByteSource): source is RemoteSource {
    const largest = this.tools.largestCopy ?? LARGEST_COPY;
    // There are servers that copy no empty objects in parts, and to send one costs nothing.
    if (this.cannotCopy || source.size === 0 || source.remote?.server !== this.tools.server) return false;
    return source.size <= largest || !this.cannotCopyParts;
  }

  /** Undefined when the source must be sent: nothing was done, or what lies there can't be compared without reading. */
  async copy(fullKey: string, source: RemoteSource, isFresh = false): Promise<PutResult | undefined> {
    const existing = isFresh ? undefined : await this.lookUp(fullKey);
    if (existing) return resultOf(existing, source, false);
    const { size } = source;
    if (size > (this.tools.largestCopy ?? LARGEST_COPY)) return this.copyInParts(fullKey, source);
    let ambiguous = false;
    try {
      const sha256 = await this.tools.requests.run(
        'put',
        (signal) => this.tools.bucketApi.copyObject(fullKey, source.remote, signal),
        { onFailure: (failure) => (ambiguous ||= mayHaveCommitted(failure)) },
      );
      if (sha256 !== undefined) return { created: true, copied: true, size, sha256 };
      return await this.digestOfCopy(fullKey, source);
    } catch (error) {
      return this.afterFailure(fullKey, source, { error, ambiguous });
    }
  }

  /** AWS and MinIO say it in the answer to the copy, others only when asked. */
  private async digestOfCopy(fullKey: string, source: RemoteSource): Promise<PutResult | undefined> {
    const made = await this.lookUp(fullKey);
    const result = made && resultOf(made, source, true);
    // What lies there now is found and compared when it is sent; it is never overwritten.
    if (!result) this.cannotCopy = true;
    return result;
  }

  private async afterFailure(
    fullKey: string,
    source: RemoteSource,
    { error, ambiguous }: { readonly error: unknown; readonly ambiguous: boolean },
  ): Promise<PutResult | undefined> {
    const failure = s3FailureOf(error);
    if (isAbsent(failure)) throw source.remote.changed();
    if (isUnable(failure)) {
      this.cannotCopy = true;
      return undefined;
    }
    if (!isAlreadyThere(failure)) throw error;
    // 412 stands for both conditions: the key is taken, or the source isn't what it was.
    const existing = await this.lookUp(fullKey);
    if (!existing) throw source.remote.changed();
    return resultOf(existing, source, ambiguous);
  }

  private async lookUp(fullKey: string): Promise<S3ListedObject | undefined> {
    const { bucketApi, requests } = this.tools;
    try {
      return await requests.run('head', (signal) => bucketApi.lookUp(fullKey, signal));
    } catch (error) {
      if (isAbsent(s3FailureOf(error))) return undefined;
      throw error;
    }
  }

  /** In the parts of the repository's own digests, so that the server computes just these. */
  private async copyInParts(fullKey: string, source: RemoteSource): Promise<PutResult | undefined> {
    const { api, requests } = this.tools;
    const copiedFrom = source.remote.etag;
    const upload = await requests.run('multipart', (signal) => api.createUpload(fullKey, { copiedFrom, signal }));
    let open = true;
    let ambiguous = false;
    try {
      const sent = await this.copyParts(upload, source);
      if (!sent) return undefined;
      await requests.run('multipart', (signal) => api.completeUpload(upload, sent, signal), {
        onFailure: (failure) => (ambiguous ||= mayHaveCommitted(failure)),
      });
      open = false;
      const sha256 = combineDigests(sent.map((part) => part.sha256));
      return { created: true, copied: true, size: source.size, sha256 };
    } catch (error) {
      return await this.afterFailureInParts(fullKey, source, { error, ambiguous });
    } finally {
      if (open) await Promise.allSettled([requests.run('multipart', (signal) => api.abortUpload(upload, signal))]);
    }
  }

  /** An upload that was completed is gone, so the repetition of a completion that got lost meets the object, or no upload. */
  private async afterFailureInParts(
    fullKey: string,
    source: RemoteSource,
    { error, ambiguous }: { readonly error: unknown; readonly ambiguous: boolean },
  ): Promise<PutResult | undefined> {
    const failure = s3FailureOf(error);
    const isGone = failure.code === 'NoSuchUpload';
    if (isAlreadyThere(failure) || (ambiguous && isGone)) {
      const existing = await this.lookUp(fullKey);
      if (!existing && isGone) throw error;
      return existing && resultOf(existing, source, ambiguous);
    }
    if (!isUnable(failure)) throw error;
    this.cannotCopyParts = true;
    return undefined;
  }

  /** Undefined when the server gives no digests of parts. */
  private async copyParts(upload: S3Upload, source: RemoteSource): Promise<S3UploadedPart[] | undefined> {
    const { bucketApi, requests } = this.tools;
    const sent: S3UploadedPart[] = [];
    const copyPart = async (part: Part): Promise<void> => {
      if (this.cannotCopyParts) return;
      const number = part.index + 1;
      const made = await this.guarded(source.remote, () =>
        requests.run('multipart', (s) =>
          bucketApi.copyPart(upload, { ...part, number }, { source: source.remote, signal: s }),
        ),
      );
      if (made.sha256) sent[part.index] = { number, etag: made.etag, sha256: made.sha256 };
      else this.cannotCopyParts = true;
    };
    await forEachConcurrently(partsOf(source.size), PARTS_AT_ONCE, copyPart, requests.signal);
    return this.cannotCopyParts ? undefined : sent;
  }

  private async guarded<T>(remote: RemoteObject, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = s3FailureOf(error);
      throw isAbsent(failure) || isAlreadyThere(failure) ? remote.changed() : error;
    }
  }
}

function isUnable(failure: S3Failure): boolean {
  return failure.status === 501 || CANNOT.has(failure.code);
}

/** What lies there when it is a copy of the same source; undefined when only reading can tell. */
function resultOf(found: S3ListedObject, source: RemoteSource, created: boolean): PutResult | undefined {
  const { size, sha256, copiedFrom } = found;
  if (copiedFrom !== source.remote.etag || size !== source.size || sha256 === undefined) return undefined;
  return { created, copied: true, size, sha256 };
}
