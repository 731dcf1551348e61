import { type Dirent } from 'node:fs';
import { FileCalls } from '../../runtime/storage/file/file-calls';

/** The operating system's calls, with one that fails. */
export class FailingCalls extends FileCalls {
  constructor(private readonly fails: { readonly [call in keyof FileCalls]?: string }) {
    super();
  }

  override open(path: string, flags: number, mode?: number): Promise<number> {
    return this.fails.open ? Promise.reject(errno(this.fails.open, 'open')) : super.open(path, flags, mode);
  }

  override async write(fd: number, bytes: Buffer, offset: number): Promise<void> {
    await super.write(fd, this.fails.write ? bytes.subarray(0, bytes.length / 2) : bytes, offset);
    if (this.fails.write) throw errno(this.fails.write, 'write');
  }

  override fsync(fd: number): Promise<void> {
    return this.fails.fsync ? Promise.reject(errno(this.fails.fsync, 'fsync')) : super.fsync(fd);
  }

  override link(existing: string, path: string): Promise<void> {
    return this.fails.link ? Promise.reject(errno(this.fails.link, 'link')) : super.link(existing, path);
  }

  override mkdir(path: string): Promise<void> {
    return this.fails.mkdir ? Promise.reject(errno(this.fails.mkdir, 'mkdir')) : super.mkdir(path);
  }

  override readdir(path: string): Promise<Dirent[]> {
    return this.fails.readdir ? Promise.reject(errno(this.fails.readdir, 'scandir')) : super.readdir(path);
  }
}

export function errno(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}

/** What is asked of the disk, in order. */
export class RecordingCalls extends FileCalls {
  readonly log: string[] = [];
  reads = 0;
  private readonly paths = new Map<number, string>();

  override async open(path: string, flags: number, mode?: number): Promise<number> {
    const fd = await super.open(path, flags, mode);
    this.paths.set(fd, path.replace(/\/\.tmp\/.*/, '/.tmp/…'));
    return fd;
  }

  override async link(existing: string, path: string): Promise<void> {
    await super.link(existing, path);
    this.log.push(`link ${path}`);
  }

  override async fsync(fd: number): Promise<void> {
    await super.fsync(fd);
    this.log.push(`fsync ${this.paths.get(fd)}`);
  }

  override read(fd: number, into: Buffer, offset: number): Promise<number> {
    this.reads++;
    return super.read(fd, into, offset);
  }
}
