import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from '../../storage/storage';
import { SourceChangedError, SourceDamagedError } from './source-block';
import { errorCode, type FileState, isMissing, type SourceDisk } from './source-disk';

/** A file of the source: opened at the first read, compared with what it was when it was found. */
export class DiskFile implements ByteSource {
  /** The first failure to read, so that it is found however the reader wraps it. */
  failure: SourceChangedError | SourceDamagedError | undefined;
  private handle: Promise<FileHandle> | undefined;

  constructor(
    private readonly disk: SourceDisk,
    readonly path: string,
    readonly found: FileState,
    private readonly signal: AbortSignal,
  ) {}

  get size(): number {
    return this.found.size;
  }

  async read(offset: number, into: Buffer): Promise<void> {
    this.signal.throwIfAborted();
    try {
      this.handle ??= this.disk.open(this.path);
      const length = await this.disk.read(await this.handle, offset, into);
      if (length < into.length) throw new SourceChangedError(`'${this.path}' became shorter while it was read`);
    } catch (error) {
      this.failure ??= sourceError(this.path, error);
      throw this.failure;
    }
  }

  /** Whether it is still the very file that was found. */
  isUnchanged(): boolean {
    return this.disk.state(this.path)?.seen === this.found.seen;
  }

  async close(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    // A file that couldn't be opened has been reported by the read that tried.
    const opened = await handle?.catch(() => undefined);
    await opened?.close();
  }
}

/** Tells what vanished, and is looked for again, from what can't be read. */
export function sourceError(path: string, error: unknown): SourceChangedError | SourceDamagedError {
  if (error instanceof SourceChangedError || error instanceof SourceDamagedError) return error;
  const code = errorCode(error);
  if (isMissing(error)) return new SourceChangedError(`'${path}' vanished`, { path }, { cause: error });
  if (code === 'ELOOP')
    return new SourceDamagedError(`'${path}' is a symbolic link; links are never followed`, { path });
  if (code === undefined) throw error;
  return new SourceDamagedError(
    `'${path}' can't be read: ${code}`,
    { path, uid: process.getuid?.() },
    { cause: error },
  );
}
