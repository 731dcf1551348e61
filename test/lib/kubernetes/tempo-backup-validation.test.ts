import { App, Chart, Duration, Testing } from 'cdk8s';
import { recommendedPlan } from '../../../lib/contract/index';
import {
  BackupPlan,
  BackupRepository,
  BackupRule,
  ChangeGate,
  Encryption,
  Schedule,
  Tempo,
  TempoBackup,
  TempoStorage,
} from '../../../lib/kubernetes/index';
import { newBackup, newChart, sampleRepository, sampleTempo, Synthesized } from '../../helpers/synthesized';

const rule = (name: string, props: Partial<ConstructorParameters<typeof BackupRule>[0]> = {}) =>
  new BackupRule({ name, schedule: Schedule.cron('0 5 * * *'), deleteAfter: Duration.days(30), ...props });

describe('a backup that contradicts itself', () => {
  const failing = (props: Parameters<typeof newBackup>[0], change: (backup: TempoBackup) => void = () => undefined) => {
    const backup = newBackup(props);
    change(backup);
    return () => Synthesized.of(backup);
  };

  it('throws when the chart has no namespace', () => {
    const chart = new Chart(new App(), 'chart');
    expect(() => new TempoBackup(chart, 'Backup', { tempo: sampleTempo(), repository: sampleRepository() })).toThrow(
      "chart/Backup: the chart must have a namespace, that of Tempo; write 'new Chart(app, id, { namespace: … })'",
    );
  });

  it.each(['a.b', 'Observability', 'a'.repeat(64)])('throws when its namespace is %s', (namespace) => {
    expect(() => newBackup({}, newChart(namespace))).toThrow(
      `chart/Backup: 'namespace' of the chart must be up to 63 lower-case letters, digits and dashes, got "${namespace}"`,
    );
  });

  it('throws with its path when Tempo has objects with odd names', () => {
    const tempo = Tempo.fromAttributes({
      podLabels: { app: 'tempo' },
      workload: { kind: 'StatefulSet', name: 'My Tempo' },
      storage: TempoStorage.persistentVolumeClaim('data'),
    });
    expect(() => newBackup({ tempo })).toThrow(
      "chart/Backup: 'kubernetes.workload.name' must be the name of a Kubernetes object",
    );
  });

  it('fails synth when there is no rule, so that nothing is ever backed up', () => {
    const nothing = { recoveryPoint: null };
    const objectives = { config: nothing, localData: nothing, wal: nothing };
    const plan = BackupPlan.fromData({ rules: [], objectives });
    expect(failing({ plan })).toThrow(
      "[chart/Backup] the plan has no rule, so nothing is ever backed up; call 'addRule()'",
    );
    expect(failing({ plan }, (backup) => backup.addRule(rule('mine')))).not.toThrow();
  });

  it('fails synth when plain data asks for volume snapshots that nothing makes', () => {
    const [deleteAfter, schedule] = [Duration.days(30), Schedule.cron('0 4 * * *')];
    const rule = { name: 'nightly', schedule: { cron: '0 4 * * *' }, deleteAfter: '30d' };
    const plan = BackupPlan.fromData({ volumeSnapshots: [rule] });
    const message =
      "[chart/Backup] 'plan.volumeSnapshots.nightly' asks for volume snapshots at '0 4 * * *', kept 30d, and nothing makes such ones; call 'addVolumeSnapshots()'";
    expect(failing({ plan })).toThrow(message);
    expect(failing({ plan }, (backup) => backup.addVolumeSnapshots({ name: 'nightly', schedule }))).toThrow(message);
    const added = failing({ plan }, (backup) => backup.addVolumeSnapshots({ name: 'nightly', schedule, deleteAfter }));
    expect(added).not.toThrow();
    expect(failing({ plan: BackupPlan.fromData(recommendedPlan()) })).not.toThrow();
  });

  it('fails synth when Secrets would be stored in clear', () => {
    const tempo = Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', secrets: ['tempo-s3'] });
    expect(failing({ tempo })).toThrow(
      "[chart/Backup] 'tempo.secrets' names 'tempo-s3', but the plan has no 'secretsEncryption'",
    );
    const plan = BackupPlan.recommended().with({ secretsEncryption: Encryption.passphrase('backup-passphrase') });
    expect(failing({ tempo, plan })).not.toThrow();
  });

  it('fails synth when a rule keeps nothing', () => {
    expect(failing({}, (backup) => backup.addRule(rule('mine', { deleteAfter: Duration.days(1) })))).toThrow(
      "[chart/Backup] 'plan.rules.mine.deleteAfter' must be longer than the interval of rule 'mine' (every 1d), got 1d",
    );
  });

  it('fails synth when a WAL rule has no volume that holds the WAL', () => {
    const storage = TempoStorage.persistentVolumeClaim('data', { walPath: null });
    const attributes = {
      podLabels: { app: 'tempo' },
      workload: { kind: 'StatefulSet', name: 'tempo' } as const,
      storage,
    };
    expect(failing({ tempo: Tempo.fromAttributes(attributes) })).toThrow(
      "[chart/Backup] 'plan.rules.wal.scope' is 'wal' in rule 'wal', but no volume holds the WAL",
    );
  });

  it('fails synth when a recovery point objective is missed', () => {
    const plan = BackupPlan.recommended().with({ objectives: { wal: { recoveryPoint: Duration.minutes(5) } } });
    expect(failing({ plan })).toThrow(
      "[chart/Backup] 'plan.objectives.wal.recoveryPoint' can't be met: it is 5m, but rule 'wal' runs every 10m",
    );
  });

  it('fails synth when verification is rarer than the shortest retention, or missing', () => {
    const monthly = BackupPlan.recommended().with({ verification: { fullSchedule: Schedule.monthly() } });
    expect(failing({ plan: monthly })).toThrow(
      "[chart/Backup] 'plan.verification.fullSchedule' must not be rarer than the shortest retention, got every 31d",
    );
    const never = BackupPlan.fromData({ verification: { fullSchedule: null } });
    expect(failing({ plan: never })).toThrow("'plan.verification.fullSchedule' must be set, got null");
  });

  it.each([
    [
      'lifecycle rules expire current objects',
      { lifecycle: [{ objects: 'current', after: '30d', action: 'expire' }] },
      'must not expire current',
    ],
    [
      'archived objects thaw too slowly',
      { lifecycle: [{ objects: 'current', after: '30d', action: 'transition', storageClass: 'GLACIER' }] },
      "must not move current objects to GLACIER, which takes 5h to thaw: the recovery time objective of 'config' is 5m",
    ],
    [
      'versions are kept for less than the detection window',
      { lifecycle: [{ objects: 'noncurrent', after: '7d', action: 'expire' }] },
      'must keep noncurrent versions for at least the detection window of 14d, got 7d',
    ],
    ['the lock outlives a point', { lockPeriod: '30d' }, "got 30d with 7d of rule 'wal'"],
  ] as const)('fails synth when %s', (_, storage, message) => {
    const plan = BackupPlan.fromData({ storage: storage as never });
    expect(failing({ plan })).toThrow(message);
  });

  it('fails synth when a run may take as long as the interval', () => {
    const slow = (allowedRunTime: Duration) => (backup: TempoBackup) =>
      backup.addRule(rule('mine', { allowedRunTime }));
    expect(failing({}, slow(Duration.days(1)))).toThrow(
      "[chart/Backup] 'plan.rules.mine.allowedRunTime' must be shorter than the interval, got 1d with 1d: the next run would be skipped",
    );
    expect(failing({}, slow(Duration.hours(23)))).not.toThrow();
  });

  it('fails synth when a run may take longer than prune waits for it, as it would not commit', () => {
    const schedule = Schedule.cron('0 5 1 * *');
    const slow = (allowedRunTime: Duration) => (backup: TempoBackup) =>
      backup.addRule(rule('mine', { schedule, deleteAfter: Duration.days(90), allowedRunTime }));
    expect(failing({}, slow(Duration.days(2)))).toThrow(
      "[chart/Backup] 'plan.rules.mine.allowedRunTime' must not be longer than 'plan.prune.grace', got 2d with 1d: a backup that ran for longer wouldn't commit",
    );
    expect(failing({}, slow(Duration.days(1)))).not.toThrow();
  });

  it.each<[string, () => unknown]>([
    ['allowedRunTime', () => rule('mine', { allowedRunTime: Duration.seconds(0) })],
    ['allowedRunTime', () => newBackup().addVolumeSnapshots({ allowedRunTime: Duration.millis(999) })],
    ['restore.deadline', () => newBackup({ restore: { deadline: Duration.seconds(0) } })],
    ['timeLimit', () => newBackup({ restore: { timeLimit: Duration.seconds(0) } })],
    ['deadline', () => newBackup().addChangeGate({ mechanism: ChangeGate.PLAIN_JOB, deadline: Duration.seconds(0) })],
  ])("throws when '%s' would end a run before it began", (name, make) => {
    expect(make).toThrow(`'${name}' must be at least a second, got`);
  });
});

