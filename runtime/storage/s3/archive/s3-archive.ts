import type { Archive, Thaw, ThawRequest } from '../../storage';
import { isAbsent, s3FailureOf } from '../s3-failure';
import type { S3Requests } from '../s3-requests';

export interface ArchivedFacts {
  /** @default - it can be read at once */
  readonly archiveClass?: string;
  /** The `x-amz-restore` header: absent before a thaw was requested, and after its copy has gone. */
  readonly restore?: string;
}

export interface ArchivedKey {
  readonly key: string;
  /** @default - the current one */
  readonly versionId?: string;
}

/** Single requests, as in `S3Api`. */
export interface S3ArchiveApi {
  lookUp(object: ArchivedKey, signal?: AbortSignal): Promise<ArchivedFacts>;
  restore(object: ArchivedKey, request: ThawRequest, signal?: AbortSignal): Promise<void>;
}

export interface S3ArchiveContext {
  readonly fullKey: (key: string) => string;
  readonly explained: <T>(action: string, work: () => Promise<T>) => Promise<T>;
}

/** Objects in GLACIER and DEEP_ARCHIVE: a thaw makes a copy that can be read for some days. */
export class S3Archive implements Archive {
  constructor(
    private readonly api: S3ArchiveApi,
    private readonly requests: S3Requests,
    private readonly context: S3ArchiveContext,
  ) {}

  stateOf(key: string, versionId?: string): Promise<Thaw | undefined> {
    return this.context.explained(`look up '${key}'`, async () => {
      try {
        const object = { key: this.context.fullKey(key), versionId };
        return stateIn(await this.requests.run('head', (signal) => this.api.lookUp(object, signal)));
      } catch (error) {
        if (isAbsent(s3FailureOf(error))) return undefined;
        throw error;
      }
    });
  }

  thaw(key: string, request: ThawRequest, versionId?: string): Promise<void> {
    return this.context.explained(`request the thaw of '${key}'`, async () => {
      try {
        const object = { key: this.context.fullKey(key), versionId };
        await this.requests.run('put', (signal) => this.api.restore(object, request, signal));
      } catch (error) {
        if (s3FailureOf(error).code !== 'RestoreAlreadyInProgress') throw error;
      }
    });
  }
}

/** `ongoing-request="true"`, or `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`. */
function stateIn({ archiveClass, restore }: ArchivedFacts): Thaw | undefined {
  if (archiveClass === undefined) return undefined;
  if (restore === undefined) return { state: 'archived' };
  if (restore.includes('ongoing-request="true"')) return { state: 'thawing' };
  const until = new Date(/expiry-date="([^"]+)"/.exec(restore)?.[1] ?? '');
  return { state: 'thawed', ...(Number.isNaN(until.getTime()) ? {} : { until }) };
}
