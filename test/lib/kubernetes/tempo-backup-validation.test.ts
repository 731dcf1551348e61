import { App, Chart, Duration } from 'cdk8s';
import {
  BackupPlan,
  BackupRule,
  Encryption,
  Schedule,
  Tempo,
  TempoBackup,
  TempoStorage,
} from '../../../lib/kubernetes/index';
import { newBackup, sampleRepository, sampleTempo, Synthesized } from '../../helpers/synthesized';

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
});
