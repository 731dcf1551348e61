import { Chart, Duration, Testing } from 'cdk8s';
import { Schedule, type TempoBackup, VolumeSnapshotClass } from '../../../lib/kubernetes/index';
import { forSnapshot, newBackup, newChart, Synthesized } from '../../helpers/synthesized';

describe('volume snapshots', () => {
  it('are made daily and kept for two weeks unless told otherwise', () => {
    const backup = newBackup();
    expect(backup.addVolumeSnapshots().name).toBe('tempo-snapshot-daily');
    const synthesized = Synthesized.of(backup);
    expect(synthesized.config.plan.volumeSnapshots).toEqual([
      { name: 'daily', schedule: { cron: '36 2 * * *', timeZone: 'UTC' }, deleteAfter: '14d', allowedRunTime: null },
    ]);
    expect(synthesized.config.kubernetes?.volumeSnapshotClass).toBeUndefined();
    const made = synthesized.objects.filter(({ metadata }) => metadata.name.startsWith('tempo-snapshot'));
    expect(forSnapshot(made)).toMatchSnapshot();
  });

  it('are made by several rules, each with its CronJob, pruned by one', () => {
    const chart = newChart();
    const backup = newBackup({}, chart);
    const volumeSnapshotClass = VolumeSnapshotClass.awsEbs(chart, 'Snapshots');
    backup.addVolumeSnapshots({ volumeSnapshotClass });
    const weekly = { schedule: Schedule.weekly({ minute: 0 }), deleteAfter: Duration.days(90) };
    backup.addVolumeSnapshots({ volumeSnapshotClass, ...weekly, allowedRunTime: Duration.hours(2) });
    const quarterly = { name: 'quarterly', schedule: Schedule.cron('0 5 1 */3 *'), deleteAfter: Duration.days(730) };
    backup.addVolumeSnapshots({ volumeSnapshotClass, ...quarterly });
    const synthesized = Synthesized.of(backup);
    expect(synthesized.names('CronJob').filter((name) => name.startsWith('tempo-snapshot'))).toEqual([
      'tempo-snapshot-prune',
      'tempo-snapshot-daily',
      'tempo-snapshot-weekly',
      'tempo-snapshot-quarterly',
    ]);
    expect(synthesized.config.plan.volumeSnapshots.slice(1)).toEqual([
      { name: 'weekly', schedule: { cron: '0 2 * * 0', timeZone: 'UTC' }, deleteAfter: '90d', allowedRunTime: '2h' },
      {
        name: 'quarterly',
        schedule: { cron: '0 5 1 */3 *', timeZone: 'UTC' },
        deleteAfter: '730d',
        allowedRunTime: null,
      },
    ]);
    expect(synthesized.cronJob('tempo-snapshot-weekly').jobTemplate.spec?.activeDeadlineSeconds).toBe(7200);
    expect(synthesized.config.kubernetes?.volumeSnapshotClass).toBe('tempo-backup-aws-ebs');
  });

  it('have an identity only when they are asked for', () => {
    const backup = newBackup();
    expect(() => backup.identity('snapshot')).toThrow(
      "chart/Backup: there is no identity 'snapshot' yet; call 'addVolumeSnapshots()' first",
    );
    backup.addVolumeSnapshots();
    expect(backup.identity('snapshot').name).toBe('tempo-snapshot');
  });

  it.each([
    ['has no name', { schedule: Schedule.cron('0 5 * * *') }, "'name' must be given with the schedule '0 5 * * *'"],
    ['is called prune', { name: 'prune' }, "'name' must not be 'prune'"],
    ['has an odd name', { name: 'My Rule' }, "'volumeSnapshots.My Rule.name' must be up to 40 lower-case letters"],
  ])('throw when a rule %s', (_, options, message) => {
    expect(() => newBackup().addVolumeSnapshots(options)).toThrow(message);
  });

  it('throw when the name of a rule is taken', () => {
    const backup = newBackup();
    backup.addVolumeSnapshots();
    expect(() => backup.addVolumeSnapshots()).toThrow(
      "chart/Backup: a volume snapshot rule must have a name of its own, but 'daily' is taken; give it another",
    );
  });

  it('throw when two rules want different classes', () => {
    const backup = newBackup();
    backup.addVolumeSnapshots({ volumeSnapshotClass: VolumeSnapshotClass.fromName('one') });
    expect(() => backup.addVolumeSnapshots({ schedule: Schedule.weekly() })).toThrow(
      "chart/Backup: 'volumeSnapshotClass' must be the same for all volume snapshots, got the default after 'one'",
    );
  });

  it('fail synth when they keep nothing or miss their objective', () => {
    const failing = (...all: Parameters<TempoBackup['addVolumeSnapshots']>[0][]) => {
      const backup = newBackup();
      for (const options of all) backup.addVolumeSnapshots(options);
      return () => Synthesized.of(backup);
    };
    expect(failing({ deleteAfter: Duration.days(1) })).toThrow(
      "'plan.volumeSnapshots.daily.deleteAfter' must be longer than the interval of rule 'daily' (every 1d), got 1d",
    );
    expect(failing({ schedule: Schedule.weekly(), deleteAfter: Duration.days(90) })).toThrow(
      "'plan.objectives.volumeSnapshot.recoveryPoint' can't be met: it is 24h, but rule 'weekly' runs every 7d",
    );
  });
});