describe('a repository', () => {
  const bucket = (prefix?: string) => BackupRepository.s3({ bucket: 'acme', region: 'eu-west-1', prefix });
  const named = (name: string) => Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', name });
  const minio = () => BackupRepository.s3Compatible({ endpoint: 'http://minio:9000', bucket: 'acme' });
  /** Synth of the second of two backups, each in a chart of its own of the same program, or both in one. */
  const second = (repositories: readonly [BackupRepository, BackupRepository], charts: 1 | 2) => {
    const app = Testing.app();
    const [first, last] = repositories.map((repository, index) => {
      const id = `chart-${Math.min(index + 1, charts)}`;
      const found = app.node.tryFindChild(id);
      const chart = found instanceof Chart ? found : new Chart(app, id, { namespace: 'observability' });
      return new TempoBackup(chart, `Backup-${index}`, { tempo: named(`tempo-${index}`), repository });
    });
    return () => [first, last].map((backup) => backup && Synthesized.of(backup));
  };

  it('fails synth when two Tempos of a program share a bucket and prefix', () => {
    const message =
      "[chart-1/Backup-0] 'repository' is 's3://acme?region=eu-west-1', and so is that of 'chart-2/Backup-1': a repository takes recovery points of one Tempo only";
    expect(second([bucket(), bucket()], 2)).toThrow(message);
    expect(second([bucket(), bucket('other')], 2)).not.toThrow();
  });

  it('fails synth when two Tempos of a chart share a volume, or a server within the cluster', () => {
    const volume = () => BackupRepository.volume('backups');
    for (const make of [volume, minio]) {
      expect(second([make(), make()], 1)).toThrow("and so is that of 'chart-1/Backup-1'");
      // Charts of one program may be for two clusters.
      expect(second([make(), make()], 2)).not.toThrow();
    }
    expect(second([volume(), BackupRepository.volume('backups', { path: 'b' })], 1)).not.toThrow();
  });

  it("fails synth on Tempo's own volume", () => {
    expect(() => Synthesized.of(newBackup({ repository: BackupRepository.volume('tempo') }))).toThrow(
      "[chart/Backup] 'repository' is volume 'tempo', and so is 'tempo.storage': what destroys Tempo's data takes the recovery points with it",
    );
  });

  it("fails synth within Tempo's own bucket, or around it", () => {
    const within = (prefix: string | undefined, tempoPrefix: string | undefined) => () => {
      const wal = { claim: 'wal' };
      const storage = TempoStorage.s3({ bucket: 'acme', region: 'eu-west-1', prefix: tempoPrefix, wal });
      const tempo = Tempo.fromHelmRelease('tempo', { chart: 'tempo-distributed', storage });
      return Synthesized.of(newBackup({ tempo, repository: bucket(prefix) }));
    };
    expect(within('backup', undefined)).toThrow(
      "[chart/Backup] 'repository' is 's3://acme/backup/' and 'tempo.storage' is 's3://acme/', one within the other: Tempo takes what lies there for tenants",
    );
    expect(within(undefined, 'tempo')).toThrow('one within the other');
    expect(within('backup', 'tempo')).not.toThrow();
    expect(within('tempo-backup', 'tempo')).not.toThrow();
  });
});

