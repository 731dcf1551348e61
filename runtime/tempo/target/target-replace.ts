import { readdirSync, type Stats } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { isTenant } from '../../../lib/contract/repository-layout';
import { IntegrityError, UsageError } from '../../errors';
import type { Owner } from '../gates/gate-input';
import { isMissing } from '../source/source-disk';
import type { PlannedFolder } from './target-folder';
import { foldersUpTo, makeFolders, type TargetFs } from './target-fs';
import type { Journal } from './target-journal';
import { stateOf, type TargetTree } from './target-tree';

/** What a restore replaces. */
export interface Replaced {
  readonly blocks: boolean;
  readonly wal: boolean;
  /** Only these tenants' data; undefined: that of all, also of those that the recovery point doesn't have. */
  readonly tenants: readonly string[] | undefined;
  /** Whether only the very folders that are restored are replaced, and everything beside them stays. */
  readonly foldersOnly: boolean;
}

export type Move = Journal['aside'][number];

const ASIDE = '.tempo-backup-replaced-';
const WAL_FOLDER = /^[0-9a-f-]{36}\+(.+)\+v[A-Za-z0-9-]+$/;

/** Folders of Tempo's that stand where the restored data goes, and where they are moved to. Throws when one of them can't be moved. */
export function planMoves(
  { tree, folders }: { readonly tree: TargetTree; readonly folders: readonly PlannedFolder[] },
  replaced: Replaced,
  { now, run }: { readonly now: Date; readonly run: string },
): Move[] {
  const name = `${ASIDE}${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z-${run}`;
  const move = (parent: string) => (from: string) => ({ from, to: join(parent, name, relative(parent, from)) });
  const { blocks, wal } = replaced.foldersOnly ? standing(folders) : affectedFolders(tree, replaced);
  const moves = [...blocks.map(move(tree.parent)), ...wal.map(move(tree.walParent))];
  for (const { from } of moves) refuseImmovable(from);
  return moves;
}

interface Standing {
  readonly blocks: readonly string[];
  readonly wal: readonly string[];
}

/** Of the folders that are restored, those whose place is taken. */
function standing(folders: readonly PlannedFolder[]): Standing {
  const taken = folders.filter(({ target }) => stateOf(target));
  const ofKind = (wanted: PlannedFolder['kind']): string[] =>
    taken.filter(({ kind }) => kind === wanted).map(({ target }) => target);
  return { blocks: ofKind('block'), wal: ofKind('wal') };
}

function affectedFolders(tree: TargetTree, replaced: Replaced): Standing {
  const affected = (tenant: string): boolean =>
    isTenant(tenant) && (replaced.tenants?.includes(tenant) ?? tenant !== 'lost+found');
  return {
    blocks: replaced.blocks ? foldersIn(tree.traces).filter((path) => affected(basename(path))) : [],
    wal: replaced.wal ? walFolders(tree, affected) : [],
  };
}

/** Refuses moves that no restore of these folders plans: a journal on a disk that others write to isn't trusted. */
export function checkMoves(
  { tree, folders }: { readonly tree: TargetTree; readonly folders: readonly PlannedFolder[] },
  replaced: Replaced | undefined,
  { moves, journal }: { readonly moves: readonly Move[]; readonly journal: string },
): void {
  const targets = new Set(folders.map(({ target }) => target));
  const roots = [tree.traces, tree.wal, join(tree.wal, 'blocks')];
  const planned = (from: string): boolean =>
    replaced?.foldersOnly ? targets.has(from) : replaced !== undefined && roots.includes(dirname(from));
  for (const { from, to } of moves) {
    const parent = parentOf(tree, from);
    const name = relative(parent, to).split('/')[0] ?? '';
    // Both as they are, so that no `..` is left in them.
    const plain = join(from) === from && join(parent, name, relative(parent, from)) === to;
    if (plain && name.startsWith(ASIDE) && planned(from)) continue;
    throw new IntegrityError(
      `continue restore: '${journal}' would move '${from}' to '${to}', which no restore of this selection does: it is damaged or forged; ` +
        `look at what is in that folder, then move it away`,
    );
  }
}

