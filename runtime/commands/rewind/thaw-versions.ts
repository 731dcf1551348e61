import type { RewindOptions } from '../../../lib/contract/command-line/commands';
import type { ArchivedVersions } from '../../../lib/contract/results';
import { amountsOf, type ArchiveSurvey, requireThawed, thawedUntil } from '../../repository/archive/archived-objects';
import type { ObjectVersion, VersionedBucket } from '../../storage/bucket';
import type { Archive } from '../../storage/storage';
import type { ArchivedVersion } from '../../tempo/bucket/archived-versions';
import { thawRequest } from '../thaw';

/** A result must stay small enough to be read, whatever a bucket holds. */
const MOST_VERSIONS = 1000;

export function archivedResult(archived: readonly ArchivedVersion[]): ArchivedVersions {
  const versions = archived.slice(0, MOST_VERSIONS).map(({ version: { key, id, content }, state }) => ({
    key,
    versionId: id,
    bytes: content?.size ?? 0,
    archiveClass: content?.archiveClass ?? '',
    state,
  }));
  return { ...amountsOf(surveyOf(archived)), versions };
}

/** Throws `ThawingError` unless all can be copied, after it has requested what is asked for. */
export function awaitVersions(
  bucket: VersionedBucket,
  archived: readonly ArchivedVersion[],
  { action, signal, ...flags }: Pick<RewindOptions, 'thaw' | 'thawFor'> & { action: string; signal: AbortSignal },
): Promise<void> {
  const options = { action, request: thawRequest(flags), signal };
  return requireThawed({ archive: archiveOf(bucket, archived) }, surveyOf(archived), options);
}

/** See `thawedUntil`. */
export function thawedUntilOf(archived: readonly ArchivedVersion[]): string | undefined {
  return thawedUntil(surveyOf(archived));
}

function surveyOf(archived: readonly ArchivedVersion[]): ArchiveSurvey {
  return archived.map(({ version: { key, content, modifiedAt }, ...thaw }) => {
    const { size = 0, archiveClass } = content ?? {};
    return { object: { key, size, modifiedAt, archiveClass }, ...thaw };
  });
}

/** As a rewind brings back one version of a key, the key says which. */
function archiveOf(bucket: VersionedBucket, archived: readonly ArchivedVersion[]): Archive {
  const versions = new Map(archived.map(({ version }) => [version.key, version]));
  const versionOf = (key: string): ObjectVersion => {
    const version = versions.get(key);
    if (!version) throw new Error(`thaw '${key}': it isn't one of the versions`);
    return version;
  };
  return {
    stateOf: (key) => bucket.thawOf(versionOf(key)),
    thaw: (key, request) => bucket.thaw(versionOf(key), request),
  };
}
