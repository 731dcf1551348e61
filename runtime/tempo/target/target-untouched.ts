import { dirname, join } from 'node:path';
import { IntegrityError } from '../../errors';
import { otherStagings, readJournal, STAGING_FOLDER } from './target-journal';
import { realPath } from './target-tree';

/** Whether all restores of these blocks that aren't finished have only staged so far, so that Tempo's data is as it was. */
export function isUntouched(traces: string): boolean {
  const any = join(dirname(realPath(traces)), STAGING_FOLDER, 'any');
  try {
    return otherStagings(any).every((staging) => (readJournal(staging)?.phase ?? 'staging') === 'staging');
  } catch (error) {
    // A journal that can't be read tells nothing.
    if (error instanceof IntegrityError) return false;
    throw error;
  }
}