/** Moves each folder once: one whose place is taken was moved by an earlier run, and what stands in its own place is new. */
export async function moveAside(
  fs: TargetFs,
  tree: TargetTree,
  moves: readonly Move[],
  owner: Owner | undefined,
): Promise<void> {
  const changed = new Set<string>();
  for (const move of moves) {
    const { from, to } = move;
    if (stateOf(to) || stateOf(besideOf(tree, move)) || !stateOf(from)) continue;
    if (wayAside(from) === 'beside') {
      fs.rename(from, besideOf(tree, move));
      changed.add(dirname(from));
      continue;
    }
    const parent = parentOf(tree, from);
    makeFolders(fs, { base: parent, below: relative(parent, dirname(to)) }, owner);
    moveFolder(fs, move);
    for (const folder of [dirname(from), ...foldersUpTo(parent, dirname(to))]) changed.add(folder);
  }
  // Before anything new takes their place: a power failure must not undo only this half.
  for (const folder of changed) await fs.syncFolder(folder);
}

/** The folders that hold what was moved, or are it, for the result. */
export function asideFolders(tree: TargetTree, moves: readonly Move[]): string[] {
  const place = (move: Move): string => {
    const beside = besideOf(tree, move);
    return stateOf(beside) || wayAside(move.from) === 'beside' ? beside : asideFolder(tree, move);
  };
  return [...new Set(moves.map(place))].sort();
}

/**
 * To move a folder into another one writes to it, as its `..` changes. One of our own that is closed is opened for that; a WAL block of
 * somebody else's stays where it is under a name that Tempo doesn't take for a WAL block. Elsewhere every name is a tenant or a block to it.
 */
function wayAside(from: string): 'move' | 'open' | 'beside' | undefined {
  const stats = stateOf(from);
  if (!stats || mayWrite(stats)) return 'move';
  if (stats.uid === process.geteuid?.()) return 'open';
  return WAL_FOLDER.test(basename(from)) ? 'beside' : undefined;
}

/** As the effective user, by the modes alone. */
function mayWrite({ mode, uid, gid }: Stats): boolean {
  const user = process.geteuid?.() ?? 0;
  if (user === 0) return true;
  if (uid === user) return (mode & 0o200) !== 0;
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return (mode & (groups.includes(gid) ? 0o020 : 0o002)) !== 0;
}

function refuseImmovable(from: string): void {
  if (wayAside(from) !== undefined) return;
  const user = `${process.geteuid?.() ?? '?'}:${process.getegid?.() ?? '?'}`;
  throw new UsageError(
    `move '${from}' aside: it belongs to user ${stateOf(from)?.uid ?? '?'} and user ${user.split(':')[0] ?? ''} may not write to it, as moving it does; ` +
      `give it back to Tempo's user, as root where the volume is mounted: chown -R ${user} '${from}'; then run the same command again`,
    { path: from },
  );
}

function moveFolder(fs: TargetFs, { from, to }: Move): void {
  const { mode } = stateOf(from) ?? {};
  if (mode === undefined || wayAside(from) === 'move') return fs.rename(from, to);
  fs.changeMode(from, (mode & 0o7777) | 0o700);
  fs.rename(from, to);
  fs.changeMode(to, mode & 0o7777);
}

/** The name of the folder for what is moved aside, put before that of the folder itself. */
function besideOf(tree: TargetTree, move: Move): string {
  return join(dirname(move.from), `${basename(asideFolder(tree, move))}-${basename(move.from)}`);
}

function asideFolder(tree: TargetTree, { to }: Move): string {
  const parent = parentOf(tree, to);
  return join(parent, relative(parent, to).split('/')[0] ?? '');
}

function parentOf(tree: TargetTree, path: string): string {
  return path.startsWith(`${tree.parent}/`) ? tree.parent : tree.walParent;
}

/** WAL blocks, and the completed blocks below `blocks/`, which Tempo would flush over what is restored. */
function walFolders(tree: TargetTree, affected: (tenant: string) => boolean): string[] {
  const wal = foldersIn(tree.wal).filter((path) => affected(WAL_FOLDER.exec(basename(path))?.[1] ?? '/'));
  const completed = foldersIn(join(tree.wal, 'blocks')).filter((path) => affected(basename(path)));
  return [...wal, ...completed];
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