describe('a VolumeSnapshotClass', () => {
  const synthesize = (define: (chart: Chart) => unknown): Record<string, unknown> => {
    const chart = newChart();
    define(chart);
    return (Testing.synth(chart) as Record<string, unknown>[])[0] ?? {};
  };

  it('fails synth when a chart defines it twice', () => {
    const chart = newChart();
    VolumeSnapshotClass.awsEbs(chart, 'One');
    VolumeSnapshotClass.awsEbs(chart, 'Two');
    expect(() => Synthesized.of(chart)).toThrow(
      "[chart/One] the chart defines VolumeSnapshotClass 'tempo-backup-aws-ebs' (also 'chart/Two/VolumeSnapshotClass') twice; define it once",
    );
  });

  it('belongs to the whole cluster, whatever the namespace of the chart', () => {
    const expected = {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotClass',
      metadata: {
        name: 'tempo-backup-aws-ebs',
        labels: {
          'app.kubernetes.io/name': 'tempo-backup',
          'app.kubernetes.io/version': '0.1.0',
          'app.kubernetes.io/part-of': 'tempo',
          'app.kubernetes.io/managed-by': 'cdk8s',
        },
      },
      driver: 'ebs.csi.aws.com',
      deletionPolicy: 'Delete',
    };
    expect(synthesize((chart) => VolumeSnapshotClass.awsEbs(chart, 'Snapshots'))).toEqual(expected);
    const chart = new Chart(Testing.app(), 'without-namespace');
    VolumeSnapshotClass.awsEbs(chart, 'Snapshots');
    expect(Testing.synth(chart)).toEqual([expected]);
  });

  it.each([
    ['gcePd', 'tempo-backup-gce-pd', 'pd.csi.storage.gke.io', undefined],
    ['azureDisk', 'tempo-backup-azure-disk', 'disk.csi.azure.com', { incremental: 'true' }],
    ['csiHostPath', 'tempo-backup-csi-hostpath', 'hostpath.csi.k8s.io', undefined],
  ] as const)('of %s knows its driver', (factory, name, driver, parameters) => {
    const object = synthesize((chart) => VolumeSnapshotClass[factory](chart, 'Snapshots'));
    expect(object).toMatchObject({ metadata: { name }, driver, deletionPolicy: 'Delete' });
    expect(object['parameters']).toEqual(parameters);
  });

  it('takes name, deletion policy and parameters, for any driver', () => {
    const options = { name: 'mine', deletionPolicy: 'Retain', parameters: { a: 'b' } } as const;
    for (const factory of ['awsEbs', 'gcePd', 'azureDisk', 'csiHostPath'] as const) {
      const object = synthesize((chart) => VolumeSnapshotClass[factory](chart, 'Snapshots', options));
      expect(object).toMatchObject({ metadata: { name: 'mine' }, deletionPolicy: 'Retain', parameters: { a: 'b' } });
    }
    const object = synthesize((chart) => new VolumeSnapshotClass(chart, 'S', { ...options, driver: 'x.csi.dev' }));
    expect(object).toMatchObject({ driver: 'x.csi.dev', metadata: { name: 'mine' } });
  });

  it('that is there already is only named', () => {
    expect(VolumeSnapshotClass.fromName('theirs')).toEqual({ name: 'theirs' });
  });
});
