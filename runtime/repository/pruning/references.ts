import type { Manifest, TenantSummary } from '../../../lib/contract/manifest';
import { IntegrityError } from '../../errors';
import { forEachConcurrently } from '../../streams/concurrency';
import { filesOf } from '../layout-guard';
import { isDamage, type Repository } from '../repository';

const INDEXES_AT_ONCE = 4;

/** Every key that the points name. An index that can't be read ends it: nobody knows what it named. */
export async function keysNamedBy(
  repository: Repository,
  manifests: readonly Manifest[],
  signal?: AbortSignal,
): Promise<Set<string>> {
  const keys = new Set<string>();
  const indexes = new Map<string, TenantSummary>();
  for (const { tenants, wal, config } of manifests) {
    for (const { pages } of wal) for (const { key } of pages) keys.add(key);
    for (const { key } of config) keys.add(key);
    for (const summary of tenants) indexes.set(JSON.stringify(summary), summary);
  }
  await forEachConcurrently(
    indexes.values(),
    INDEXES_AT_ONCE,
    async (summary) => {
      keys.add(summary.index.key);
      const { blocks } = await orNothingDeleted(() => repository.index(summary));
      for (const block of blocks) for (const { key } of filesOf(summary.tenant, block)) keys.add(key);
    },
    signal,
  );
  return keys;
}

export async function orNothingDeleted<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    throw new IntegrityError(
      `prune repository: ${cause.message}; nothing is deleted while it can't be read: bring it back, or remove the recovery points that name it by hand`,
      cause.evidence,
      { cause },
    );
  }
}
