import type { RewindOptions } from '../../../lib/contract/command-line/commands';
import { RefusedError, UsageError } from '../../errors';
import type { VersionedBucket } from '../../storage/bucket';
import type { BucketHistory } from '../../tempo/bucket/block-history';

export function momentOf({ to }: RewindOptions, now: Date): Date {
  if (to === undefined)
    throw new UsageError("rewind: '--to TIME' is missing; write such as '--to 2026-11-23T08:30:00Z'");
  if (to > now) throw new UsageError(`rewind: '--to' ${to.toISOString()} is in the future; it is ${now.toISOString()}`);
  return to;
}

export async function checkVersioning(bucket: VersionedBucket): Promise<void> {
  const versioning = await bucket.versioning();
  if (versioning === 'enabled') return;
  const state = versioning === 'suspended' ? 'is suspended' : "isn't on";
  throw new RefusedError(
    `rewind '${bucket.url}': versioning ${state}, so nothing earlier is kept and a deletion would be for good; switch it on for the next time, and use 'restore' now`,
    undefined,
  );
}

/** What isn't kept can't be told from what never was. */
export function checkHistory(
  { blocks, keptSince, suspendedUntil }: BucketHistory,
  { to, url, tenants }: { readonly to: Date; readonly url: string; readonly tenants: readonly string[] },
): void {
  const unknown = tenants.find((tenant) => !blocks.some((block) => block.tenant === tenant));
  if (unknown !== undefined)
    throw new UsageError(
      `rewind '${url}': tenant '${unknown}' has no blocks, and no versions of any; check '--tenant'`,
    );
  const fail = (cause: string, advice: string): RefusedError =>
    new RefusedError(`rewind '${url}' to ${to.toISOString()}: ${cause}; ${advice}`, undefined);
  if (!keptSince) throw fail('it has no versions yet', "use 'restore'");
  if (to < keptSince)
    throw fail(
      `nothing shows that versioning was on then: the oldest version is of ${keptSince.toISOString()}`,
      "give that time or a later one, or use 'restore'",
    );
  if (suspendedUntil && to < suspendedUntil)
    throw fail(
      `versioning was suspended until after ${suspendedUntil.toISOString()}, and what was overwritten meanwhile is gone`,
      "give a later time, or use 'restore'",
    );
}
