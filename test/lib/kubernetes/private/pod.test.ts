import { KUBERNETES_IDENTITIES } from '../../../../lib/contract/index';
import { BackupRepository, Encryption, BackupPlan, S3Credentials, Tempo } from '../../../../lib/kubernetes/index';
import { newBackup, Synthesized } from '../../../helpers/synthesized';

const backup = newBackup();
backup.addVolumeSnapshots();
const synthesized = Synthesized.of(backup);
const RUNS = synthesized.names('CronJob');

describe.each(RUNS)('the pod of %s', (name) => {
  const pod = synthesized.pod(name);
  const container = synthesized.container(name);

  it('meets the restricted pod security standard', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    });
    expect([pod.hostNetwork, pod.hostPid, pod.hostIpc, container.ports]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const allowed = ['configMap', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret', 'name'];
    expect(pod.volumes?.flatMap((volume) => Object.keys(volume)).filter((key) => !allowed.includes(key))).toEqual([]);
  });

  it("runs as Tempo's user, without changing the owner of a whole volume", () => {
    expect(pod.securityContext).toMatchObject({
      fsGroup: 10001,
      fsGroupChangePolicy: 'OnRootMismatch',
      runAsGroup: 10001,
      runAsUser: 10001,
    });
  });

  it('is run once, and given time to end well', () => {
    expect(pod).toMatchObject({ restartPolicy: 'Never', terminationGracePeriodSeconds: 30, enableServiceLinks: false });
    const { annotations } = synthesized.cronJob(name).jobTemplate.spec?.template.metadata ?? {};
    expect(annotations?.['cluster-autoscaler.kubernetes.io/safe-to-evict']).toBe('false');
  });

  it('can write to a temporary directory and finds its configuration', () => {
    expect(container.volumeMounts).toEqual(
      expect.arrayContaining([
        { name: 'config', mountPath: '/etc/tempo-backup', readOnly: true },
        { name: 'tmp', mountPath: '/tmp' },
      ]),
    );
    expect(pod.volumes).toEqual(
      expect.arrayContaining([
        { name: 'config', configMap: { name: 'tempo-backup-config' } },
        { name: 'tmp', emptyDir: {} },
      ]),
    );
  });

  it('has a token exactly when its account has rights', () => {
    const account = pod.serviceAccountName ?? '';
    expect(pod.automountServiceAccountToken).toBe(synthesized.find('Role', account) !== undefined);
    expect(synthesized.get('ServiceAccount', account).automountServiceAccountToken).toBe(false);
  });
});

describe('pods that need something', () => {
  const mountsOf = (from: Synthesized, volume: string) =>
    from
      .names('CronJob')
      .flatMap((name) =>
        (from.container(name).volumeMounts ?? [])
          .filter((mount) => mount.name === volume)
          .map(({ mountPath, readOnly }) => `${name} ${mountPath}${readOnly === true ? ' read-only' : ''}`),
      );

  it("have Tempo's volume: those that make a backup read-only, that which moves data writable, no others", () => {
    expect(mountsOf(synthesized, 'tempo')).toEqual([
      ...['wal', 'hourly', 'full', 'config', 'weekly', 'monthly'].map(
        (rule) => `tempo-backup-${rule} /var/tempo read-only`,
      ),
      'tempo-restore-mover /var/tempo',
    ]);
  });

  it('have a repository that is a volume, which a restore only reads', () => {
    const repository = BackupRepository.volume('backups');
    const writers = mountsOf(Synthesized.of(newBackup({ repository })), 'repository');
    expect(writers.filter((mount) => mount.endsWith('read-only'))).toEqual([
      'tempo-restore /repository read-only',
      'tempo-restore-mover /repository read-only',
    ]);
    expect(writers).toHaveLength(10);
  });

  it('have access keys, each of its identity', () => {
    const names = Object.fromEntries(KUBERNETES_IDENTITIES.map((name) => [name, `${name}-key`]));
    const credentials = S3Credentials.fromSecrets(names as Record<(typeof KUBERNETES_IDENTITIES)[number], string>);
    const repository = BackupRepository.s3({ bucket: 'acme', region: 'eu-west-1', credentials });
    const { env } = Synthesized.of(newBackup({ repository })).container('tempo-prune');
    expect(env?.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)).toEqual(['prune-key', 'prune-key']);
    expect(synthesized.container('tempo-prune').env).toBeUndefined();
  });

  it('have a private key: the one that coordinates a restore, no others', () => {
    const recipients = ['-----BEGIN PGP PUBLIC KEY BLOCK-----'];
    const secretsEncryption = Encryption.openPgp({ recipients, privateKey: { secret: 'key' } });
    const plan = BackupPlan.recommended().with({ secretsEncryption });
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', secrets: ['tempo-s3'] });
    const encrypted = Synthesized.of(newBackup({ plan, tempo }));
    expect(mountsOf(encrypted, 'private-key')).toEqual(['tempo-restore /keys/restore read-only']);
    expect(encrypted.config.encryption.privateKeyFile).toBe('/keys/restore/private.asc');
  });
});
