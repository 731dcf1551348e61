import type { Dirent } from 'node:fs';
import type { Damage } from '../../../lib/contract/manifest';
import { isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import { UsageError } from '../../errors';
import { errorCode, isMissing, type SourceDisk } from './source-disk';
import { TimeSlice } from '../target/time-slice';

/** What a scan found of a tenant's blocks. */
export interface ScannedTenant {
  /** Block ID to the state of its meta.json. */
  readonly live: Map<string, string>;
  /** Blocks with a meta.compacted.json and no meta.json. */
  readonly compacted: Set<string>;
  /** See `TenantCut.isUnchanged`. @default false */
  readonly isUnchanged?: boolean;
}

export interface ScannedTree {
  readonly tenants: Map<string, ScannedTenant>;
  /** What is hidden from this tool by a link, a strange name, a missing permission. */
  readonly damaged: Damage[];
}

/** Says `all of them` where a report names a block. */
const ALL = '*';

/**
 * Looks through `<root>/<tenant>/<block ID>/`. A folder with neither meta is being written or deleted: no block. With both metas it is live:
 * a block too many does no harm, one too few does.
 */
export async function scanBlockTree(disk: SourceDisk, root: string, signal: AbortSignal): Promise<ScannedTree> {
  const tree: ScannedTree = { tenants: new Map(), damaged: [] };
  const slice = new TimeSlice(signal);
  for (const entry of listFolder(disk, root) ?? []) {
    await scanTenant({ disk, tree, slice }, root, entry);
  }
  return tree;
}

interface Scan {
  readonly disk: SourceDisk;
  readonly tree: ScannedTree;
  readonly slice: TimeSlice;
}

async function scanTenant(scan: Scan, root: string, entry: Dirent): Promise<void> {
  const { disk, tree } = scan;
  const tenant = entry.name;
  if (tenant === 'lost+found' || (!entry.isDirectory() && !entry.isSymbolicLink())) return;
  const folder = `${root}/${tenant}`;
  const obstacle = obstacleOf(entry);
  const entries = obstacle === undefined ? listFolder(disk, folder) : listStrangeFolder(disk, folder);
  if (!entries?.some(({ name }) => isBlockId(name))) return;
  if (obstacle !== undefined) {
    tree.damaged.push({ tenant, block: ALL, reason: `has blocks, but ${obstacle}` });
    return;
  }
  const found: ScannedTenant = { live: new Map(), compacted: new Set() };
  tree.tenants.set(tenant, found);
  for (const block of entries) {
    if (isBlockId(block.name)) scanBlock(scan, found, { tenant, folder, block });
    if (scan.slice.isOver) await scan.slice.next();
  }
}

function scanBlock(scan: Scan, found: ScannedTenant, at: { tenant: string; folder: string; block: Dirent }): void {
  const id = at.block.name;
  const report = (reason: string): void => void scan.tree.damaged.push({ tenant: at.tenant, block: id, reason });
  if (at.block.isSymbolicLink()) return report('is a symbolic link; links are never followed');
  if (!at.block.isDirectory()) return;
  try {
    const seen = scan.disk.seen(`${at.folder}/${id}/meta.json`);
    if (seen !== undefined) found.live.set(id, seen);
    else if (scan.disk.seen(`${at.folder}/${id}/meta.compacted.json`)) found.compacted.add(id);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    report(`can't be read: ${code}`);
  }
}

/** Why a tenant's folder isn't looked into for more than a word in the report. */
function obstacleOf(entry: Dirent): string | undefined {
  if (entry.isSymbolicLink()) return 'is a symbolic link; links are never followed';
  if (!isTenant(entry.name)) return 'its name is no tenant ID that Tempo accepts';
  return undefined;
}

/** Undefined when the folder isn't there (any more). */
function listFolder(disk: SourceDisk, folder: string): Dirent[] | undefined {
  try {
    return disk.list(folder);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(folder, error);
  }
}

/** What isn't Tempo's needn't be readable. */
function listStrangeFolder(disk: SourceDisk, folder: string): Dirent[] | undefined {
  try {
    return disk.list(folder);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

/** For folders without which there is no backup at all. */
export function unreadable(folder: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === undefined) return error;
  const uid = process.getuid?.() ?? -1;
  const advice = isMissing(error)
    ? 'check the path'
    : ['EACCES', 'EPERM'].includes(code)
      ? 'run as the user that Tempo runs as'
      : 'check the volume';
  return new UsageError(
    `can't read '${folder}' as uid ${uid}: ${code}; ${advice}`,
    { path: folder, uid },
    { cause: error },
  );
}
