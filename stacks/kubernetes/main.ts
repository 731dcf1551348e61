import { App, Chart } from 'cdk8s';
import { BackupPlan, BackupRepository, Tempo, TempoBackup } from 'tempo-backup/kubernetes';
import { settings } from '../settings';

const app = new App();
const chart = new Chart(app, 'tempo-backup', { namespace: settings.namespace });
new TempoBackup(chart, 'Backup', {
  tempo: Tempo.fromHelmRelease(settings.release, { chart: 'sb-helm-charts' }),
  repository: BackupRepository.s3({ bucket: settings.bucket, region: settings.region }),
  plan: BackupPlan.fromData(settings.plan),
});
app.synth();