describe('two backups in one chart', () => {
  const add = (chart: Chart, id: string, name: string) =>
    new TempoBackup(chart, id, {
      tempo: Tempo.fromHelmRelease('tempo', { chart: 'sb-helm-charts', name }),
      repository: BackupRepository.s3({ bucket: `acme-${id.toLowerCase()}`, region: 'eu-west-1' }),
    });

  it('fail synth when their objects have the same names, of which one would win in silence', () => {
    const chart = newChart();
    add(chart, 'One', 'tempo');
    add(chart, 'Two', 'tempo');
    expect(() => Synthesized.of(chart)).toThrow(
      "[chart/One] the chart defines ConfigMap 'tempo-backup-config' (also 'chart/Two/Configuration/ConfigMap'), ",
    );
    expect(() => Synthesized.of(chart)).toThrow(
      "and 20 more twice; give each Tempo a 'name' of its own, which its objects are named after",
    );
  });

  it('fail synth when one object of many has the name of another', () => {
    const chart = newChart();
    add(chart, 'One', 'a').addRule(rule('restore'));
    add(chart, 'Two', 'a-backup');
    expect(() => Synthesized.of(chart)).toThrow(
      "the chart defines CronJob 'a-backup-restore' (also 'chart/Two/Restore/Coordinator/CronJob') twice",
    );
  });

  it('stand beside each other when their Tempos have names of their own', () => {
    const chart = newChart();
    add(chart, 'One', 'one');
    add(chart, 'Two', 'two');
    const names = Synthesized.of(chart).names();
    expect(names).toHaveLength(46);
    expect(new Set(names).size).toBe(46);
  });
});
