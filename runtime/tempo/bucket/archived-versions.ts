import type { ObjectVersion, VersionedBucket } from '../../storage/bucket';
import type { Thaw } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';

const REQUESTS_AT_ONCE = 16;

/** A version in an archive class, with how far its thaw is. */
export interface ArchivedVersion extends Thaw {
  readonly version: ObjectVersion;
}

/** Asks for the thaws of versions, which listings don't tell: once for each, and never where nothing is archived. */
export class VersionThaws {
  private readonly thaws = new Map<string, Promise<Thaw | undefined>>();

  constructor(private readonly bucket: Pick<VersionedBucket, 'thawOf'>) {}

  async isReadable(version: ObjectVersion): Promise<boolean> {
    const thaw = await this.thawOf(version);
    return thaw === undefined || thaw.state === 'thawed';
  }

  /** Those that are in an archive class, in the order of their keys. */
  async survey(versions: readonly ObjectVersion[], signal: AbortSignal): Promise<ArchivedVersion[]> {
    const found: ArchivedVersion[] = [];
    const ask = async (version: ObjectVersion): Promise<void> => {
      const thaw = await this.thawOf(version);
      if (thaw) found.push({ version, ...thaw });
    };
    await forEachConcurrently(versions, REQUESTS_AT_ONCE, ask, signal);
    return found.sort((a, b) => (a.version.key < b.version.key ? -1 : 1));
  }

  private async thawOf(version: ObjectVersion): Promise<Thaw | undefined> {
    if (version.content?.archiveClass === undefined) return undefined;
    const place = `${version.key} ${version.id}`;
    const thaw = this.thaws.get(place) ?? this.bucket.thawOf(version);
    this.thaws.set(place, thaw);
    return thaw;
  }
}
