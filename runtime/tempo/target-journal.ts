import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { IntegrityError } from '../errors';
import type { Owner } from './gates';
import { isMissing } from './source-disk';
import { foldersUpTo, makeFolders, type TargetFs } from './target-fs';
import { nearestFolder } from './target-tree';

/** Beside Tempo's roots: whatever lies inside them is a tenant or a block to Tempo. */
export const STAGING_FOLDER = '.tempo-backup-restore';

const JOURNAL = 'journal.json';

const journal = z.object({
  recoveryPoint: z.string(),
  mode: z.enum(['add', 'replace']),
  /** From `installing` on, what is named in `aside` may have been moved, and what lies in its place may be new. */
  phase: z.enum(['staging', 'installing', 'done']),
  startedAt: z.string(),
  /** Folders to move aside, and where to; decided once, before the first of them moves. */
  aside: z.array(z.object({ from: z.string(), to: z.string() })),
});

/** How far a restore is: what a run after a crash goes on from. */
export type Journal = z.infer<typeof journal>;

/** Undefined when the restore hasn't begun. */
export function readJournal(staging: string): Journal | undefined {
  let text: string;
  try {
    text = readFileSync(join(staging, JOURNAL), 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return journal.parse(JSON.parse(text));
  } catch (cause) {
    throw new IntegrityError(
      `continue restore: '${join(staging, JOURNAL)}' is damaged; look at what is in that folder, then move it away`,
      {},
      { cause },
    );
  }
}

/** Replaces the journal at once: whoever reads it sees the old one or the new one, also after a power failure. */
export async function writeJournal(fs: TargetFs, staging: string, value: Journal, run: string): Promise<void> {
  const draft = join(staging, `${JOURNAL}.${run}`);
  const file = fs.create(draft, 0o600);
  try {
    await fs.write(file, 0, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
    await fs.sync(file);
  } finally {
    fs.close(file);
  }
  fs.rename(draft, join(staging, JOURNAL));
  await fs.syncFolder(staging);
}

/** Makes the staging folder, and with it the folder that holds all of them. A power failure must not take the journal away with it. */
export async function makeStaging(fs: TargetFs, staging: string, owner: Owner | undefined): Promise<void> {
  const parent = dirname(dirname(staging));
  const existing = nearestFolder(parent);
  makeFolders(fs, { base: existing, below: relative(existing, parent) }, owner);
  // Only the user that restores looks into these.
  makeFolders(fs, { base: parent, below: join(STAGING_FOLDER, basename(staging)) }, undefined);
  for (const folder of foldersUpTo(existing, dirname(staging))) await fs.syncFolder(folder);
}

/** Staging folders of other restores: interrupted ones, or ones that run at this moment. */
export function otherStagings(staging: string): string[] {
  const folder = dirname(staging);
  try {
    return readdirSync(folder)
      .filter((name) => name !== basename(staging))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
