import { claimRef } from '../../cluster/objects/claims';
import { UsageError } from '../../errors';
import { refuseDeleted } from './configuration/configuration-changes';
import type { ConfigurationPlan } from './configuration/restore-configuration';
import type { CoordinatedRun } from './coordinated-run';

/** Throws when there is no volume to move data to: a mover would wait for it while Tempo is stopped. */
export async function refuseMissingClaims({ api, kubernetes }: CoordinatedRun, plan: ConfigurationPlan): Promise<void> {
  const { namespace, persistentVolumeClaims } = kubernetes;
  for (const name of persistentVolumeClaims) {
    if (plan.changes.some(({ ref, created }) => created && ref.kind === 'PersistentVolumeClaim' && ref.name === name))
      continue;
    const claim = await api.get(claimRef(namespace, name));
    if (!claim)
      throw new UsageError(
        `restore data: there is no PersistentVolumeClaim '${name}' in namespace '${namespace}'; ` +
          `have it made by '--scope full', or make it by hand, or correct 'kubernetes.persistentVolumeClaims'`,
      );
    refuseDeleted(claim);
  }
}
