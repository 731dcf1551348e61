import { App, Duration } from 'cdk8s';
import {
  BackupPlan,
  BackupRepository,
  BackupRule,
  Group,
  RunnerImage,
  Schedule,
  TempoBackup,
  VolumeSnapshotClass,
} from 'tempo-backup/kubernetes';
import { TempoChart } from './tempo-chart';

const app = new App();
const chart = new TempoChart(app, 'platform', { namespace: 'monitoring' });

const backup = new TempoBackup(chart, 'Backup', {
  tempo: chart.tempo,
  repository: BackupRepository.s3({ bucket: 'acme-tempo-backups', region: 'eu-west-1', prefix: 'prod' }),
  image: RunnerImage.fromRegistry('registry.acme.dev/tempo-backup'),
  plan: BackupPlan.recommended().with({ prune: { grace: Duration.days(2) } }),
});
backup.addRule(
  new BackupRule({
    name: 'quarterly',
    schedule: Schedule.cron('0 5 1 */3 *', { timeZone: 'Europe/Berlin' }),
    deleteAfter: Duration.days(730),
  }),
);
backup.addVolumeSnapshots({
  volumeSnapshotClass: VolumeSnapshotClass.awsEbs(chart, 'Snapshots'),
  schedule: Schedule.daily({ hour: 2 }),
  deleteAfter: Duration.days(14),
});
backup.grantRestore(Group.fromName('on-call'));

app.synth();
