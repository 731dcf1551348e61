import type { Dirent } from 'node:fs';
import { isBlockId } from '../../../lib/contract/repository-layout';
import { UsageError } from '../../errors';
import { unreadable } from '../source/block-tree';
import { errorCode, type SourceDisk } from '../source/source-disk';
import { parseWalName } from '../wal/wal-block';

// What Tempo, or the file system, puts beside the tenants.
const NO_DATA = ['lost+found', 'tempo_cluster_seed.json', 'work.json'];
const TENANT_FILES = ['index.json.gz', 'index.pb.zst'];

/** Throws `UsageError` unless each folder can be read and holds a Tempo's data, or nothing. */
export function checkTempoFolders(disk: SourceDisk, path: string, walPath: string | undefined): { isEmpty: boolean } {
  const hasTenants = check(disk, path, (entry) => isTenantFolder(disk, `${path}/${entry.name}`));
  const hasWal = walPath !== undefined && check(disk, walPath, isWalEntry);
  return { isEmpty: !hasTenants && !hasWal };
}

/** Whether there is what is looked for; throws when there is only something else. */
function check(disk: SourceDisk, folder: string, isTempos: (entry: Dirent) => boolean): boolean {
  const entries = list(disk, folder).filter(({ name }) => !NO_DATA.includes(name) && !name.startsWith('.'));
  if (entries.some(isTempos)) return true;
  const foreign = entries.filter((entry) => !entry.isDirectory() || peek(disk, `${folder}/${entry.name}`).length > 0);
  if (foreign.length > 0) throw noData(disk, folder, foreign);
  return false;
}

function list(disk: SourceDisk, folder: string): Dirent[] {
  try {
    return disk.list(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function isWalEntry({ name }: Dirent): boolean {
  return name === 'blocks' || parseWalName(name) !== undefined;
}

function isTenantFolder(disk: SourceDisk, folder: string): boolean {
  return peek(disk, folder).some(({ name }) => isBlockId(name) || TENANT_FILES.includes(name));
}

/** Nothing for what is no folder or may not be read: this is only about telling Tempo's data from other data. */
function peek(disk: SourceDisk, folder: string): Dirent[] {
  try {
    return disk.list(folder);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return [];
  }
}

function noData(disk: SourceDisk, path: string, entries: readonly Dirent[]): UsageError {
  const below = entries.find(({ name }) =>
    peek(disk, `${path}/${name}`).some((entry) => isTenantFolder(disk, `${path}/${name}/${entry.name}`)),
  );
  const advice = entries.some(({ name }) => isBlockId(name))
    ? `it holds blocks itself, so it is a tenant's; give the folder above it`
    : below
      ? `did you mean '${path}/${below.name}'?`
      : `give the folder that Tempo has as 'storage.trace.local.path', or for the WAL as 'storage.trace.wal.path'`;
  return new UsageError(`can't use '${path}': there is something in it, but no data of a Tempo; ${advice}`, { path });
}
