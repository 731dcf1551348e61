import type { ObjectVersion, VersionedBucket } from '../../storage/bucket';
import type { ThawState } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';

const REQUESTS_AT_ONCE = 16;

/** A version in an archive class, with how far its thaw is. */
export interface ArchivedVersion {
  readonly version: ObjectVersion;
  readonly state: ThawState;
}

/** Asks for the thaws of versions, which listings don't tell: once for each, and never where nothing is archived. */
export class VersionThaws {
  private readonly states = new Map<string, Promise<ThawState | undefined>>();

  constructor(private readonly bucket: Pick<VersionedBucket, 'thawStateOf'>) {}

  async isReadable(version: ObjectVersion): Promise<boolean> {
    const state = await this.stateOf(version);
    return state === undefined || state === 'thawed';
  }

  /** Those that are in an archive class, in the order of their keys. */
  async survey(versions: readonly ObjectVersion[], signal: AbortSignal): Promise<ArchivedVersion[]> {
    const found: ArchivedVersion[] = [];
    const ask = async (version: ObjectVersion): Promise<void> => {
      const state = await this.stateOf(version);
      if (state) found.push({ version, state });
    };
    await forEachConcurrently(versions, REQUESTS_AT_ONCE, ask, signal);
    return found.sort((a, b) => (a.version.key < b.version.key ? -1 : 1));
  }

  private async stateOf(version: ObjectVersion): Promise<ThawState | undefined> {
    if (version.content?.archiveClass === undefined) return undefined;
    const place = `${version.key} ${version.id}`;
    const state = this.states.get(place) ?? this.bucket.thawStateOf(version);
    this.states.set(place, state);
    return state;
  }
}
