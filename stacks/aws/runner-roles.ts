import { type BackupBucket, RunnerRole } from '../../lib/aws/index';
import { KUBERNETES_IDENTITIES, type KubernetesIdentity, STORAGE_COMMANDS } from '../../lib/contract/index';
import { settings } from '../settings';
import { stackSettings } from './stack-settings';

/**
 * A role for each service account of the charts, `tempo-<identity>`, whose pods work on the repository; none without a cluster. Both sides of
 * a restore read recovery points.
 */
export function makeRoles(backups: BackupBucket): Map<KubernetesIdentity, RunnerRole> {
  const { eksCluster: cluster, oidcProvider } = stackSettings();
  const { namespace } = settings;
  const roles = new Map<KubernetesIdentity, RunnerRole>();
  if (cluster === undefined && oidcProvider === undefined) return roles;
  for (const identity of KUBERNETES_IDENTITIES) {
    const isMover = identity === 'restore-mover';
    const command = isMover ? 'restore' : identity;
    if (!STORAGE_COMMANDS.includes(command)) continue;
    const serviceAccount = `tempo-${identity}`;
    const role = new RunnerRole(serviceAccount, { cluster, oidcProvider, namespace, serviceAccount });
    backups.grant(command, role, isMover ? { suffix: 'mover' } : {});
    roles.set(identity, role);
  }
  return roles;
}
