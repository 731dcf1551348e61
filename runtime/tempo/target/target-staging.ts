import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Damage, ObjectReference } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import type { Owner } from '../gates/gate-input';
import { errorCode, isMissing } from '../source/source-disk';
import { defectIn } from './target-check';
import { bytesOf, FILE_MODES, type PlannedFile, type PlannedFolder, restoredMeta } from './target-folder';
import { makeFolders, removeTree, type TargetFs } from './target-fs';
import { stateOf } from './target-tree';

/** Reads an object and verifies it: nothing handed to `write` counts before it resolves. Throws `IntegrityError` for a damaged one. */
export type FetchObject = (
  reference: ObjectReference,
  write: (offset: number, bytes: Buffer) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

export interface StagingOptions {
  readonly fs: TargetFs;
  readonly fetch: FetchObject;
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal;
  /** Tells this run's unfinished folders from those of another one, dead or alive. */
  readonly run: string;
  readonly onStaged: (folder: PlannedFolder) => void;
}

export interface StagingResult {
  readonly failed: readonly Damage[];
  /** Of whole folders. */
  readonly bytesWritten: number;
  /** Of objects, damaged ones included. */
  readonly bytesRead: number;
}

/** All files written and verified; not on the disk for certain yet. */
interface Written {
  readonly folder: PlannedFolder;
  readonly unfinished: string;
  readonly files: readonly number[];
  readonly bytes: number;
}

const FOLDERS_AT_ONCE = 12;
const FILES_AT_ONCE = 4;
/** What `stat` counts in, whatever the file system. */
const STAT_BLOCK = 512;
// What a crash costs at most, and how many files are open: fsync one by one would make the disk write its journal for each file.
const SETTLED_AT_ONCE = { files: 256, bytes: 256 * 1024 * 1024 };

/**
 * Writes folders below the staging folder. A folder appears there under its own name only when all its bytes are verified and on the disk, so
 * that a later run can take it as it is.
 */
export class Staging {
  private readonly failed = new Map<PlannedFolder, Damage>();
  private readonly done = new Set<PlannedFolder>();
  private bytesWritten = 0;
  private bytesRead = 0;
  private written: Written[] = [];
  private pendingFiles = 0;
  private pendingBytes = 0;
  private readonly made = new Set<string>();

  constructor(
    readonly folder: string,
    private readonly options: StagingOptions,
  ) {}

  /** Stages what isn't staged yet; may be called again. A damaged folder is left out and reported; every other failure ends it. */
  async stage(folders: readonly PlannedFolder[]): Promise<StagingResult> {
    this.removeUnfinished();
    try {
      await forEachConcurrently(folders, FOLDERS_AT_ONCE, (folder) => this.stageFolder(folder), this.options.signal);
      await this.settle();
    } finally {
      for (const { files } of this.written) this.closeAll(files);
      this.written = [];
    }
    return { failed: [...this.failed.values()], bytesWritten: this.bytesWritten, bytesRead: this.bytesRead };
  }

  /** Whether it was left out and reported. */
  hasFailed(folder: PlannedFolder): boolean {
    return this.failed.has(folder);
  }

  pathOf(folder: PlannedFolder): string {
    return join(this.folder, folder.staged);
  }

  private async stageFolder(folder: PlannedFolder): Promise<void> {
    if (this.failed.has(folder) || this.done.has(folder)) return;
    if (isStaged(this.folder, folder)) {
      this.report(folder);
      return;
    }
    const path = this.pathOf(folder);
    if (stateOf(path)) removeTree(this.options.fs, path);
    const written = await this.write(folder);
    if (!written) return;
    this.written.push(written);
    this.pendingFiles += written.files.length;
    this.pendingBytes += bytesOf(folder);
    if (this.pendingFiles >= SETTLED_AT_ONCE.files || this.pendingBytes >= SETTLED_AT_ONCE.bytes) await this.settle();
  }

  private async write(folder: PlannedFolder): Promise<Written | undefined> {
    const { fs, run, owner } = this.options;
    const unfinished = `${this.pathOf(folder)}.${run}.partial`;
    this.makeParent(dirname(folder.staged));
    fs.makeFolder(unfinished);
    const files: number[] = [];
    try {
      if (owner) fs.own(unfinished, owner);
      const bytes = await this.writeFiles(folder, unfinished, files);
      return { folder, unfinished, files, bytes };
    } catch (error) {
      this.closeAll(files);
      if (!(error instanceof IntegrityError)) throw error;
      removeTree(fs, unfinished);
      this.failed.set(folder, { tenant: folder.tenant, block: folder.id, reason: error.message });
      return undefined;
    }
  }

  private async writeFiles(folder: PlannedFolder, unfinished: string, files: number[]): Promise<number> {
    // Before the data: a block whose meta.json is no good isn't worth a byte.
    const meta = restoredMeta(folder, await this.readMeta(folder));
    await forEachConcurrently(folder.files, FILES_AT_ONCE, async ({ name, reference }: PlannedFile) => {
      const file = this.create(join(unfinished, name), folder, files);
      await this.fetch(reference, (offset, bytes) => this.options.fs.write(file, offset, bytes));
    });
    await this.options.fs.write(this.create(join(unfinished, 'meta.json'), folder, files), 0, meta);
    return folder.files.reduce((sum, { reference }) => sum + reference.size, meta.length);
  }

  private async readMeta({ meta }: PlannedFolder): Promise<Buffer> {
    if (typeof meta === 'string') return Buffer.from(meta);
    const whole = Buffer.alloc(meta.size);
    await this.fetch(meta, (offset, bytes) => Promise.resolve(void bytes.copy(whole, offset)));
    return whole;
  }

  private async fetch(
    reference: ObjectReference,
    write: (offset: number, bytes: Buffer) => Promise<void>,
  ): Promise<void> {
    const counted = (offset: number, bytes: Buffer): Promise<void> => {
      this.bytesRead += bytes.length;
      return write(offset, bytes);
    };
    await this.options.fetch(reference, counted, this.options.signal);
  }

  private create(path: string, folder: PlannedFolder, files: number[]): number {
    const { fs, owner } = this.options;
    const file = fs.create(path, FILE_MODES[folder.kind]);
    files.push(file);
    if (owner) fs.own(file, owner);
    return file;
  }

  /** Brings what was written to the disk, then gives it its name. Others go on writing meanwhile. */
  private async settle(): Promise<void> {
    const { fs } = this.options;
    const batch = this.written;
    this.written = [];
    this.pendingFiles = 0;
    this.pendingBytes = 0;
    try {
      await forEachConcurrently(
        batch.flatMap(({ files }) => files),
        FOLDERS_AT_ONCE,
        (file) => fs.sync(file),
      );
    } finally {
      for (const { files } of batch) this.closeAll(files);
    }
    await forEachConcurrently(batch, FOLDERS_AT_ONCE, ({ unfinished }) => fs.syncFolder(unfinished));
    for (const { folder, unfinished, bytes } of batch) {
      fs.rename(unfinished, this.pathOf(folder));
      this.bytesWritten += bytes;
      this.report(folder);
    }
    const parents = new Set(batch.map(({ folder }) => dirname(this.pathOf(folder))));
    await forEachConcurrently(parents, FOLDERS_AT_ONCE, (parent) => fs.syncFolder(parent));
  }

  private report(folder: PlannedFolder): void {
    this.done.add(folder);
    this.options.onStaged(folder);
  }

  private closeAll(files: readonly number[]): void {
    for (const file of files) this.options.fs.close(file);
  }

  private makeParent(below: string): void {
    if (this.made.has(below)) return;
    makeFolders(this.options.fs, { base: this.folder, below }, undefined);
    this.made.add(below);
  }

  /** A killed run's: nothing says how much of them was written. */
  private removeUnfinished(): void {
    for (const path of unfinishedFolders(this.folder)) removeTree(this.options.fs, path);
  }
}

/** Whether all files are there; their bytes were verified and synced before the folder got its name. */
export function isStaged(staging: string, folder: PlannedFolder): boolean {
  const path = join(staging, folder.staged);
  return stateOf(path) !== undefined && defectIn(path, folder) === undefined;
}

/** What a killed run left unfinished, which the next one removes before it writes. */
export function unfinishedFolders(staging: string): string[] {
  return [...foldersIn(join(staging, 'blocks')), join(staging, 'wal')]
    .flatMap(foldersIn)
    .filter((path) => basename(path).endsWith('.partial'));
}

/** Bytes that the disk gets back with these. */
export function unfinishedBytes(staging: string): number {
  const files = unfinishedFolders(staging).flatMap(foldersIn);
  return files.reduce((sum, path) => sum + (stateOf(path)?.blocks ?? 0) * STAT_BLOCK, 0);
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** True for a rename onto a folder that isn't empty. */
export function isOccupied(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '');
}
