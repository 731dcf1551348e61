import { dirname, join, relative } from 'node:path';
import type { Damage } from '../../lib/contract/manifest';
import { IntegrityError, RefusedError } from '../errors';
import { forEachConcurrently } from '../streams/concurrency';
import { explainWriteError, foldersUpTo, makeFolders, removeTree } from './target-fs';
import { bytesOf, type PlannedFolder } from './target-folder';
import { type Journal, makeStaging, otherStagings, readJournal, writeJournal } from './target-journal';
import { asideFolders, moveAside, planMoves, type Replaced } from './target-replace';
import { isOccupied, isStaged, Staging, type StagingOptions } from './target-staging';
import { foundAt, stateOf, type TargetTree } from './target-tree';

export interface TargetRestore extends StagingOptions {
  readonly tree: TargetTree;
  /** Staging folder of this very restore: the same again when it is run again. */
  readonly staging: string;
  readonly recoveryPoint: string;
  readonly folders: readonly PlannedFolder[];
  /** Undefined: beside what is there, nothing of which is touched. */
  readonly replaced: Replaced | undefined;
  /** Whether a replacement goes on without what is damaged in the repository. */
  readonly allowDamaged: boolean;
  readonly now: Date;
}

export interface RestoredFolders {
  readonly installed: readonly PlannedFolder[];
  /** There already: by Tempo, or by the run that this one goes on from. */
  readonly present: readonly PlannedFolder[];
  readonly failed: readonly Damage[];
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly movedAside: readonly string[];
  /** Staging folders of other restores. */
  readonly leftovers: readonly string[];
}

const FILE_SYSTEM_BLOCK = 4096;

/**
 * Brings folders to where Tempo looks, whole or not at all: stages them, brings them to the disk, then renames them into place. Run again
 * after it was killed anywhere, it goes on. Nothing is removed but what it staged itself.
 */
export async function restoreFolders(restore: TargetRestore): Promise<RestoredFolders> {
  try {
    return await run(restore);
  } catch (error) {
    throw explainWriteError(error, restore.tree.parent);
  }
}

async function run(restore: TargetRestore): Promise<RestoredFolders> {
  const { fs, tree, staging, owner } = restore;
  const leftovers = otherStagings(staging);
  if (restore.replaced) refuseLeftovers(leftovers);
  await makeStaging(fs, staging, owner);
  const journal = await begin(restore);
  const work = new Staging(staging, restore);
  if (restore.replaced && journal.phase === 'staging') await stageAll(restore, work);
  const { aside } = restore.replaced ? await replace(restore, journal) : journal;
  const result = await add(restore, work);
  await writeJournal(fs, staging, { ...journal, aside, phase: 'done' }, restore.run);
  cleanUp(restore);
  return { ...result, movedAside: asideFolders(tree, aside), leftovers };
}

/** Of those folders, the ones that a run would have to write; for gates, before anything is written. */
export function missingFolders(restore: Pick<TargetRestore, 'folders' | 'replaced' | 'staging'>): PlannedFolder[] {
  const moved = readJournal(restore.staging)?.phase;
  if (restore.replaced && moved !== 'installing' && moved !== 'done') return [...restore.folders];
  return restore.folders.filter((folder) => foundAt(folder) !== 'whole');
}

/** Bytes that those folders will take, in whole blocks of a file system, less what is staged already. */
export function neededBytes(staging: string, missing: readonly PlannedFolder[]): number {
  const unstaged = missing.filter((folder) => !isStaged(staging, folder));
  // One block more for each file, for meta.json and for the folder.
  return unstaged.reduce((sum, folder) => sum + bytesOf(folder) + (folder.files.length + 2) * FILE_SYSTEM_BLOCK, 0);
}

/** Two replacements half done would each move the other's data aside. */
function refuseLeftovers(leftovers: readonly string[]): void {
  const unfinished = leftovers.filter((folder) => readJournal(folder)?.phase !== 'done');
  if (unfinished.length === 0) return;
  throw new RefusedError(
    `replace data: another restore isn't finished, '${unfinished.join("', '")}'; run that one again with its own options, or look at its ` +
      `journal.json and remove the folder`,
    undefined,
  );
}

