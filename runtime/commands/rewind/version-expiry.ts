import type { Plan } from '../../../lib/contract/plan/plan';
import { parseDuration } from '../../../lib/contract/values/duration';

/**
 * After which time the plan has noncurrent versions removed, where that is less than what has passed since the moment. Delete markers without
 * versions go with them, so nothing tells of a block that was deleted since.
 */
export function expiryOfVersions({ storage }: Plan, sinceMoment: number): string | undefined {
  return storage.lifecycle.find(
    ({ objects, action, after }) =>
      objects === 'noncurrent' && action === 'expire' && parseDuration(after) < sinceMoment,
  )?.after;
}
