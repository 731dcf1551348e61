import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors';
import type { RunnerConfig } from '../../lib/contract/runner-config';
import { tempoBucketUrl } from '../../lib/contract/tempo-storage-config';
import { sourceFolders } from '../tempo/source/source-description';

/**
 * Throws `UsageError` when the repository and a place of Tempo's lie in each other: Tempo would take the one for a tenant's blocks, and in a
 * bucket it may delete them as such.
 */
export async function refuseNesting({
  repository: { url },
  tempo: { storage },
}: {
  readonly repository: Pick<RunnerConfig['repository'], 'url'>;
  readonly tempo: Pick<RunnerConfig['tempo'], 'storage'>;
}): Promise<void> {
  if (storage.backend === 'local') {
    const { path, walPath } = sourceFolders(storage);
    return refuseFolders(url, walPath === undefined ? [path] : [path, walPath]);
  }
  refuseBucket(url, tempoBucketUrl(storage));
  if (storage.walPath !== undefined) await refuseFolders(url, [storage.walPath]);
}

async function refuseFolders(repositoryUrl: string, folders: readonly string[]): Promise<void> {
  if (!repositoryUrl.startsWith('file:')) return;
  const repository = await realPath(fileURLToPath(repositoryUrl));
  for (const folder of folders) {
    const real = await realPath(folder);
    if (!isWithin(repository, real) && !isWithin(real, repository)) continue;
    const how = isWithin(repository, real) ? 'lies in' : 'contains';
    throw new UsageError(
      `use repository '${repositoryUrl}': it ${how} '${folder}', where Tempo keeps its data; give the repository a folder of its own, best on another volume`,
      { repository, tempo: real },
    );
  }
}

/** Throws `UsageError` when the repository and a bucket of Tempo's lie in each other. */
function refuseBucket(repositoryUrl: string, tempoUrl: string): void {
  const how = nestingOf(repositoryUrl, tempoUrl);
  if (how === undefined) return;
  throw new UsageError(
    `use repository '${repositoryUrl}': it ${how} '${tempoUrl}', where Tempo keeps its blocks and deletes what it takes for a tenant without any; give the repository a bucket of its own`,
  );
}

/** How a repository and a bucket with its prefix lie in each other; undefined: they don't. What is the same place lies in it. */
export function nestingOf(repositoryUrl: string, bucketUrl: string): 'lies in' | 'contains' | undefined {
  if (!repositoryUrl.startsWith('s3:')) return undefined;
  const [repository, bucket] = [new URL(repositoryUrl), new URL(bucketUrl)];
  if (repository.hostname !== bucket.hostname || endpointOf(repository) !== endpointOf(bucket)) return undefined;
  const [ours, theirs] = [folderOf(repository), folderOf(bucket)];
  if (ours.startsWith(theirs)) return 'lies in';
  return theirs.startsWith(ours) ? 'contains' : undefined;
}

/** Whether a URL names a prefix strictly below the other one's, on the same server. */
export function isBelowBucket(url: string, above: string): boolean {
  const [one, other] = [new URL(url), new URL(above)];
  if (one.hostname !== other.hostname || endpointOf(one) !== endpointOf(other)) return false;
  return folderOf(one) !== folderOf(other) && folderOf(one).startsWith(folderOf(other));
}

export function endpointOf({ searchParams }: URL): string {
  const endpoint = searchParams.get('endpoint');
  return endpoint !== null && URL.canParse(endpoint) ? new URL(endpoint).origin : (endpoint ?? '');
}

export function folderOf({ pathname }: URL): string {
  return `/${decodeURIComponent(pathname)
    .split('/')
    .filter(Boolean)
    .map((segment) => `${segment}/`)
    .join('')}`;
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

/** Of what doesn't exist (yet), the real path that it would have. */
export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await realPath(dirname(path)), basename(path));
  }
}
