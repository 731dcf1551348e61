import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { RestoreResult } from '../../../lib/contract/results';
import { type Pace, REAL_PACE } from '../../cluster/workload/wait-until';
import { overlapsItself, unfinishedRollout } from '../../cluster/workload/workload';
import type { CommandContext, Outcome } from '../context';
import { planned, restored } from './cluster-result';
import { compareData, NOT_COMPARED } from './compare-data';
import { NO_CONFIGURATION, restoreConfiguration, rollBackConfiguration } from './configuration/restore-configuration';
import { type CoordinatedRun, openRun, partsOf } from './coordinated-run';
import { leaveSafely, RolledBackError, sayIfStopped } from './leave-safely';
import { moveData } from './mover/move-data';
import { prepareRestore, type Prepared } from './prepare-restore';
import { finishSession, saveSession } from './restore-session';
import { NotReadyError, restartTempo, startTempo } from './start-tempo';
import { stopTempo } from './stop-tempo';

/**
 * Brings Tempo back in its cluster: verify the point, check the configuration, stop, put back configuration and data, start, compare. Killed
 * anywhere and started again, it goes on.
 */
export async function coordinateRestore(
  context: CommandContext,
  options: RestoreOptions,
  pace: Pace = REAL_PACE,
): Promise<Outcome<RestoreResult>> {
  const run = await openRun(context, options, pace);
  const prepared = await sayIfStopped(run, () => prepareRestore(run));
  if (options.dryRun) return planned(run, prepared);
  await sayIfStopped(run, () => saveSession(run, prepared.saved));
  try {
    return await carryOut(run, prepared);
  } catch (error) {
    throw await leaveSafely(run, prepared, error);
  }
}

async function carryOut(run: CoordinatedRun, prepared: Prepared): Promise<Outcome<RestoreResult>> {
  const { phases } = run;
  const { manifest, saved, plan } = prepared;
  if (partsOf(run.options).data === undefined) return restoreConfigurationAlone(run, prepared);
  await stop(run, prepared);
  if (plan !== NO_CONFIGURATION) await phases.time('restore configuration', () => restoreConfiguration(run, plan));
  const moved = await phases.time('restore data', () => moveData(run, saved.session, manifest.id));
  const replicas = await phases.time('start Tempo', () => startTempo(run));
  const samples = moved.result.sampleTraces ?? [];
  const comparison =
    replicas > 0 ? await phases.time('compare', () => compareData(run, manifest, samples)) : NOT_COMPARED;
  await finishSession(run, saved);
  return restored(run, prepared, { replicas, moved, comparison });
}

/** Nothing is stopped that isn't there. */
async function stop(run: CoordinatedRun, { workload }: Prepared): Promise<void> {
  if (workload) await run.phases.time('stop Tempo', () => stopTempo(run));
}

async function restoreConfigurationAlone(run: CoordinatedRun, prepared: Prepared): Promise<Outcome<RestoreResult>> {
  const { saved, plan } = prepared;
  let replicas: number;
  try {
    const inPlace = restartsInPlace(run, prepared);
    replicas = await takeOver(run, prepared, { inPlace, change: () => restoreConfiguration(run, plan) });
  } catch (error) {
    if (!(error instanceof NotReadyError) || !prepared.workload) throw error;
    throw await rollBack(run, prepared, error);
  }
  await finishSession(run, saved);
  return restored(run, prepared, { replicas, moved: undefined, comparison: NOT_COMPARED });
}

/** Tempo is ready again with the configuration that it had, or at least has it again. */
async function rollBack(run: CoordinatedRun, prepared: Prepared, cause: NotReadyError): Promise<RolledBackError> {
  const { saved, manifest } = prepared;
  const { phases, context } = run;
  context.log.error(`${cause.message}; rolling back`);
  run.tempo.started = false;
  const rolledBack = `the configuration of '${manifest.id}' is rolled back`;
  try {
    await phases.time('roll back', () =>
      takeOver(run, prepared, { inPlace: false, change: () => rollBackConfiguration(run, saved) }),
    );
  } catch (error) {
    if (!(error instanceof NotReadyError)) throw error;
    await finishSession(run, saved);
    const found = `${cause.message}; ${rolledBack}, and Tempo isn't ready with the one that it had either`;
    return new RolledBackError(found, cause.exitCode, cause.evidence, { cause: error });
  }
  await finishSession(run, saved);
  const text = `${cause.message}; ${rolledBack}: Tempo is ready with the one that it had`;
  return new RolledBackError(text, cause.exitCode, cause.evidence, { cause });
}

/**
 * Whether Tempo can read a new configuration pod by pod: not where two Tempos would share a volume meanwhile, and not while a pod isn't
 * ready, as a StatefulSet replaces none after that one, not even by what would mend it.
 */
function restartsInPlace({ tempo }: CoordinatedRun, { workload }: Prepared): boolean {
  return workload !== undefined && !tempo.stopped && !overlapsItself(workload) && unfinishedRollout(workload) === null;
}

/** Changes the configuration and has Tempo read it. */
async function takeOver(
  run: CoordinatedRun,
  prepared: Prepared,
  { inPlace, change }: { readonly inPlace: boolean; readonly change: () => Promise<void> },
): Promise<number> {
  const { phases } = run;
  if (!inPlace) await stop(run, prepared);
  await phases.time('restore configuration', change);
  return phases.time('start Tempo', () => (inPlace ? restartTempo(run) : startTempo(run)));
}
