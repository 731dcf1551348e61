import type { Dirent } from 'node:fs';
import { isBlockFile } from '../../../lib/contract/repository-layout';
import { bytesInMemory, type ByteSource } from '../../storage/storage';
import { findBlockDefect } from '../block/block-check';
import { type BlockMeta, META_SIZE_LIMIT, parseBlockMeta } from '../block/block-meta';
import { DiskFile, sourceError } from './disk-file';
import { type SourceBlock, SourceChangedError, SourceDamagedError, type SourceFile } from './source-block';
import { errorCode, type FileState, isMissing, type SourceDisk } from './source-disk';

const META = 'meta.json';
/** How long ago a file was written at most for the block to count as being written. */
const RECENT_MS = 10_000;

export interface BlockPlace {
  readonly folder: string;
  readonly tenant: string;
  readonly id: string;
}

/** A block in a folder, held open while it is stored. */
export class LocalBlock implements SourceBlock {
  /**
   * Opens a whole block. Throws `SourceChangedError` when it vanished or is being written, `SourceDamagedError` when it isn't whole, which
   * it may also not be for a while: Tempo writes a block again in place after a crash.
   */
  static async open(disk: SourceDisk, place: BlockPlace, signal: AbortSignal): Promise<LocalBlock> {
    const metaPath = `${place.folder}/${META}`;
    const state = stateOfFile(disk, metaPath);
    const { bytes, meta } = readMeta(disk, metaPath);
    const block = new LocalBlock(disk, place, { state, bytes, meta }, signal);
    try {
      await block.check();
      return block;
    } catch (error) {
      await block.close();
      throw sourceError(place.folder, error);
    }
  }

  readonly tenant: string;
  readonly id: string;
  readonly seen: string;
  readonly meta: BlockMeta;
  readonly metaSource: ByteSource;
  readonly files: readonly SourceFile[];
  private readonly opened: ReadonlyMap<string, DiskFile>;
  private readonly metaBytes: Buffer;
  private readonly metaState: FileState;
  private unconfirmed: SourceChangedError | SourceDamagedError | undefined;

  private constructor(
    private readonly disk: SourceDisk,
    private readonly place: BlockPlace,
    read: { state: FileState; bytes: Buffer; meta: BlockMeta },
    signal: AbortSignal,
  ) {
    this.tenant = place.tenant;
    this.id = place.id;
    this.seen = read.state.seen;
    this.metaState = read.state;
    this.meta = read.meta;
    this.metaBytes = read.bytes;
    this.metaSource = bytesInMemory(read.bytes);
    this.opened = openFiles(disk, place.folder, signal);
    this.files = [...this.opened].map(([name, source]) => ({ name, source }));
    if (!disk.isSettled(read.state)) throw new SourceChangedError(`'${place.folder}' was written just now`);
  }

  /** What a read of its files or their comparison failed with. */
  get failure(): SourceChangedError | SourceDamagedError | undefined {
    return [...this.opened.values()].find((file) => file.failure)?.failure ?? this.unconfirmed;
  }

  async confirm(): Promise<void> {
    try {
      this.compare();
    } catch (error) {
      this.unconfirmed = sourceError(this.place.folder, error);
      throw this.unconfirmed;
    }
  }

  /**
   * Whether Tempo may be writing it again, in place: then the meta.json, which comes last, is older than what was written already. That
   * alone says little, as it holds for a block that some other tool has put there, too.
   */
  get isBeingWritten(): boolean {
    const isAfterMeta = ({ found }: DiskFile): boolean =>
      found.modifiedMs > this.metaState.modifiedMs && this.disk.ageOf(found) < RECENT_MS;
    return [...this.opened.values()].some(isAfterMeta);
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened.values()].map((file) => file.close()));
  }

  private compare(): void {
    const { folder } = this.place;
    const changed = [...this.opened].find(([, file]) => !file.isUnchanged());
    if (changed) throw new SourceChangedError(`'${folder}/${changed[0]}' changed while it was read`);
    const metaPath = `${folder}/${META}`;
    const isSame =
      this.disk.state(metaPath)?.seen === this.seen && readMetaBytes(this.disk, metaPath)?.equals(this.metaBytes);
    if (!isSame) throw new SourceChangedError(`'${metaPath}' changed while its block was read`);
  }

  private async check(): Promise<void> {
    if (this.meta.blockID !== this.id) {
      throw new SourceDamagedError(`has the meta.json of another block, '${this.meta.blockID}'`);
    }
    const defect = await findBlockDefect(this.meta, this.opened);
    if (defect !== undefined) throw new SourceDamagedError(defect);
  }
}

/**
 * The state of all files of a block: the same at two times when nobody is at work on it. Undefined when there is none (any more); a word when
 * it can't be looked at.
 */
export function stateOfBlock(disk: SourceDisk, folder: string): string | undefined {
  try {
    if (!disk.state(`${folder}/${META}`)) return undefined;
    const states = disk.list(folder).map(({ name }) => `${name}=${disk.state(`${folder}/${name}`)?.seen ?? ''}`);
    return states.sort().join(' ');
  } catch (error) {
    if (isMissing(error)) return undefined;
    const code = errorCode(error);
    if (code === undefined) throw error;
    return code;
  }
}

function openFiles(disk: SourceDisk, folder: string, signal: AbortSignal): ReadonlyMap<string, DiskFile> {
  const names = list(disk, folder).map(({ name }) => name);
  const files = new Map<string, DiskFile>();
  for (const name of names.filter((each) => isBlockFile(each) && each !== META).sort()) {
    const path = `${folder}/${name}`;
    const state = stateOfFile(disk, path);
    if (!disk.isSettled(state)) throw new SourceChangedError(`'${path}' was written just now`);
    files.set(name, new DiskFile(disk, path, state, signal));
  }
  return files;
}

function list(disk: SourceDisk, folder: string): Dirent[] {
  try {
    return disk.list(folder);
  } catch (error) {
    throw sourceError(folder, error);
  }
}

function stateOfFile(disk: SourceDisk, path: string): FileState {
  const state = disk.state(path);
  if (!state) throw new SourceChangedError(`'${path}' vanished`);
  if (state.kind === 'link') throw new SourceDamagedError(`'${path}' is a symbolic link; links are never followed`);
  if (state.kind !== 'file') throw new SourceDamagedError(`'${path}' is no file`);
  return state;
}

function readMeta(disk: SourceDisk, path: string): { bytes: Buffer; meta: BlockMeta } {
  const bytes = readMetaBytes(disk, path);
  if (!bytes) throw new SourceDamagedError(`has a meta.json of more than ${META_SIZE_LIMIT} bytes`);
  try {
    return { bytes, meta: parseBlockMeta(bytes) };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new SourceDamagedError(`has an unreadable meta.json: ${cause}`, {}, { cause: error });
  }
}

function readMetaBytes(disk: SourceDisk, path: string): Buffer | undefined {
  try {
    return disk.readSmall(path, META_SIZE_LIMIT);
  } catch (error) {
    throw sourceError(path, error);
  }
}
