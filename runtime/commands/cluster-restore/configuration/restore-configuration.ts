import type { Manifest } from '../../../../lib/contract/manifest';
import type { ClusterObject } from '../../../cluster/cluster-api';
import { refOf } from '../../../cluster/cluster-api';
import type { CoordinatedRun } from '../coordinated-run';
import type { SavedSession } from '../restore-session';
import { type Change, checkChanges, planChanges, writeChanges } from './configuration-changes';
import { readPointConfiguration } from './point-configuration';

/** What is to become of Tempo's objects. */
export interface ConfigurationPlan {
  readonly changes: readonly Change[];
  readonly remarks: readonly string[];
}

export const NO_CONFIGURATION: ConfigurationPlan = { changes: [], remarks: [] };

/** What a restore of the configuration changes, which the server would accept. Nothing is changed yet. */
export async function checkConfiguration(run: CoordinatedRun, manifest: Manifest): Promise<ConfigurationPlan> {
  const { api, context, kubernetes } = run;
  const { objects, remarks } = await readPointConfiguration(context, kubernetes, manifest);
  const changes = await planChanges(api, objects);
  await checkChanges(api, changes);
  return { changes, remarks };
}

export async function restoreConfiguration({ api, context }: CoordinatedRun, plan: ConfigurationPlan): Promise<void> {
  await writeChanges(api, plan.changes);
  for (const { kind, name, action, reason } of plan.changes)
    context.log.info(`${kind} '${name}' ${action}`, { reason });
}

/** Puts back what the restore replaced. What it created stays: nothing is deleted. */
export async function rollBackConfiguration(run: CoordinatedRun, { objects }: SavedSession): Promise<void> {
  const { api, kubernetes } = run;
  const before = objects.map((object) => ({ ref: refOf(object, kubernetes.namespace), object }));
  await restoreConfiguration(run, { changes: await planChanges(api, before), remarks: [] });
}

/** What is about to be replaced, after what earlier runs of this restore saved: of an object that both have, theirs is the older state. */
export function objectsToSave(
  { changes }: ConfigurationPlan,
  earlier: readonly ClusterObject[] = [],
): readonly ClusterObject[] {
  const saved = new Set(earlier.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const replaced = changes.filter(({ action, kind, name }) => action === 'replaced' && !saved.has(`${kind}/${name}`));
  return [...earlier, ...replaced.flatMap(({ before }) => before ?? [])];
}
