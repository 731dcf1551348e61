import type { Manifest } from '../../../lib/contract/manifest';
import type { ClusterObject } from '../../cluster/cluster-api';
import { autoscalerOf } from '../../cluster/workload/autoscaler';
import { refuseToLoseClaims, rememberedReplicas, replicasOf } from '../../cluster/workload/workload';
import {
  checkConfiguration,
  type ConfigurationPlan,
  NO_CONFIGURATION,
  objectsToSave,
} from './configuration/restore-configuration';
import { UsageError } from '../../errors';
import { type CoordinatedRun, partsOf } from './coordinated-run';
import { moverCronJob, refuseOtherMovers } from './mover/mover-jobs';
import { pickPoint } from './pick-point';
import { refuseMissingClaims } from './refuse-missing-claims';
import { findSession, newSession, type SavedSession } from './restore-session';
import { existingWorkload } from './stop-tempo';

/** All that is known before anything is changed. */
export interface Prepared {
  readonly manifest: Manifest;
  readonly plan: ConfigurationPlan;
  readonly saved: SavedSession;
  /** Undefined: it isn't there, and is made from the recovery point. */
  readonly workload: ClusterObject | undefined;
  readonly replicasBefore: number;
  readonly autoscaler: string | null;
}

/** Finds out everything that can go wrong while Tempo still runs. */
export async function prepareRestore(run: CoordinatedRun): Promise<Prepared> {
  const { api, options, phases, tempo } = run;
  const parts = partsOf(options);
  const workload = parts.configuration ? await api.get(run.workload) : await existingWorkload(run);
  if (workload) tempo.stopped = rememberedReplicas(workload) !== undefined && replicasOf(workload) === 0;
  tempo.replicas = replicasOfBefore(workload);
  if (workload && replicasOf(workload) > 0) refuseToLoseClaims(workload, run.kubernetes.namespace);
  const found = await findSession(run, workload);
  await refuseOtherMovers(run, found?.session);
  if (parts.data) await moverCronJob(run);
  const manifest = await phases.time('verify', () => pickPoint(run, found?.session.recoveryPoint));
  const plan = parts.configuration
    ? await phases.time('check configuration', () => checkConfiguration(run, manifest))
    : NO_CONFIGURATION;
  if (parts.data) await refuseMissingClaims(run, plan);
  if (!workload) tempo.replicas = replicasToCreate(run, plan);
  const wasWhole = workload !== undefined && rememberedReplicas(workload) === undefined;
  const session = found?.session ?? newSession(run, { recoveryPoint: manifest.id, wasWhole });
  const saved = { session, objects: objectsToSave(plan, found?.objects) };
  const autoscaler = await autoscalerOf(api, run.workload);
  return { manifest, plan, saved, workload, replicasBefore: replicasOfBefore(workload), autoscaler };
}

function replicasOfBefore(workload: ClusterObject | undefined): number {
  return workload ? (rememberedReplicas(workload) ?? replicasOf(workload)) : 0;
}

/** Throws when neither the cluster nor the recovery point has what runs Tempo. */
function replicasToCreate({ workload, kubernetes }: CoordinatedRun, { changes }: ConfigurationPlan): number {
  const created = changes.find(({ ref }) => ref.kind === workload.kind && ref.name === workload.name)?.created;
  if (created) return rememberedReplicas(created) ?? 1;
  throw new UsageError(
    `restore: neither namespace '${kubernetes.namespace}' nor the recovery point has ${workload.kind} '${workload.name}'; apply your chart first, or choose another recovery point`,
  );
}
