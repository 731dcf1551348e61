import { type BackupBucket, RunnerRole, type TempoBucketProtection } from '../../lib/aws/index';
import { KUBERNETES_IDENTITIES, type KubernetesIdentity, STORAGE_CALLERS } from '../../lib/contract/index';
import { settings } from '../settings';
import { stackSettings } from './stack-settings';

/** Commands that are told where the replica is: `verify --replica`, and a restore from there. */
const READERS: readonly string[] = ['verify', 'restore'];

/**
 * A role for each service account of the charts, `tempo-<identity>`, whose pods work on the repository; none without a cluster. Both sides of
 * a restore read recovery points. What verifies or restores may do so on the replica, too, where there is one. Where Tempo's blocks lie in a bucket, `backup` reads them there and the mover brings them back; a `rewind`
 * is run by a person.
 */
export function makeRoles(
  backups: BackupBucket,
  protection: TempoBucketProtection | undefined,
): Map<KubernetesIdentity, RunnerRole> {
  const { eksCluster: cluster, oidcProvider } = stackSettings();
  const { namespace } = settings;
  const roles = new Map<KubernetesIdentity, RunnerRole>();
  if (cluster === undefined && oidcProvider === undefined) return roles;
  for (const identity of KUBERNETES_IDENTITIES) {
    const isMover = identity === 'restore-mover';
    const command = isMover ? 'restore' : identity;
    if (!STORAGE_CALLERS.includes(command)) continue;
    const serviceAccount = `tempo-${identity}`;
    const role = new RunnerRole(serviceAccount, { cluster, oidcProvider, namespace, serviceAccount });
    const options = isMover ? { suffix: 'mover' } : {};
    backups.grant(command, role, options);
    if (backups.replicaArn && READERS.includes(command)) backups.grantOnReplica(command, role, options);
    if (identity === 'backup') protection?.grant('backup', role);
    if (isMover) protection?.grant('restore', role);
    roles.set(identity, role);
  }
  return roles;
}
