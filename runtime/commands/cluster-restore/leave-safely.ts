import { ExitCode } from '../../../lib/contract/exit-codes';
import type { ClusterObject } from '../../cluster/cluster-api';
import { REPLICAS_ANNOTATION, workloadText } from '../../cluster/workload/workload';
import { InterruptedError, RefusedError, RunnerError } from '../../errors';
import { type ConfigurationPlan, rollBackConfiguration } from './configuration/restore-configuration';
import type { CoordinatedRun } from './coordinated-run';
import { isDataUntouched, stopMoving } from './mover/move-data';
import { MOVER_LABEL } from './mover/mover-jobs';
import type { Prepared } from './prepare-restore';
import { finishSession, putBackCommand, type SavedSession } from './restore-session';
import { scaleBack } from './start-tempo';
import { ScaledUpError } from './stop-tempo';

/** Tempo didn't come up with a new configuration, and has its old one again. */
export class RolledBackError extends RunnerError {}

/** Adds to whatever goes wrong before a restore begins that an earlier one has left Tempo stopped. */
export async function sayIfStopped<T>(run: CoordinatedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw run.tempo.stopped ? withNote(error, leftStopped(run, [])) : error;
  }
}

/**
 * What to throw when a restore failed after it began. If Tempo's data is surely as it was, Tempo is started again as it was; else it stays
 * at zero, as starting it on half of its data is for a person to decide, and the error says so and how.
 */
export async function leaveSafely(run: CoordinatedRun, prepared: Prepared, error: unknown): Promise<unknown> {
  const { context, tempo } = run;
  const { saved } = prepared;
  if (error instanceof RolledBackError) return error;
  if (context.signal.aborted && !tempo.started) return interrupted(run, saved);
  if (tempo.started) {
    if (!context.signal.aborted) await finishSession(run, saved);
    return withNote(error, `Tempo is started; to undo the restore: ${undoText(run, saved.objects)}`);
  }
  try {
    return await goBack(run, prepared, error);
  } catch (second) {
    context.log.error(`start Tempo again: ${(second as Error).message}`);
    return context.signal.aborted ? interrupted(run, saved) : withNote(error, leftStopped(run, saved.objects));
  }
}

async function goBack(run: CoordinatedRun, { saved, plan }: Prepared, error: unknown): Promise<unknown> {
  const { session, objects } = saved;
  if (error instanceof ScaledUpError) {
    await stopMoving(run, session);
    return error;
  }
  if (!(await isDataUntouched(run, session))) return withNote(error, leftStopped(run, objects));
  const replicas = await run.phases.time('roll back', async () => {
    await rollBackConfiguration(run, saved);
    return scaleBack(run);
  });
  await finishSession(run, saved);
  const unchanged = `nothing of Tempo is changed: ${workloadText(run.kubernetes)} has ${replicas} replicas`;
  const made = madeText(run, plan);
  return withNote(error, made === '' ? unchanged : `${unchanged}, and what was missing and is made stays: ${made}`);
}

/** Objects that this run made; nothing is deleted, and a later run finds them. */
function madeText({ phases }: CoordinatedRun, { changes }: ConfigurationPlan): string {
  if (!phases.done.some(({ name }) => name === 'restore configuration')) return '';
  const made = changes.filter(({ action }) => action === 'created');
  return made.map(({ kind, name }) => `${kind} '${name}'`).join(', ');
}

/** Said without asking the cluster: the process has seconds left. */
function interrupted(run: CoordinatedRun, { objects }: SavedSession): InterruptedError {
  const rest = run.tempo.stopped ? leftStopped(run, objects) : 'Tempo runs; start the same restore again, it goes on';
  return new InterruptedError(`restore: interrupted; a Job that moves data goes on; ${rest}`);
}

/** Says that Tempo is stopped, and how to start it. */
function leftStopped(run: CoordinatedRun, saved: readonly ClusterObject[]): string {
  return (
    `${workloadText(run.kubernetes)} is left at 0 of ${run.tempo.replicas} replicas, as its data may be replaced in part; ` +
    `start the same restore again, it goes on; or start Tempo as it is: ${endMoversCommand(run)} && ${undoText(run, saved)}`
  );
}

/** One that is still at work would replace data beneath a Tempo that runs again. */
function endMoversCommand({ kubernetes: { namespace, restore } }: CoordinatedRun): string {
  return `kubectl -n ${namespace} delete job --cascade=foreground -l ${MOVER_LABEL}=${restore.moverCronJob}`;
}

function undoText(run: CoordinatedRun, saved: readonly ClusterObject[]): string {
  return startCommands(run, saved).join(' && ');
}

/** Commands that put back the configuration and start Tempo. */
export function startCommands({ kubernetes, tempo }: CoordinatedRun, saved: readonly ClusterObject[]): string[] {
  const { namespace } = kubernetes;
  const workload = workloadText(kubernetes);
  return [
    ...(saved.length > 0 ? [putBackCommand(kubernetes)] : []),
    `kubectl -n ${namespace} scale ${workload} --replicas=${tempo.replicas}`,
    `kubectl -n ${namespace} annotate ${workload} ${REPLICAS_ANNOTATION}-`,
  ];
}

/** The same error with more to say; one that isn't for users is kept as its cause. */
export function withNote(error: unknown, note: string): RunnerError {
  if (!(error instanceof RunnerError)) {
    const message = error instanceof Error ? error.message : String(error);
    return new RunnerError(`restore: ${message}; ${note}`, ExitCode.FAILED, {}, { cause: error });
  }
  const message = `${error.message}; ${note}`;
  if (error instanceof InterruptedError) return new InterruptedError(message);
  if (error instanceof RefusedError) return new RefusedError(message, error.lift, error.evidence, { cause: error });
  return new RunnerError(message, error.exitCode, error.evidence, { cause: error });
}
