import type { Damage } from '../../../lib/contract/manifest';
import { isBlockId, isTenant } from '../../../lib/contract/repository-layout';
import { findParquetDefect } from '../block/block-check';
import { META_SIZE_LIMIT, parseBlockMeta } from '../block/block-meta';
import { DiskFile, sourceError } from '../source/disk-file';
import {
  type SourceChangedError,
  SourceDamagedError,
  type SourceFile,
  type SourceWalBlock,
} from '../source/source-block';
import { isMissing, type SourceDisk } from '../source/source-disk';

type WalMeta = { readonly state: 'whole'; readonly text: string } | { readonly state: 'completed' | 'lost' };

const META_ATTEMPTS = 4;
const META_PAUSE_MS = 25;

export interface WalPlace {
  readonly folder: string;
  readonly id: string;
  readonly tenant: string;
  readonly encoding: string;
}

/** Takes a WAL folder's name apart: `<block ID>+<tenant>+<encoding>`; undefined when it isn't one. */
export function parseWalName(name: string): Omit<WalPlace, 'folder'> | undefined {
  const [, id = '', tenant = '', encoding = ''] = /^([0-9a-f-]{36})\+(.+)\+(v[A-Za-z0-9-]{1,31})$/.exec(name) ?? [];
  return isBlockId(id) ? { id, tenant, encoding } : undefined;
}

/** A WAL block with its closed pages, held open while it is stored. */
export class LocalWalBlock implements SourceWalBlock {
  /**
   * Opens what Tempo has cut to the WAL. Undefined when nothing is to be taken from there: no page is closed yet, or the block has been
   * completed, which 2.9 shows by removing the folder and 3.0 by a `meta.deleted.json`.
   */
  static async open(disk: SourceDisk, place: WalPlace, signal: AbortSignal): Promise<LocalWalBlock | undefined> {
    if (!isTenant(place.tenant))
      throw new SourceDamagedError(`the WAL block's tenant '${place.tenant}' is no tenant ID that Tempo accepts`);
    if (disk.state(place.folder)?.kind === 'link')
      throw new SourceDamagedError('is a symbolic link; links are never followed');
    const names = listNames(disk, place.folder);
    if (!names || names.includes('meta.deleted.json')) return undefined;
    const pages = openPages(disk, place.folder, { names, signal });
    try {
      const { closed, defects } = await sortOut(pages);
      if (closed.length === 0 && defects.length === 0) return undefined;
      const meta = await readWalMeta(disk, place, signal);
      if (meta.state === 'completed') return undefined;
      if (meta.state === 'lost')
        defects.push({
          reason: 'has no readable meta.json, so Tempo would discard it at its next start; its pages were taken',
        });
      return new LocalWalBlock(
        place,
        { meta: meta.state === 'whole' ? meta.text : inventMeta(place), closed, all: pages },
        defects,
      );
    } catch (error) {
      await closeAll(pages);
      throw sourceError(place.folder, error);
    }
  }

  readonly tenant: string;
  readonly id: string;
  readonly encoding: string;
  readonly meta: string;
  readonly pages: readonly SourceFile[];
  private readonly opened: ReadonlyMap<string, DiskFile>;

  private constructor(
    place: WalPlace,
    read: { meta: string; closed: SourceFile[]; all: ReadonlyMap<string, DiskFile> },
    /** What isn't as it should be, though pages could be taken. */
    readonly defects: readonly WalDefect[],
  ) {
    this.tenant = place.tenant;
    this.id = place.id;
    this.encoding = place.encoding;
    this.meta = read.meta;
    this.pages = read.closed;
    this.opened = read.all;
  }

  get failure(): SourceChangedError | SourceDamagedError | undefined {
    return this.pages.map(({ name }) => this.opened.get(name)?.failure).find((failure) => failure);
  }

  close(): Promise<void> {
    return closeAll(this.opened);
  }
}

async function closeAll(files: ReadonlyMap<string, DiskFile>): Promise<void> {
  await Promise.all([...files.values()].map((file) => file.close()));
}

function listNames(disk: SourceDisk, folder: string): string[] | undefined {
  try {
    return disk.list(folder).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw sourceError(folder, error);
  }
}

function openPages(
  disk: SourceDisk,
  folder: string,
  at: { names: readonly string[]; signal: AbortSignal },
): ReadonlyMap<string, DiskFile> {
  const files = new Map<string, DiskFile>();
  for (const name of at.names.filter((each) => /^[0-9]{10}$/.test(each)).sort()) {
    const path = `${folder}/${name}`;
    const state = disk.state(path);
    if (state) files.set(name, new DiskFile(disk, path, state, at.signal));
  }
  return files;
}

export type WalDefect = Pick<Damage, 'page' | 'reason'>;

/** Tempo opens a page only after it has closed the one before: all but the last must be whole, and the last is closed when it is whole. */
async function sortOut(pages: ReadonlyMap<string, DiskFile>): Promise<{ closed: SourceFile[]; defects: WalDefect[] }> {
  const last = [...pages.keys()].at(-1);
  const closed: SourceFile[] = [];
  const defects: WalDefect[] = [];
  for (const [name, source] of pages) {
    if (source.found.kind !== 'file') {
      const what = source.found.kind === 'link' ? 'a symbolic link; links are never followed' : 'no regular file';
      defects.push({ page: name, reason: `has a WAL page ${name} that is ${what}` });
      continue;
    }
    if (name === last && source.size === 0) continue;
    const defect = await defectOf(source);
    if (defect === undefined) closed.push({ name, source });
    else if (name !== last) defects.push({ page: name, reason: `has a WAL page ${name} that ${defect}` });
  }
  return { closed, defects };
}

async function defectOf(page: DiskFile): Promise<string | undefined> {
  try {
    return await findParquetDefect(page);
  } catch (error) {
    if (error instanceof SourceDamagedError) return `is unreadable: ${error.message}`;
    throw error;
  }
}

/** Tempo truncates and writes it again with every cut, and removes it first when the block is completed: what it lacks may be back soon. */
async function readWalMeta(disk: SourceDisk, place: WalPlace, signal: AbortSignal): Promise<WalMeta> {
  for (let attempt = 1; ; attempt++) {
    const text = readMetaText(disk, `${place.folder}/meta.json`);
    if (text !== undefined) return { state: 'whole', text };
    const names = listNames(disk, place.folder);
    if (!names || names.includes('meta.deleted.json')) return { state: 'completed' };
    if (attempt === META_ATTEMPTS) return { state: 'lost' };
    await disk.pause(META_PAUSE_MS * attempt, signal);
  }
}

function readMetaText(disk: SourceDisk, path: string): string | undefined {
  try {
    const bytes = disk.readSmall(path, META_SIZE_LIMIT);
    if (!bytes) return undefined;
    parseBlockMeta(bytes);
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw sourceError(path, error);
  }
}

/** What Tempo reads of a WAL block's meta.json at replay; the rest it finds in the pages. */
function inventMeta(place: WalPlace): string {
  const now = new Date().toISOString();
  return JSON.stringify({
    format: place.encoding,
    blockID: place.id,
    tenantID: place.tenant,
    startTime: now,
    endTime: now,
    totalObjects: 0,
    compactionLevel: 0,
    encoding: 'none',
    dataEncoding: '',
  });
}
