import { POINTS_PREFIX, REPOSITORY_KEY } from '../../lib/contract/repository-layout';
import type { Storage } from '../storage/storage';

/**
 * Whether two servers show the same objects, not equal ones: one bucket by two names, or one that the server itself copies to another. A copy
 * that was sent there is younger; of folders that says nothing, as tools keep the times of files.
 */
export async function isSameStorage(one: Storage, other: Storage): Promise<boolean> {
  if (!one.isServer || !other.isServer) return false;
  const [first, second] = [await one.head(REPOSITORY_KEY), await other.head(REPOSITORY_KEY)];
  if (!first || first.modifiedAt.getTime() !== second?.modifiedAt.getTime()) return false;
  const [points, others] = [await pointsOf(one), await pointsOf(other)];
  return points.size > 0 && points.size === others.size && [...points].every((point) => others.has(point));
}

async function pointsOf(storage: Storage): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { key, modifiedAt } of storage.list(POINTS_PREFIX)) found.add(`${key} ${modifiedAt.getTime()}`);
  return found;
}
