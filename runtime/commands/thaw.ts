import type { RestoreOptions } from '../../lib/contract/command-line/commands';
import type { ObjectReference } from '../../lib/contract/manifest';
import { parseDuration } from '../../lib/contract/values/duration';
import { ArchivedError, UsageError } from '../errors';
import {
  type ArchiveSurvey,
  described,
  requireThawed,
  surveyArchive,
  thawedUntil,
} from '../repository/archive/archived-objects';
import { findArchived, findArchivedDocuments } from '../repository/archive/find-archived';
import type { Storage, StoredObject, ThawRequest } from '../storage/storage';
import type { CommandContext } from './context';

const DAY = 24 * 60 * 60 * 1000;
const LONGEST_DAYS = 365;

export type ThawFlags = Pick<RestoreOptions, 'thaw' | 'thawFor'>;

/** Undefined when none is to be requested. */
export function thawRequest({ thaw, thawFor }: ThawFlags): ThawRequest | undefined {
  const days = parseDuration(thawFor) / DAY;
  if (!Number.isInteger(days) || days < 1 || days > LONGEST_DAYS)
    throw new UsageError(`'--thaw-for' must be 1 to ${LONGEST_DAYS} whole days, got '${thawFor}'; write such as '7d'`);
  return thaw && { tier: thaw, days };
}

/** What of the objects is in an archive class. Who isn't permitted to list them learns it from the first read. */
export async function lookForArchived(
  { repository, log, signal }: CommandContext,
  references: readonly ObjectReference[],
): Promise<ArchiveSurvey> {
  const { storage } = repository;
  let found: StoredObject[];
  try {
    found = await findArchived(storage, references, signal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log.warn(`${error.message}; whether something must be thawed shows when it is read`);
    return [];
  }
  const survey = await surveyArchive(storage, found, signal);
  if (survey.length > 0) log.info(described(survey));
  const until = thawedUntil(survey);
  if (until !== undefined) log.info(until);
  return survey;
}

/** Goes on once all can be read. */
export function awaitThaw(
  { repository, signal }: CommandContext,
  survey: ArchiveSurvey,
  { action, ...flags }: ThawFlags & { readonly action: string },
): Promise<void> {
  return requireThawed(repository.storage, survey, { action, request: thawRequest(flags), signal });
}

/**
 * Where whole buckets are archived, such as replicas, a command meets a document of the repository before it knows what it needs. Then all
 * documents are thawed at once, and the run that comes after that asks for the data.
 */
export async function thawingDocuments<T>(
  storage: Storage,
  { action, signal, ...flags }: Partial<ThawFlags> & { readonly action: string; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ArchivedError) || flags.thaw === undefined || flags.thawFor === undefined) throw error;
    const request = thawRequest({ thaw: flags.thaw, thawFor: flags.thawFor });
    const survey = await surveyArchive(storage, await findArchivedDocuments(storage, signal), signal);
    await requireThawed(storage, survey, { action, request, signal });
    throw error;
  }
}
