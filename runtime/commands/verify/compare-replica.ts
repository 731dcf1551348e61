import type { VerifyOptions } from '../../../lib/contract/command-line/commands';
import type { ReplicaHealth } from '../../../lib/contract/replica-health';
import type { Requests } from '../../../lib/contract/results';
import { parseDuration } from '../../../lib/contract/values/duration';
import { UsageError } from '../../errors';
import { replicaHealth } from '../../repository/replica-health';
import type { CommandContext } from '../context';
import { isSamePlace } from '../same-place';

/** How the replica is that was asked about, and what it took to learn that there. */
export async function compareReplica(
  { config, openStorage, repository, log, signal }: CommandContext,
  { replica: url, maxLag }: VerifyOptions,
): Promise<{ readonly replica: ReplicaHealth | null; readonly requests: Requests }> {
  if (url === undefined) return { replica: null, requests: {} };
  await refuseItself(config.repository.url, url);
  const storage = await openStorage(url);
  try {
    const maxWaiting = parseDuration(maxLag);
    const replica = await replicaHealth(repository, storage, {
      maxWaiting,
      signal,
      warn: (message) => log.warn(message),
    });
    return { replica, requests: { ...storage.requests } };
  } finally {
    await storage.close();
  }
}

async function refuseItself(repository: string, url: string): Promise<void> {
  if (!(await isSamePlace(repository, url))) return;
  throw new UsageError(
    `verify: '--replica' names the repository itself, '${repository}', got '${url}'; give the URL of a copy of it`,
  );
}
