import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { COMPACTED, FORMATS, META, names, readMeta } from './block-folder';
import type { Events } from './events';
import { isClosed } from './parquet-file';

/** A WAL block found at the start: its pages are read when it is completed. */
export interface ReplayedWal {
  readonly id: string;
  readonly tenant: string;
  readonly folder: string;
  readonly pages: readonly string[];
}

export interface ReplayedBlock {
  readonly id: string;
  readonly tenant: string;
  readonly folder: string;
  readonly isFlushed: boolean;
}

const PAGE = /^\d{10}$/;

/**
 * What Tempo does at its start with what lies in the WAL. It deletes whatever it can't replay: a block whose meta.json is empty, partial or
 * missing, one without a closed page, one whose files belong to somebody else. A folder that it can't read ends it.
 */
export function replayWal(walPath: string, events: Events): ReplayedWal[] {
  return names(walPath)
    .filter((name) => name !== 'blocks')
    .flatMap((name) => {
      const [, id = '', tenant = '', format = ''] = /^([0-9a-f-]{36})\+(.+)\+(v[A-Za-z0-9]+)$/.exec(name) ?? [];
      if (!FORMATS.includes(format)) {
        events.log('warn', 'unowned file entry ignored during wal replay', { file: name });
        return [];
      }
      const folder = join(walPath, name);
      const pages = closedPages(folder, events);
      if (pages.length > 0) return [{ id, tenant, folder, pages }];
      rmSync(folder, { recursive: true });
      return [];
    });
}

function closedPages(folder: string, events: Events): string[] {
  const files = names(folder).filter((name) => PAGE.test(name));
  try {
    readMeta(folder);
    return files.filter((name) => isWhole(join(folder, name), events));
  } catch (error) {
    events.log('warn', 'failed to replay block. removing.', { file: folder, err: String(error) });
    return [];
  }
}

function isWhole(page: string, events: Events): boolean {
  const bytes = readFileSync(page);
  if (isClosed(bytes)) return true;
  if (bytes.length > 0) events.log('warn', 'error replaying page. partial replay likely.', { page });
  return false;
}

/** Completed blocks beside the WAL: without meta.json they are deleted, and so are those whose data isn't whole. */
export function replayBlocks(blocksPath: string, events: Events): ReplayedBlock[] {
  return names(blocksPath).flatMap((tenant) =>
    names(join(blocksPath, tenant)).flatMap((id) => {
      const folder = join(blocksPath, tenant, id);
      if (isValid(folder)) return [{ id, tenant, folder, isFlushed: names(folder).includes('flushed') }];
      events.log('error', 'local block failed validation, dropping', { block: id, tenant });
      events.count('replay_errors_total');
      rmSync(folder, { recursive: true });
      return [];
    }),
  );
}

function isValid(folder: string): boolean {
  const files = names(folder);
  if (!files.includes(META) || files.includes(COMPACTED)) return false;
  try {
    const { size } = readMeta(folder);
    const data = readFileSync(join(folder, 'data.parquet'));
    return data.length === size && isClosed(data);
  } catch {
    // Any reason: Tempo drops what it can't read.
    return false;
  }
}
