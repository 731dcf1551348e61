import { S3Refusal, type S3Request } from './s3-double-requests';

export type ArchiveClass = 'GLACIER' | 'DEEP_ARCHIVE';

/** Which objects, by key, and versions, by version ID, are in an archive class, and how far their thaws are: these take until `thaw` is called. */
export class ArchiveStore {
  private readonly classes = new Map<string, ArchiveClass>();
  private readonly restores = new Map<string, 'ongoing' | 'done'>();
  /** What was asked for, in order. */
  readonly requests: { readonly key: string; readonly body: string }[] = [];

  freeze(key: string, archiveClass: ArchiveClass = 'GLACIER'): void {
    this.classes.set(key, archiveClass);
  }

  /** Ends the thaws that were requested: all, or of this key. */
  thaw(key?: string): void {
    for (const [requested] of this.restores)
      if (key === undefined || key === requested) this.restores.set(requested, 'done');
  }

  classOf(key: string): ArchiveClass | undefined {
    return this.classes.get(key);
  }

  headersOf(key: string): Record<string, string> {
    const archiveClass = this.classes.get(key);
    const restore = this.restores.get(key);
    const isOngoing = restore === 'ongoing';
    const expiry = isOngoing ? '' : ', expiry-date="Fri, 21 Dec 2040 00:00:00 GMT"';
    return {
      ...(archiveClass === undefined ? {} : { 'x-amz-storage-class': archiveClass }),
      ...(restore === undefined ? {} : { 'x-amz-restore': `ongoing-request="${isOngoing}"${expiry}` }),
    };
  }

  checkReadable(key: string): void {
    if (this.classes.has(key) && this.restores.get(key) !== 'done') throw new S3Refusal(403, 'InvalidObjectState');
  }

  restore(request: S3Request): { readonly status: number } {
    const key = request.query.get('versionId') ?? request.key;
    this.requests.push({ key, body: request.body.toString() });
    if (!this.classes.has(key)) throw new S3Refusal(403, 'InvalidObjectState');
    if (this.restores.get(key) === 'ongoing') throw new S3Refusal(409, 'RestoreAlreadyInProgress');
    if (this.restores.get(key) === 'done') return { status: 200 };
    this.restores.set(key, 'ongoing');
    return { status: 202 };
  }
}
