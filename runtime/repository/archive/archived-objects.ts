import type { Archived } from '../../../lib/contract/results';
import { formatSize } from '../../../lib/contract/values/size';
import { ThawingError, UsageError } from '../../errors';
import type { Archive, Storage, StoredObject, Thaw, ThawRequest } from '../../storage/storage';
import { forEachConcurrently } from '../../streams/concurrency';

const REQUESTS_AT_ONCE = 16;
/** How long a thaw takes, as the clouds say. */
const DURATIONS: Readonly<Record<ThawRequest['tier'], string>> = {
  expedited: 'minutes',
  standard: '3 to 12 hours',
  bulk: '5 to 48 hours',
};

/** Objects in archive classes, each with how far its thaw is. */
export type ArchiveSurvey = readonly (Thaw & { readonly object: StoredObject })[];

export interface ThawOptions {
  /** What waits for it, such as `restore '…'`. */
  readonly action: string;
  /** @default - none is made */
  readonly request: ThawRequest | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Asks for the state of each, which listings don't tell. One request for each, so none where nothing is archived. */
export async function surveyArchive(
  storage: Storage,
  archived: readonly StoredObject[],
  signal?: AbortSignal,
): Promise<ArchiveSurvey> {
  const { archive } = storage;
  if (!archive || archived.length === 0) return [];
  const thaws = new Map<string, Thaw>();
  const ask = async ({ key }: StoredObject): Promise<void> => {
    const thaw = await archive.stateOf(key);
    if (thaw) thaws.set(key, thaw);
  };
  await forEachConcurrently(archived, REQUESTS_AT_ONCE, ask, signal);
  return archived.flatMap((object) => {
    const thaw = thaws.get(object.key);
    return thaw ? [{ object, ...thaw }] : [];
  });
}

export function amountsOf(survey: ArchiveSurvey): Archived {
  return {
    objects: survey.length,
    bytes: survey.reduce((sum, { object }) => sum + object.size, 0),
    thawing: survey.filter(({ state }) => state === 'thawing').length,
    thawed: survey.filter(({ state }) => state === 'thawed').length,
  };
}

/** Throws `ThawingError` unless all can be read, after it has requested what is asked for. */
export async function requireThawed(
  { archive }: Pick<Storage, 'archive'>,
  survey: ArchiveSurvey,
  options: ThawOptions,
): Promise<void> {
  const frozen = survey.filter(({ state }) => state === 'archived').map(({ object }) => object);
  if (!archive || survey.every(({ state }) => state === 'thawed')) return;
  const { action, request, signal } = options;
  if (request) await requestThaw(archive, frozen, { request, action, signal });
  const amounts = amountsOf(survey);
  const requested = request ? frozen.length : 0;
  throw new ThawingError(`${action}: ${described(survey)}: ${progressOf(amounts, requested)}; ${advice(options)}`, {
    ...amounts,
    requested,
    notRequested: frozen.length - requested,
  });
}

/** `3 objects are thawed until 2026-11-30T00:00:00.000Z at least`, after which a read fails; undefined when nobody knows of an end. */
export function thawedUntil(survey: ArchiveSurvey): string | undefined {
  const ends = survey.flatMap(({ until }) => (until ? [until.getTime()] : []));
  if (ends.length === 0) return undefined;
  const objects = ends.length === 1 ? '1 object is' : `${ends.length} objects are`;
  return `${objects} thawed until ${new Date(Math.min(...ends)).toISOString()} at least; what takes longer ends with 16 and needs another thaw`;
}

/** `5 objects (1.2 GiB) are in an archive class (GLACIER)`. */
export function described(survey: ArchiveSurvey): string {
  const { objects, bytes } = amountsOf(survey);
  const classes = [...new Set(survey.map(({ object }) => object.archiveClass ?? 'unknown'))].sort().join(', ');
  return `${objects === 1 ? '1 object' : `${objects} objects`} (${formatSize(bytes)}) ${objects === 1 ? 'is' : 'are'} in an archive class (${classes})`;
}

function progressOf({ objects, thawing, thawed }: Archived, requested: number): string {
  const left = objects - thawing - thawed - requested;
  const parts = [
    `${thawed} thawed`,
    `${thawing} thawing`,
    ...(requested > 0 ? [`${requested} requested now`] : []),
    ...(left > 0 ? [`${left} not requested`] : []),
  ];
  return parts.join(', ');
}

function advice({ request }: ThawOptions): string {
  return request
    ? `run it again in ${DURATIONS[request.tier]}, when all are thawed`
    : `request the rest with '--thaw standard' (or bulk, expedited), and run it again when all are thawed`;
}

async function requestThaw(
  archive: Archive,
  objects: readonly StoredObject[],
  { request, action, signal }: Pick<ThawOptions, 'action' | 'signal'> & { readonly request: ThawRequest },
): Promise<void> {
  const deep = objects.find(({ archiveClass }) => archiveClass === 'DEEP_ARCHIVE');
  if (deep && request.tier === 'expedited')
    throw new UsageError(
      `${action}: '${deep.key}' is in DEEP_ARCHIVE, which has no expedited thaw; use '--thaw standard' or '--thaw bulk'`,
      { key: deep.key },
    );
  await forEachConcurrently(objects, REQUESTS_AT_ONCE, ({ key }) => archive.thaw(key, request), signal);
}