/** The journal of the run that this one goes on from, else a new one. */
async function begin(restore: TargetRestore): Promise<Journal> {
  const { fs, staging, replaced, recoveryPoint, now, run } = restore;
  const found = readJournal(staging);
  const finished = found?.phase === 'done' && restore.folders.every((folder) => foundAt(folder) === 'whole');
  if (found && (found.phase !== 'done' || finished)) return found;
  const journal: Journal = {
    recoveryPoint,
    mode: replaced ? 'replace' : 'add',
    phase: 'staging',
    startedAt: now.toISOString(),
    aside: [],
  };
  await writeJournal(fs, staging, journal, run);
  return journal;
}

/** All of it, whatever lies at the target: that is about to be moved. */
async function stageAll({ folders, allowDamaged }: TargetRestore, work: Staging): Promise<void> {
  const { failed } = await work.stage(folders);
  const [first] = failed;
  if (!first || allowDamaged) return;
  throw new IntegrityError(
    `replace data: ${failed.length} of ${folders.length} blocks are damaged in the repository, the first is '${first.block}' of tenant '${first.tenant}': ` +
      `${first.reason}; nothing was replaced: choose another recovery point, or go on without them with '--allow damaged'`,
  );
}

async function replace(restore: TargetRestore, journal: Journal): Promise<Journal> {
  const { fs, tree, staging, replaced, owner, run, now } = restore;
  let current = journal;
  if (replaced && journal.phase === 'staging') {
    current = { ...journal, phase: 'installing', aside: planMoves(tree, replaced, now) };
    await writeJournal(fs, staging, current, run);
  }
  await moveAside(fs, tree, current.aside, owner);
  return current;
}

/** Stages what is neither there nor staged, then installs all at once, so that Tempo sees it within one poll. */
async function add(
  restore: TargetRestore,
  work: Staging,
): Promise<Pick<RestoredFolders, 'installed' | 'present' | 'failed' | 'bytesWritten' | 'bytesRead'>> {
  const present: PlannedFolder[] = [];
  const missing: PlannedFolder[] = [];
  const failed: Damage[] = [];
  for (const folder of restore.folders) {
    const found = foundAt(folder);
    if (found === 'foreign') failed.push(inTheWay(folder));
    else (found === 'whole' ? present : missing).push(folder);
  }
  const staged = await work.stage(missing);
  const installed: PlannedFolder[] = [];
  for (const folder of missing.filter((candidate) => isStaged(restore.staging, candidate))) {
    const state = install(restore, work.pathOf(folder), folder);
    if (state === 'installed') installed.push(folder);
    else if (state === 'whole') present.push(folder);
    else failed.push(inTheWay(folder));
  }
  const parents = new Set(installed.flatMap((folder) => foldersUpTo(baseOf(restore, folder), dirname(folder.target))));
  await forEachConcurrently(parents, 4, (parent) => restore.fs.syncFolder(parent));
  return { ...staged, installed, present, failed: [...failed, ...staged.failed] };
}

function install(
  { fs, tree, owner }: TargetRestore,
  staged: string,
  folder: PlannedFolder,
): 'installed' | 'whole' | 'foreign' {
  const base = baseOf({ tree }, folder);
  makeFolders(fs, { base, below: relative(base, dirname(folder.target)) }, owner);
  try {
    fs.rename(staged, folder.target);
    return 'installed';
  } catch (error) {
    // Tempo wrote a block of that ID meanwhile; rename never replaces a folder that has anything in it.
    if (isOccupied(error)) return foundAt(folder) ?? 'foreign';
    throw error;
  }
}

function baseOf({ tree }: Pick<TargetRestore, 'tree'>, { kind }: PlannedFolder): string {
  return kind === 'wal' ? tree.walParent : tree.parent;
}

function inTheWay({ tenant, id, target }: PlannedFolder): Damage {
  return { tenant, block: id, reason: `'${target}' is there and isn't a whole block; move it away and restore again` };
}

/** The journal last, or a later run of the same restore would take a finished one for one that hasn't begun. */
function cleanUp({ fs, staging }: TargetRestore): void {
  for (const name of ['blocks', 'wal']) {
    const folder = join(staging, name);
    if (stateOf(folder)) removeTree(fs, folder);
  }
  removeTree(fs, staging);
  if (otherStagings(staging).length === 0) fs.removeFolder(dirname(staging));
}
