import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors';
import type { SourceFolders } from '../tempo/source/source-description';

/** Throws `UsageError` when the repository and a folder of Tempo's lie in each other: Tempo would take the one for a tenant's blocks. */
export async function refuseNesting(
  repositoryUrl: string,
  { path, walPath }: Pick<SourceFolders, 'path' | 'walPath'>,
): Promise<void> {
  if (!repositoryUrl.startsWith('file:')) return;
  const repository = await realPath(fileURLToPath(repositoryUrl));
  for (const folder of walPath === undefined ? [path] : [path, walPath]) {
    const real = await realPath(folder);
    if (!isWithin(repository, real) && !isWithin(real, repository)) continue;
    const how = isWithin(repository, real) ? 'lies in' : 'contains';
    throw new UsageError(
      `use repository '${repositoryUrl}': it ${how} '${folder}', where Tempo keeps its data; give the repository a folder of its own, best on another volume`,
      { repository, tempo: real },
    );
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

/** Of what doesn't exist (yet), the real path that it would have. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await realPath(dirname(path)), basename(path));
  }
}
