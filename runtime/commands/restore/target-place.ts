import { fileURLToPath } from 'node:url';
import type { RunnerConfig } from '../../../lib/contract/runner-config';
import { tempoBucketUrl } from '../../../lib/contract/tempo-storage-config';
import { UsageError } from '../../errors';
import { sourceFolders } from '../../tempo/source/source-description';
import { folderOf, isBelowBucket, isWithin, nestingOf, realPath } from '../nesting';

const SCHEME = /^([a-z][a-z0-9+.-]*:)/i;

/** `--target` as a folder or the URL of a bucket; a folder may be given as a URL, as the repository's is. */
export function targetPlace(target: string | undefined): string | undefined {
  const [, scheme] = SCHEME.exec(target ?? '') ?? [];
  if (target === undefined || scheme === undefined || scheme === 's3:') return target;
  if (scheme === 'file:') return folderIn(target);
  throw new UsageError(
    `restore into '${target}': '${scheme}' is unknown; write a folder, or 's3://bucket/prefix?region=eu-central-1' for a bucket`,
  );
}

function folderIn(url: string): string {
  const refused = (cause: string, options?: ErrorOptions): UsageError =>
    new UsageError(`restore into '${url}': ${cause}; for example 'file:///srv/tempo', or '/srv/tempo'`, {}, options);
  if (!URL.canParse(url)) throw refused('it is no URL');
  const { host, search, hash } = new URL(url);
  if (host !== '') throw refused(`'${host}' is taken for a machine; a folder needs three slashes and an absolute path`);
  if (search !== '' || hash !== '') throw refused('a folder has no options');
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw refused('it names no folder', { cause });
  }
}

/** Refuses a folder inside of Tempo's own: Tempo takes what is new there for tenants and blocks, and no longer sees those that it has. */
export async function refuseFolderOfTempo({ tempo: { storage } }: RunnerConfig, target: string): Promise<void> {
  const { path, walPath } = storage.backend === 'local' ? sourceFolders(storage) : { path: undefined, ...storage };
  const real = await realPath(target);
  for (const folder of [path, walPath]) {
    if (folder === undefined || !isWithin(real, await realPath(folder))) continue;
    throw new UsageError(
      `restore into '${target}': it lies in '${folder}', where Tempo keeps its data; leave out --target to restore there, or choose another folder`,
      { tempo: folder },
    );
  }
}

/** Throws `UsageError` when a bucket and the repository lie in each other: Tempo would take the one for tenants, and may delete them. */
export function refuseRepository({ repository }: RunnerConfig, url: string): void {
  const how = nestingOf(repository.url, url);
  if (how === undefined) return;
  throw new UsageError(
    `restore into '${url}': it ${how === 'contains' ? 'lies in' : 'holds'} the repository '${repository.url}', which Tempo would take for tenants without blocks, and delete; choose another bucket`,
    { repository: repository.url },
  );
}

/** As `refuseFolderOfTempo`; Tempo's own prefix is where a restore without a target goes. */
export function refuseBelowTempo({ tempo: { storage } }: RunnerConfig, url: string): void {
  if (storage.backend !== 's3') return;
  const tempo = tempoBucketUrl(storage);
  if (!isBelowBucket(url, tempo)) return;
  // At the top of a bucket, every prefix is inside.
  const other = folderOf(new URL(tempo)) === '/' ? 'bucket' : 'prefix';
  throw new UsageError(
    `restore into '${url}': it lies in '${tempo}', where Tempo would take it for a tenant, or for blocks of one, and no longer see what that has; ` +
      `leave out --target to restore there, under another tenant with '--into-tenant', or choose another ${other}`,
    { tempo },
  );
}
