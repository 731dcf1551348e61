import { toArguments } from '../../../../lib/contract/command-line/to-arguments';
import { ExitCode } from '../../../../lib/contract/exit-codes';
import type { RestoreResult } from '../../../../lib/contract/results';
import type { ObjectRef } from '../../../cluster/cluster-api';
import { anyStarted, configArguments, endOf, podsOf } from '../../../cluster/workload/jobs';
import { waitUntil } from '../../../cluster/workload/wait-until';
import { RunnerError } from '../../../errors';
import { type CoordinatedRun, partsOf, waitingIn } from '../coordinated-run';
import type { Session } from '../restore-session';
import { checkStopped } from '../stop-tempo';
import { errorOf, neverStarted, readEnd } from './mover-end';
import { createMover, lockedBy, type Mover, moverCronJob, moversOf, removeMover } from './mover-jobs';

/** What the mover did. */
export interface Moved {
  readonly job: string;
  readonly result: RestoreResult;
  readonly exitCode: ExitCode;
  /** Whether lists in the result were cut off. */
  readonly shortened: boolean;
}

/** Has a Job that mounts the volume replace the data, or goes on with the one that an earlier run of this restore started. */
export async function moveData(run: CoordinatedRun, session: Session, recoveryPoint: string): Promise<Moved> {
  const args = await moverArguments(run, recoveryPoint);
  const movers = await moversOf(run, session);
  const { ref } = (await reusable(run, movers.at(-1), args)) ?? (await startMover(run, session, { args, movers }));
  await waitForEnd(run, ref);
  const end = await readEnd(run, ref);
  if (!end.result) throw errorOf(run, ref, end);
  const { result, exitCode, message } = end;
  return { job: ref.name, result, exitCode, shortened: message?.shortened === true };
}

/**
 * Whether Tempo's data is surely as it was before this restore. A mover that never began is deleted first: it would replace data beneath a
 * Tempo that runs again.
 */
export async function isDataUntouched(run: CoordinatedRun, session: Session): Promise<boolean> {
  if (!session.wasWhole) return false;
  const last = (await moversOf(run, session)).at(-1);
  if (!last) return true;
  if (last.ended) return (await readEnd(run, last.ref)).message?.error?.evidence?.untouched === true;
  const begun = anyStarted(await podsOf(run.api, last.ref)) || (await removeMover(run, last));
  return !begun;
}

/** Ends the mover of this restore when one is at work. */
export async function stopMoving(run: CoordinatedRun, session: Session): Promise<void> {
  const last = (await moversOf(run, session)).at(-1);
  if (last && !last.ended) await removeMover(run, last);
}

async function moverArguments(run: CoordinatedRun, recoveryPoint: string): Promise<string[]> {
  const { tenant, allow, clearWal, tempoVersion, logLevel, thaw, thawFor } = run.options;
  const scope = partsOf(run.options).data ?? 'all';
  const options = {
    recoveryPoint,
    scope,
    tenant,
    allow,
    clearWal,
    logLevel,
    ...(tempoVersion ? { tempoVersion } : {}),
    ...(thaw ? { thaw, thawFor } : {}),
  };
  // A bucket has no place to move things aside to: what it lacks is added. The write-ahead log lies on a disk in any case.
  const isOnDisk = scope === 'wal' || run.context.config.tempo.storage.backend === 'local';
  const own = toArguments('restore', { ...options, replace: isOnDisk, output: 'json', logFormat: 'json' });
  return [...own, ...configArguments(await moverCronJob(run))];
}

/** One that does the same, and either is at work or has done it. */
async function reusable(
  run: CoordinatedRun,
  mover: Mover | undefined,
  args: readonly string[],
): Promise<Mover | undefined> {
  if (!mover || mover.args.join('\0') !== args.join('\0')) return undefined;
  if (mover.ended && !(await readEnd(run, mover.ref)).result) return undefined;
  run.context.log.info(`going on with Job '${mover.ref.name}' of an earlier run`);
  return mover;
}

async function startMover(
  run: CoordinatedRun,
  session: Session,
  { args, movers }: { readonly args: readonly string[]; readonly movers: readonly Mover[] },
): Promise<Mover> {
  // Given other arguments, such as another '--allow'.
  const unfinished = movers.find(({ ended }) => !ended);
  if (unfinished) throw lockedBy(run, unfinished.ref.name);
  await checkStopped(run);
  return createMover(run, session, { args, attempt: movers.length + 1 });
}

async function waitForEnd(run: CoordinatedRun, ref: ObjectRef): Promise<void> {
  const start = waitingIn(run, () => neverStarted(run, ref));
  await waitUntil(
    async () => ((await hasEnded(run, ref)) || anyStarted(await podsOf(run.api, ref)) ? true : undefined),
    start,
  );
  // Moving takes as long as it takes; the Job has a deadline of its own.
  await waitUntil(async () => ((await hasEnded(run, ref)) ? true : undefined), { ...start, within: Infinity });
}

async function hasEnded(run: CoordinatedRun, ref: ObjectRef): Promise<boolean> {
  await checkStopped(run);
  const job = await run.api.get(ref);
  if (job) return endOf(job) !== undefined;
  throw new RunnerError(`restore data: Job '${ref.name}' was deleted; start the same restore again`, ExitCode.FAILED);
}
