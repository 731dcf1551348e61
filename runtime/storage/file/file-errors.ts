import { RunnerError, StorageError } from '../../errors';

interface Advice {
  readonly cause: string;
  readonly whatToDo: string;
}

const FULL: Advice = {
  cause: 'the disk is full',
  whatToDo: 'free space or grow the volume and run again: what is stored already is not sent again',
};
const READ_ONLY: Advice = { cause: 'the file system is read-only', whatToDo: 'mount it writable' };
const SYMLINK: Advice = {
  cause: 'it is a symbolic link, and links are never followed',
  whatToDo: 'put the object itself in its place',
};
const IN_THE_WAY: Advice = {
  cause: 'a file is where a folder is expected',
  whatToDo: 'move what does not belong to the repository elsewhere',
};
const NO_HARD_LINKS: Advice = {
  cause: 'the file system has no hard links, which keep two writers from overwriting each other',
  whatToDo: "use one that has them (ext4, XFS, NFS), or an 's3://' repository",
};

const ADVICE: Readonly<Record<string, Advice>> = {
  ENOSPC: FULL,
  EDQUOT: { cause: 'the disk quota is used up', whatToDo: FULL.whatToDo },
  EFBIG: { cause: 'the file system allows no file of this size', whatToDo: 'use another file system' },
  EROFS: READ_ONLY,
  ELOOP: SYMLINK,
  ENOTDIR: IN_THE_WAY,
  EEXIST: IN_THE_WAY,
  ENAMETOOLONG: { cause: 'the path is too long', whatToDo: 'use a repository with a shorter path' },
  EMFILE: { cause: 'too many files are open', whatToDo: "raise the limit of open files ('ulimit -n')" },
  ENFILE: { cause: 'too many files are open on this machine', whatToDo: "raise 'fs.file-max'" },
  ENOENT: { cause: 'its folder vanished', whatToDo: 'check that the volume is still mounted' },
  ESTALE: { cause: 'the network file system lost it', whatToDo: 'mount it again' },
  EIO: { cause: 'the disk reports an input/output error', whatToDo: 'check the disk' },
};

/** What a system call that failed means for the user: `action` says what was done to what (`store object 'a' in 'file:///b'`). */
export function fileError(action: string, error: unknown): unknown {
  const code = errnoCode(error);
  if (code === undefined || error instanceof RunnerError) return error;
  const { cause, whatToDo } = adviceFor(code, (error as NodeJS.ErrnoException).syscall);
  return new StorageError(`${action}: ${cause}; ${whatToDo}`, { code }, { cause: error });
}

/** Runs work whose system calls all serve one action. */
export async function explaining<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(action, error);
  }
}

/** The code of a failed system call, like `ENOSPC`; undefined for any other error. */
export function errnoCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** There is nothing under the path, or a file is where one of its folders would have to be. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoCode(error) ?? '');
}

function adviceFor(code: string, syscall: string | undefined): Advice {
  if (syscall === 'link' && ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) return NO_HARD_LINKS;
  if (code === 'EACCES' || code === 'EPERM') return notAllowed();
  return ADVICE[code] ?? { cause: `the file system answers ${code}`, whatToDo: 'check the disk and how it is mounted' };
}

function notAllowed(): Advice {
  const user = process.getuid?.();
  const who = user === undefined ? 'the user that runs this' : `user ${user}`;
  return { cause: `${who} has no permission`, whatToDo: `let ${who} read and write the whole folder` };
}
