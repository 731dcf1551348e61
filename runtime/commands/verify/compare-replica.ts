import type { VerifyOptions } from '../../../lib/contract/command-line/commands';
import type { ReplicaHealth } from '../../../lib/contract/replica-health';
import type { Requests } from '../../../lib/contract/results';
import { parseDuration } from '../../../lib/contract/values/duration';
import { RepositoryMissingError, UsageError } from '../../errors';
import { replicaHealth } from '../../repository/replica-health';
import { Repository } from '../../repository/repository';
import type { CommandContext } from '../context';
import { isSamePlace } from '../same-place';

/** How the replica is that was asked about, and what it took to learn that there. */
export async function compareReplica(
  { config, openStorage, repository, log, signal }: CommandContext,
  { replica: url, maxLag }: VerifyOptions,
): Promise<{ readonly replica: ReplicaHealth | null; readonly requests: Requests }> {
  if (url === undefined) return { replica: null, requests: {} };
  await refuseItself(config.repository.url, url);
  const storage = await openStorage(url).catch(advise(url));
  try {
    const there = await Repository.open(storage, { create: false, now: repository.now }).catch(advise(url));
    const maxWaiting = parseDuration(maxLag);
    const replica = await replicaHealth(repository, there, {
      maxWaiting,
      signal,
      warn: (message) => log.warn(message),
    });
    return { replica, requests: { ...storage.requests } };
  } finally {
    await storage.close();
  }
}

/** No backup makes a replica, so what is advised of a repository that is missing would be wrong. */
function advise(url: string): (error: unknown) => never {
  return (cause) => {
    if (!(cause instanceof RepositoryMissingError)) throw cause;
    throw new RepositoryMissingError(
      `verify: there is no repository at the replica '${url}'; check '--replica', or make the copy by 'replicate --to'`,
      cause.evidence,
      { cause },
    );
  };
}

async function refuseItself(repository: string, url: string): Promise<void> {
  if (!(await isSamePlace(repository, url))) return;
  throw new UsageError(
    `verify: '--replica' names the repository itself, '${repository}', got '${url}'; give the URL of a copy of it`,
  );
}
