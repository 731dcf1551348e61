import { RunnerError } from '../../errors';
import type { VolumeSnapshots } from '../../cluster/objects/volume-snapshots';
import { waitFor } from './wait-for';

/** Drivers take a while, and a Job has no more than its grace period. */
const REMOVAL_MS = 10_000;

/** Deletes a volume snapshot and waits a little. False: it was asked to go and is still there. */
export async function remove(snapshots: VolumeSnapshots, name: string, milliseconds = REMOVAL_MS): Promise<boolean> {
  const signal = AbortSignal.timeout(3 * REMOVAL_MS);
  await snapshots.delete(name, { signal });
  const isGone = async () => ((await snapshots.get(name, { signal })) === undefined ? true : undefined);
  return (await waitFor(isGone, { milliseconds, signal })) ?? false;
}

/** Deletes one that failed, and tells what came of it: what went wrong before must not be hidden by this. */
export async function removeFailed(snapshots: VolumeSnapshots, name: string): Promise<string> {
  try {
    if (await remove(snapshots, name)) return 'it was deleted again';
    return 'it was asked to go and is still there, as its driver has not let go of it yet';
  } catch (error) {
    const reason = error instanceof RunnerError ? error.message : String(error);
    return `it could not be deleted (${reason}), the next 'snapshot create' or 'prune' deletes it`;
  }
}
