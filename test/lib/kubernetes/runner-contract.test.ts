import {
  KUBERNETES_IDENTITIES,
  type KubernetesIdentity,
  kubernetesRights,
  type ParsedCommand,
} from '../../../lib/contract/index';
import {
  BackupPlan,
  ChangeGate,
  Encryption,
  Tempo,
  type TempoBackup,
  VolumeSnapshotClass,
} from '../../../lib/kubernetes/index';
import { parseCommand } from '../../../runtime/command-line';
import { newBackup, newChart, Synthesized } from '../../helpers/synthesized';

function everything(): TempoBackup {
  const chart = newChart();
  const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', secrets: ['tempo-s3'], version: '2.10' });
  const plan = BackupPlan.recommended().with({ secretsEncryption: Encryption.passphrase('passphrase') });
  const backup = newBackup({ tempo, plan }, chart);
  backup.addVolumeSnapshots({ volumeSnapshotClass: VolumeSnapshotClass.csiHostPath(chart, 'Snapshots') });
  backup.addChangeGate({ mechanism: ChangeGate.PLAIN_JOB, revision: '--odd "one"' });
  return backup;
}

const synthesized = Synthesized.of(everything());
const RUNS = [...synthesized.names('CronJob'), ...synthesized.names('Job')];
const parsed = (name: string) => parseCommand(synthesized.container(name).args ?? []);

describe('the arguments of each container', () => {
  const common = { config: '/etc/tempo-backup/config.yaml', output: 'json' };
  const rules = ['wal', 'hourly', 'full', 'config', 'weekly', 'monthly'];
  const expected: Record<string, { command: ParsedCommand['command']; options: object }> = {
    ...Object.fromEntries(rules.map((rule) => [`tempo-backup-${rule}`, { command: 'backup', options: { rule } }])),
    'tempo-verify': { command: 'verify', options: { recoveryPoint: 'all', level: 'full' } },
    'tempo-prune': { command: 'prune', options: { dryRun: false, allow: [] } },
    'tempo-restore': {
      command: 'restore',
      options: { coordinate: true, scope: 'full', recoveryPoint: 'latest-verified' },
    },
    'tempo-restore-mover': {
      command: 'restore',
      options: { coordinate: false, replace: true, recoveryPoint: 'latest-verified' },
    },
    'tempo-snapshot-daily': { command: 'snapshot', options: { action: 'create', rule: 'daily' } },
    'tempo-snapshot-prune': { command: 'snapshot', options: { action: 'prune' } },
    'tempo-backup-before-change': {
      command: 'backup',
      options: { rule: 'config', pin: 'before the change to --odd "one"', pinFor: '90d' },
    },
  };

  it.each(RUNS)('are understood by the runner: %s', (name) => {
    const { command, options } = expected[name] ?? {};
    expect(parsed(name)).toMatchObject({ command, options: { ...options, ...common } });
  });

  it('are looked at for every container', () => {
    expect([...RUNS].sort()).toEqual(Object.keys(expected).sort());
  });
});

describe('the configuration of each container', () => {
  it.each(RUNS)('lies where the arguments say: %s', (name) => {
    const { volumeMounts } = synthesized.container(name);
    const { volumes } = synthesized.pod(name);
    const mount = volumeMounts?.find(({ mountPath }) => mountPath === '/etc/tempo-backup');
    const configMap = volumes?.find((volume) => volume.name === mount?.name)?.configMap?.name ?? '';
    expect(Object.keys(synthesized.get('ConfigMap', configMap).data ?? {})).toEqual(['config.yaml']);
  });

  it('names rules, volume snapshots and CronJobs as they are', () => {
    const { plan, kubernetes, tempo } = synthesized.config;
    expect(plan.rules.map(({ name }) => `tempo-backup-${name}`)).toEqual(RUNS.slice(0, 6));
    expect(plan.volumeSnapshots.map(({ name }) => name)).toEqual(['daily']);
    expect(RUNS).toEqual(expect.arrayContaining([kubernetes?.restore.cronJob, kubernetes?.restore.moverCronJob]));
    expect(kubernetes?.volumeSnapshotClass).toBe('tempo-backup-csi-hostpath');
    expect(tempo.version).toBe('2.10');
  });

  it('has the schedules at which the CronJobs run', () => {
    const { plan } = synthesized.config;
    const pairs = [
      ...plan.rules.map(({ name, schedule }) => [`tempo-backup-${name}`, schedule] as const),
      ...plan.volumeSnapshots.map(({ name, schedule }) => [`tempo-snapshot-${name}`, schedule] as const),
      ['tempo-verify', plan.verification.fullSchedule] as const,
      ['tempo-prune', plan.prune.schedule] as const,
      ['tempo-snapshot-prune', plan.prune.schedule] as const,
    ];
    for (const [name, planned] of pairs) {
      const { schedule, timeZone } = synthesized.cronJob(name);
      expect({ cron: schedule, timeZone }).toEqual(planned);
    }
  });
});

describe('the Role of each identity', () => {
  it.each(KUBERNETES_IDENTITIES)('is exactly what the contract permits: %s', (identity: KubernetesIdentity) => {
    const { kubernetes } = synthesized.config;
    if (!kubernetes) throw new Error('read configuration: it has no Kubernetes objects');
    const rights = kubernetesRights(identity, kubernetes).map(({ group, resource, verbs, names }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs,
      ...(names === undefined ? {} : { resourceNames: names }),
    }));
    expect(synthesized.find('Role', `tempo-${identity}`)?.rules ?? []).toEqual(rights);
  });

  it.each(KUBERNETES_IDENTITIES)(
    'is bound to its own account, and to nobody else: %s',
    (identity: KubernetesIdentity) => {
      const name = `tempo-${identity}`;
      const bindings = synthesized.objects.filter(
        ({ kind, roleRef }) => kind === 'RoleBinding' && roleRef?.name === name,
      );
      const subjects = bindings.flatMap((binding) => binding.subjects ?? []);
      const expected = [{ kind: 'ServiceAccount', name, namespace: 'observability' }];
      expect(subjects).toEqual(synthesized.find('Role', name) ? expected : []);
    },
  );

  it('is never for the whole cluster, never exec, never a wildcard', () => {
    const rules = synthesized.objects.flatMap((object) => object.rules ?? []);
    const words = rules.flatMap(({ resources, verbs, apiGroups }) => [
      ...(resources ?? []),
      ...verbs,
      ...(apiGroups ?? []),
    ]);
    expect(words.filter((word) => word.includes('*') || word === 'pods/exec')).toEqual([]);
    expect(synthesized.objects.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
  });
});
