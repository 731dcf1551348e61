import { Group, ServiceAccount, Tempo, type TempoBackup, TempoStorage, User } from '../../../lib/kubernetes/index';
import { newBackup, Synthesized } from '../../helpers/synthesized';

describe('the way back', () => {
  it('tells the names of its CronJobs', () => {
    const { restore } = newBackup();
    expect([restore.cronJobName, restore.moverCronJobName]).toEqual(['tempo-restore', 'tempo-restore-mover']);
  });

  it('has one that uses the Kubernetes API and never sees the data, and one that does the reverse', () => {
    const synthesized = Synthesized.of(newBackup());
    const volumes = (name: string) => synthesized.pod(name).volumes?.map((volume) => volume.name);
    expect(synthesized.pod('tempo-restore').automountServiceAccountToken).toBe(true);
    expect(volumes('tempo-restore')).toEqual(['config', 'tmp']);
    expect(synthesized.pod('tempo-restore-mover').automountServiceAccountToken).toBe(false);
    expect(volumes('tempo-restore-mover')).toEqual(['config', 'tmp', 'tempo', 'tempo-config-1']);
  });

  it('has a mover that replaces what lies on a volume, and adds to a bucket, which has no place to move things aside', () => {
    const storage = TempoStorage.s3({ bucket: 'acme-tempo', region: 'eu-west-1', wal: { claim: 'wal' } });
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed', storage });
    const args = (backup: TempoBackup) => Synthesized.of(backup).container('tempo-restore-mover').args;
    expect([args(newBackup())?.includes('--replace'), args(newBackup({ tempo }))?.includes('--replace')]).toEqual([
      true,
      false,
    ]);
  });

  it('has a mover that runs on any node, as no Tempo runs then', () => {
    expect(Synthesized.of(newBackup()).pod('tempo-restore-mover').affinity).toBeUndefined();
  });
});

describe('the grant to restore', () => {
  it('lets people, groups and programs start it and follow it, nothing more', () => {
    const backup = newBackup();
    backup.grantRestore(User.fromName('on-call@acme.dev'));
    backup.grantRestore(Group.fromName('platform'));
    backup.grantRestore(ServiceAccount.fromName('runbooks', { namespace: 'automation' }));
    const synthesized = Synthesized.of(backup);
    const binding = synthesized.get('RoleBinding', 'tempo-restore-starter');
    expect(binding.roleRef).toEqual({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'Role',
      name: 'tempo-restore-starter',
    });
    expect(binding.subjects).toEqual([
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'on-call@acme.dev' },
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'platform' },
      { kind: 'ServiceAccount', name: 'runbooks', namespace: 'automation' },
    ]);
    expect(synthesized.get('Role', 'tempo-restore-starter').rules).toEqual([
      { apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['get'], resourceNames: ['tempo-restore'] },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    ]);
  });

  it('is given to nobody unless asked for', () => {
    expect(Synthesized.of(newBackup()).find('Role', 'tempo-restore-starter')).toBeUndefined();
  });
});
