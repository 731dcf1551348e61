import { ExitCode } from '../../../../lib/contract/exit-codes';
import { formatDuration } from '../../../../lib/contract/values/duration';
import { reasonInEvents } from '../../../cluster/objects/events';
import { VOLUME_SNAPSHOT, type VolumeSnapshot, type VolumeSnapshots } from '../../../cluster/objects/volume-snapshots';
import { RunnerError } from '../../../errors';
import { waitFor, type WaitOptions } from '../wait-for';

/** For how long the same volume snapshot may only fail: its controller tries again, and drivers have bad minutes. */
const PATIENCE_MS = 60_000;

/** No retry makes a class appear. */
const CLASS_PROBLEM = /snapshot ?class/i;

/** Waits until a volume snapshot is ready to use. Throws why it isn't, in the words of the cluster. */
export async function whenReady(
  snapshots: VolumeSnapshots,
  name: string,
  options: WaitOptions & { readonly patienceMs?: number },
): Promise<VolumeSnapshot> {
  const { patienceMs = PATIENCE_MS } = options;
  let failingSince: number | undefined;
  const ready = await waitFor(async () => {
    const found = await snapshots.get(name);
    if (found === undefined || found.isDeleting)
      throw failure(name, 'somebody deleted it while it was awaited; run it again', ExitCode.FAILED);
    if (found.isReady) return found;
    failingSince = found.error === undefined ? undefined : (failingSince ?? performance.now());
    if (found.error !== undefined)
      giveUpIfFinal(name, found.error, performance.now() - (failingSince ?? 0) >= patienceMs);
    return undefined;
  }, options);
  if (ready !== undefined) return ready;
  const waited = `it wasn't ready within ${formatDuration(options.milliseconds)}`;
  throw failure(name, `${waited}: ${await whyNotReady(snapshots, name)}; see to that, or raise --deadline`);
}

function giveUpIfFinal(name: string, error: string, isOutOfPatience: boolean): void {
  if (CLASS_PROBLEM.test(error))
    throw failure(
      name,
      `${error}; set 'kubernetes.volumeSnapshotClass' to a VolumeSnapshotClass of the claim's driver ('kubectl get volumesnapshotclass'), or mark one as the default`,
      ExitCode.CONFIGURATION,
    );
  if (isOutOfPatience) throw failure(name, `it only fails: ${error}; see to its driver`);
}

async function whyNotReady(snapshots: VolumeSnapshots, name: string): Promise<string> {
  const found = await snapshots.get(name);
  if (found?.error !== undefined) return found.error;
  const ref = { ...VOLUME_SNAPSHOT, namespace: snapshots.namespace, name };
  return (
    (await reasonInEvents(snapshots.api, ref)) ??
    'nothing in the cluster has taken notice of it, so is a snapshot controller running?'
  );
}

function failure(name: string, reason: string, exitCode: ExitCode = ExitCode.FAILED): RunnerError {
  return new RunnerError(`create volume snapshot '${name}': ${reason}`, exitCode, { name });
}
