import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { IntegrityError, UsageError } from '../../errors';
import type { Owner } from '../gates/gate-input';
import { isMissing } from '../source/source-disk';
import { foldersUpTo, makeFolders, type TargetFs } from './target-fs';
import { nearestFolder, stateOf } from './target-tree';

/** Beside Tempo's roots: whatever lies inside them is a tenant or a block to Tempo. */
export const STAGING_FOLDER = '.tempo-backup-restore';

const JOURNAL = 'journal.json';
const STAGING_NAME = /^[0-9a-f]{16}$/;

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

/** Makes the folder that holds all staging folders and the lock; returns its path. */
export async function makeStagingHome(fs: TargetFs, parent: string, owner: Owner | undefined): Promise<string> {
  const existing = nearestFolder(parent);
  makeFolders(fs, { base: existing, below: relative(existing, parent) }, owner);
  // Only the user that restores looks into it.
  makeFolders(fs, { base: parent, below: STAGING_FOLDER }, undefined);
  for (const folder of foldersUpTo(existing, parent)) await fs.syncFolder(folder);
  return join(parent, STAGING_FOLDER);
}

/** Makes the staging folder. A power failure must not take the journal away with it. */
export async function makeStaging(fs: TargetFs, staging: string): Promise<void> {
  makeFolders(fs, { base: dirname(staging), below: basename(staging) }, undefined);
  await fs.syncFolder(dirname(staging));
}

/**
 * Refuses staging that another user could have prepared: what lies there is moved into place without being verified again, and its journal
 * says what to move aside.
 */
export function checkStaging(staging: string): void {
  for (const folder of [dirname(staging), staging]) {
    const stats = stateOf(folder);
    if (!stats) continue;
    const defect = stats.isDirectory() ? foreignOwner(stats.uid) : 'it is no folder';
    if (defect === undefined) continue;
    throw new UsageError(`restore by way of '${folder}': ${defect}; remove it, and run the same command again`);
  }
}

function foreignOwner(uid: number): string | undefined {
  const user = process.geteuid?.() ?? 0;
  return uid === user || uid === 0 ? undefined : `it belongs to user ${uid}, the restore runs as user ${user}`;
}

/** Staging folders of other restores that were interrupted. */
export function otherStagings(staging: string): string[] {
  const folder = dirname(staging);
  try {
    return readdirSync(folder)
      .filter((name) => STAGING_NAME.test(name) && name !== basename(staging))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
