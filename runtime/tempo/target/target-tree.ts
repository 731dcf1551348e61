import {
  accessSync,
  constants,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import { IntegrityError, UsageError } from '../../errors';
import { type BlockExtent, extentIn } from '../block/block-extent';
import { META_SIZE_LIMIT } from '../block/block-meta';
import type { Owner } from '../gates/gate-input';
import { errorCode, isMissing } from '../source/source-disk';
import type { PlannedFolder } from './target-folder';

/** Where restored data goes. All paths are absolute. */
export interface TargetTree {
  /** Folder beside whose contents the restore stages: on the file system of the blocks, never inside a root of Tempo's. */
  readonly parent: string;
  readonly traces: string;
  readonly wal: string;
  /** The same, unless the WAL isn't below it: then the folder that holds the WAL. */
  readonly walParent: string;
}

/** Where blocks and WAL lay at the source, relative to the folder that held both. */
export interface SourcePaths {
  readonly tracesPath: string;
  readonly walPath: string | null;
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,100}$/;

/** `--target DIR`: that folder in the role of the one that holds Tempo's data. */
export function treeBelow(folder: string, source: SourcePaths): TargetTree {
  const parent = realPath(resolve(folder));
  return {
    parent,
    traces: join(parent, checkedPath(source.tracesPath)),
    wal: join(parent, checkedPath(source.walPath ?? 'wal')),
    walParent: parent,
  };
}

/** Where the configuration says that the data lies; a link there is the user's own and is resolved once. */
export function treeAt(
  storage: { readonly path: string; readonly walPath?: string | undefined },
  source: SourcePaths,
): TargetTree {
  const traces = realPath(storage.path);
  const parent = dirname(traces);
  const home = traces.endsWith(`/${source.tracesPath}`) ? traces.slice(0, -source.tracesPath.length) : parent;
  const wal =
    storage.walPath === undefined ? join(home, checkedPath(source.walPath ?? 'wal')) : realPath(storage.walPath);
  return { parent, traces, wal, walParent: wal.startsWith(`${parent}/`) ? parent : dirname(wal) };
}

/** Refuses a tree that can't be restored into: before anything is written, and without writing. */
export function checkTree(tree: TargetTree, folders: readonly PlannedFolder[]): void {
  const roots = [
    { parent: tree.parent, root: tree.traces, kind: 'block' },
    { parent: tree.walParent, root: tree.wal, kind: 'wal' },
  ] as const;
  for (const { parent, root, kind } of roots) {
    const inside = folders.filter((folder) => folder.kind === kind);
    if (inside.length > 0) checkRoot(tree, parent, root);
    for (const path of new Set(inside.map(({ target }) => dirname(target)))) checkWay(root, path);
  }
}

/** The folder of a block, from names that were checked here once more: the repository they come from isn't trusted. */
export function blockFolder(
  tree: TargetTree,
  tenant: string,
  id: string,
): { readonly staged: string; readonly target: string } {
  checkNames(tenant, id);
  return { staged: join('blocks', tenant, id), target: join(tree.traces, tenant, id) };
}

export function walFolder(
  tree: TargetTree,
  block: { readonly tenant: string; readonly id: string; readonly encoding: string },
): { readonly staged: string; readonly target: string } {
  checkNames(block.tenant, block.id);
  if (!/^v[A-Za-z0-9-]{1,31}$/.test(block.encoding))
    throw new IntegrityError(`restore WAL block '${block.id}': '${block.encoding}' is no encoding`);
  const name = `${block.id}+${block.tenant}+${block.encoding}`;
  return { staged: join('wal', name), target: join(tree.wal, name) };
}

/** Whether Tempo has the block of that ID as a block already, here or as a completed block that it hasn't flushed. */
export function hasBlock(tree: TargetTree, tenant: string, id: string): boolean {
  const folders = [join(tree.traces, tenant, id), join(tree.wal, 'blocks', tenant, id)];
  return folders.some((folder) => ['meta.json', 'meta.compacted.json'].some((name) => stateOf(join(folder, name))));
}

/** What the live blocks of a tenant say of themselves, but for some of them; what can't be read is left out. */
export function liveExtents(tree: TargetTree, tenant: string, but: ReadonlySet<string>): BlockExtent[] {
  const folder = join(tree.traces, tenant);
  const ids = readdirSync(folder).filter((id) => isBlockId(id) && !but.has(id));
  return ids.flatMap((id) => extentAt(join(folder, id)) ?? []);
}

function extentAt(folder: string): BlockExtent | undefined {
  const meta = join(folder, 'meta.json');
  try {
    return (stateOf(meta)?.size ?? Infinity) > META_SIZE_LIMIT ? undefined : extentIn(readFileSync(meta));
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

/** Who owns the folder of the blocks, else the nearest one above it that exists; undefined when that says nothing. */
export function ownerOf(tree: TargetTree): Owner | undefined {
  const folder = nearestFolder(tree.traces);
  const stats = stateOf(folder);
  // A fresh volume, or a folder for all like /tmp, is root's whoever runs Tempo.
  if (!stats || (folder !== tree.traces && stats.uid === 0)) return undefined;
  return { uid: stats.uid, gid: stats.gid };
}

export function freeBytesOf(tree: TargetTree): number {
  const { bavail, bsize } = statfsSync(nearestFolder(tree.parent));
  return bavail * bsize;
}

/** The nearest folder on the way up that exists. */
export function nearestFolder(path: string): string {
  let folder = path;
  while (!stateOf(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

export function stateOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function checkRoot(tree: TargetTree, parent: string, root: string): void {
  checkWay(parent, root);
  const stagedIn = nearestFolder(tree.parent);
  const existing = nearestFolder(root);
  if (stateOf(existing)?.dev !== stateOf(stagedIn)?.dev) {
    throw new UsageError(
      `restore into '${root}': it is on another file system than '${tree.parent}', where data is staged, so it can't be moved into place at once; ` +
        `mount one volume that holds both, leave one out with --scope, or restore elsewhere with --target`,
    );
  }
  for (const folder of new Set([stagedIn, existing])) checkWritable(folder);
}

/** Each folder from `base` to `path`, as far as they exist, must be a folder and no link: a link could lead anywhere. */
function checkWay(base: string, path: string): void {
  let folder = base;
  for (const segment of ['', ...relative(base, path).split('/')]) {
    folder = join(folder, segment);
    const stats = stateOf(folder);
    if (!stats || stats.isDirectory()) continue;
    const what = stats.isSymbolicLink()
      ? 'it is a symbolic link, and links below the target are never followed'
      : 'it is no folder';
    throw new UsageError(`restore into '${folder}': ${what}; move it away, or choose another --target`);
  }
}

function checkWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (isMissing(cause)) return;
    const reason =
      errorCode(cause) === 'EROFS'
        ? 'the file system is read-only'
        : `user ${process.getuid?.() ?? '?'} may not write there`;
    throw new UsageError(
      `restore into '${folder}': ${reason}; mount it writable, or run as the user that Tempo runs as`,
      {},
      { cause },
    );
  }
}

function checkNames(tenant: string, id: string): void {
  if (!isTenant(tenant))
    throw new IntegrityError(
      `restore block '${id}': '${tenant}' is no tenant; the recovery point is damaged or forged`,
    );
  if (!isBlockId(id))
    throw new IntegrityError(
      `restore block of tenant '${tenant}': '${id}' is no ID of a block; the recovery point is damaged or forged`,
    );
}

function checkedPath(path: string): string {
  const segments = path.split('/');
  if (segments.every((segment) => SEGMENT.test(segment))) return path;
  throw new IntegrityError(
    `restore recovery point: its path '${path}' isn't one below the target; the recovery point is damaged or forged`,
  );
}

/** With links resolved as far as the path exists. */
export function realPath(path: string): string {
  const existing = nearestFolder(path);
  return join(realpathSync(existing), relative(existing, path));
}
