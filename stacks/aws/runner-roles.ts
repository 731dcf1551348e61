import { type BackupBucket, RunnerRole } from '../../lib/aws/index';
import { type CommandName, STORAGE_COMMANDS } from '../../lib/contract/index';
import { settings } from '../settings';
import { stackSettings } from './stack-settings';

/** A role for each command that works on the repository, for the service account `tempo-<command>`; none without a cluster. */
export function makeRoles(backups: BackupBucket): Map<CommandName, RunnerRole> {
  const { eksCluster: cluster, oidcProvider } = stackSettings();
  const { namespace } = settings;
  const roles = new Map<CommandName, RunnerRole>();
  if (cluster === undefined && oidcProvider === undefined) return roles;
  for (const command of STORAGE_COMMANDS) {
    const serviceAccount = `tempo-${command}`;
    const role = new RunnerRole(serviceAccount, { cluster, oidcProvider, namespace, serviceAccount });
    backups.grant(command, role);
    roles.set(command, role);
  }
  return roles;
}
