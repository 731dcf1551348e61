import { dirname, join, relative } from 'node:path';
import type { Damage } from '../../../lib/contract/manifest';
import { IntegrityError, RefusedError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { isMissing } from '../source/source-disk';
import { type Found, foundAt } from './target-check';
import { explainWriteError, foldersUpTo, makeFolders, removeTree, type TargetFs } from './target-fs';
import { bytesOf, type PlannedFolder } from './target-folder';
import {
  checkStaging,
  type Journal,
  makeStaging,
  makeStagingHome,
  otherStagings,
  readJournal,
  writeJournal,
} from './target-journal';
import { TargetLock } from './target-lock';
import { asideFolders, checkMoves, moveAside, planMoves, type Replaced } from './target-replace';
import { isOccupied, isStaged, Staging, type StagingOptions } from './target-staging';
import { stateOf, type TargetTree } from './target-tree';

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
  /** Told before anything of Tempo's is changed, by this run or, as far as it knows, by the one that it goes on from. */
  readonly onChange: () => void;
}

export interface RestoredFolders {
  readonly installed: readonly PlannedFolder[];
  /** There already: by Tempo, or by the run that this one goes on from. */
  readonly present: readonly PlannedFolder[];
  /** There, but marked as compacted. */
  readonly compacted: readonly PlannedFolder[];
  readonly failed: readonly Damage[];
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly movedAside: readonly string[];
  /** Staging folders of other restores. */
  readonly leftovers: readonly string[];
}

const VANISHED = 'its staged files vanished before they were moved into place; restore it again, without --replace';
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
  const { fs, tree, staging, owner, now } = restore;
  const home = await makeStagingHome(fs, tree.parent, owner);
  checkStaging(staging);
  const lock = TargetLock.take(home, now);
  let result: RestoredFolders;
  try {
    result = await runAlone(restore, lock);
  } finally {
    lock.release();
  }
  removeEmpty(fs, home);
  return result;
}

async function runAlone(restore: TargetRestore, lock: TargetLock): Promise<RestoredFolders> {
  const { fs, tree, staging } = restore;
  const leftovers = otherStagings(staging);
  if (restore.replaced) refuseLeftovers(leftovers);
  await makeStaging(fs, staging);
  checkStaging(staging);
  const journal = await begin(restore);
  const work = new Staging(staging, restore);
  if (restore.replaced && journal.phase === 'staging') await stageAll(restore, work);
  lock.check();
  restore.onChange();
  const { aside } = restore.replaced ? await replace(restore, journal) : journal;
  const result = await add(restore, work, lock);
  await writeJournal(fs, staging, { ...journal, aside, phase: 'done' }, restore.run);
  cleanUp(restore);
  return { ...result, movedAside: asideFolders(tree, aside), leftovers };
}

/** What a run would do with each folder. */
export interface Forecast {
  /** To write. */
  readonly missing: readonly PlannedFolder[];
  readonly present: readonly PlannedFolder[];
  /** There, but marked as compacted. */
  readonly compacted: readonly PlannedFolder[];
  /** There, but not as the recovery point says: they stay as they are. */
  readonly failed: readonly Damage[];
  /** Where folders of Tempo's would be moved to. */
  readonly movedAside: readonly string[];
}

type Forecasted = Pick<TargetRestore, 'tree' | 'folders' | 'replaced' | 'staging' | 'recoveryPoint' | 'now' | 'run'>;

