import { newBackup, Synthesized } from '../../helpers/synthesized';

describe('an identity of the runner', () => {
  it('is named after Tempo and what it does', () => {
    const backup = newBackup();
    expect(backup.identity('restore-mover')).toMatchObject({
      name: 'tempo-restore-mover',
      identity: 'restore-mover',
      usesApi: false,
    });
    expect(backup.identity('backup').usesApi).toBe(true);
  });

  it('has its ServiceAccount annotated for a cloud that wants that', () => {
    const backup = newBackup();
    const role = 'arn:aws:iam::123456789012:role/tempo-backup';
    backup.identity('backup').serviceAccount.metadata.addAnnotation('eks.amazonaws.com/role-arn', role);
    const synthesized = Synthesized.of(backup);
    expect(synthesized.get('ServiceAccount', 'tempo-backup').metadata.annotations).toEqual({
      'eks.amazonaws.com/role-arn': role,
    });
    expect(synthesized.get('ServiceAccount', 'tempo-prune').metadata.annotations).toBeUndefined();
  });

  it('gets neither Role nor RoleBinding when it uses no API', () => {
    const synthesized = Synthesized.of(newBackup());
    expect(synthesized.names('Role')).toEqual(['tempo-backup', 'tempo-restore']);
    expect(synthesized.names('RoleBinding')).toEqual(['tempo-backup', 'tempo-restore']);
    expect(synthesized.names('ServiceAccount')).toHaveLength(5);
  });
});