/** What a run would do, for gates and dry runs: before anything is written. */
export function forecast(restore: Forecasted): Forecast {
  const { tree, folders, replaced, staging } = restore;
  checkStaging(staging);
  const journal = journalOf(restore);
  const goesOn = journal?.phase === 'installing' || journal?.phase === 'done';
  if (!replaced || goesOn) {
    return { ...sortOut(restore), movedAside: asideFolders(tree, journal?.aside ?? []) };
  }
  const movedAside = asideFolders(tree, planMoves(restore, replaced, restore));
  return { missing: folders, present: [], compacted: [], failed: [], movedAside };
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

function sortOut({
  folders,
  recoveryPoint,
}: Pick<TargetRestore, 'folders' | 'recoveryPoint'>): Omit<Forecast, 'movedAside'> {
  const present: PlannedFolder[] = [];
  const compacted: PlannedFolder[] = [];
  const missing: PlannedFolder[] = [];
  const failed: Damage[] = [];
  for (const folder of folders) {
    const found = foundAt(folder);
    if (found === 'absent') missing.push(folder);
    else if (found === 'whole') present.push(folder);
    else if (found === 'compacted') compacted.push(folder);
    else failed.push(damagedThere(folder, found.defect, recoveryPoint));
  }
  return { missing, present, compacted, failed };
}

function journalOf(restore: Pick<TargetRestore, 'tree' | 'folders' | 'replaced' | 'staging'>): Journal | undefined {
  const { replaced, staging } = restore;
  const found = readJournal(staging);
  if (found) checkMoves(restore, replaced, { moves: found.aside, journal: join(staging, 'journal.json') });
  return found;
}

/** The journal of the run that this one goes on from, else a new one. */
async function begin(restore: TargetRestore): Promise<Journal> {
  const { fs, staging, replaced, recoveryPoint, now, run } = restore;
  const found = journalOf(restore);
  const finished = found?.phase === 'done' && restore.folders.every(isThere);
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

function isThere(folder: PlannedFolder): boolean {
  const found = foundAt(folder);
  return found === 'whole' || found === 'compacted';
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
  const { fs, tree, staging, replaced, owner, run } = restore;
  let current = journal;
  if (replaced && journal.phase === 'staging') {
    current = { ...journal, phase: 'installing', aside: planMoves(restore, replaced, restore) };
    await writeJournal(fs, staging, current, run);
  }
  await moveAside(fs, tree, current.aside, owner);
  return current;
}

/** Stages what is neither there nor staged, then installs all at once, so that Tempo sees it within one poll. */
async function add(
  restore: TargetRestore,
  work: Staging,
  lock: TargetLock,
): Promise<Omit<RestoredFolders, 'movedAside' | 'leftovers'>> {
  const { missing, present: there, compacted: retired, failed: damaged } = sortOut(restore);
  const present = [...there];
  const compacted = [...retired];
  const failed = [...damaged];
  const staged = await work.stage(missing);
  lock.check();
  const installed: PlannedFolder[] = [];
  for (const folder of missing.filter((candidate) => !work.hasFailed(candidate))) {
    const found = install(restore, work.pathOf(folder), folder);
    if (found === 'installed') installed.push(folder);
    else if (found === 'whole') present.push(folder);
    else if (found === 'compacted') compacted.push(folder);
    else if (found === 'vanished') failed.push({ tenant: folder.tenant, block: folder.id, reason: VANISHED });
    else failed.push(damagedThere(folder, found.defect, restore.recoveryPoint));
  }
  const parents = new Set(installed.flatMap((folder) => foldersUpTo(baseOf(restore, folder), dirname(folder.target))));
  await forEachConcurrently(parents, 4, (parent) => restore.fs.syncFolder(parent));
  return { ...staged, installed, present, compacted, failed: [...failed, ...staged.failed] };
}

function install(
  { fs, tree, owner }: TargetRestore,
  staged: string,
  folder: PlannedFolder,
): Exclude<Found, 'absent'> | 'installed' | 'vanished' {
  const base = baseOf({ tree }, folder);
  makeFolders(fs, { base, below: relative(base, dirname(folder.target)) }, owner);
  try {
    fs.rename(staged, folder.target);
    return 'installed';
  } catch (error) {
    if (isMissing(error) && !stateOf(staged)) return 'vanished';
    // Tempo wrote a block of that ID meanwhile; rename never replaces a folder that has anything in it.
    if (!isOccupied(error)) throw error;
    const found = foundAt(folder);
    return found === 'absent' ? { defect: `'${folder.target}' changes at this moment` } : found;
  }
}

function baseOf({ tree }: Pick<TargetRestore, 'tree'>, { kind }: PlannedFolder): string {
  return kind === 'wal' ? tree.walParent : tree.parent;
}

function damagedThere({ tenant, id }: PlannedFolder, defect: string, recoveryPoint: string): Damage {
  return {
    tenant,
    block: id,
    reason:
      `it is at the target, but not as it was: ${defect}; repair it with 'tempo-backup restore ${recoveryPoint} --replace --block ${id}' ` +
      `(and --config, --target, --into-tenant as now), which moves what is there aside`,
  };
}

/** The journal last, or a later run of the same restore would take a finished one for one that hasn't begun. */
function cleanUp({ fs, staging }: TargetRestore): void {
  for (const name of ['blocks', 'wal']) {
    const folder = join(staging, name);
    if (stateOf(folder)) removeTree(fs, folder);
  }
  removeTree(fs, staging);
}

/** Another restore may begin, or end, at this moment. */
function removeEmpty(fs: TargetFs, folder: string): void {
  try {
    fs.removeFolder(folder);
  } catch (error) {
    if (!isOccupied(error) && !isMissing(error)) throw error;
  }
}
