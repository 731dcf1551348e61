import { parseRunnerConfig } from '../../../lib/contract/index';
import { settings } from '../../../stacks/settings';
import { objectsIn, synthProgram } from '../../helpers/synth-program';
import { parse } from 'yaml';

const synthStack = () =>
  synthProgram(() => {
    jest.requireActual('../../../stacks/kubernetes/main');
  });

describe('the Kubernetes stack', () => {
  it('defines the whole recommended plan', () => {
    const objects = objectsIn(synthStack()['tempo-backup.k8s.yaml'] ?? '');
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ConfigMap tempo-backup-config',
      'ServiceAccount tempo-backup',
      'Role tempo-backup',
      'RoleBinding tempo-backup',
      'ServiceAccount tempo-verify',
      'ServiceAccount tempo-prune',
      'ServiceAccount tempo-restore',
      'Role tempo-restore',
      'RoleBinding tempo-restore',
      'ServiceAccount tempo-restore-mover',
      'CronJob tempo-backup-wal',
      'CronJob tempo-backup-hourly',
      'CronJob tempo-backup-full',
      'CronJob tempo-backup-config',
      'CronJob tempo-backup-weekly',
      'CronJob tempo-backup-monthly',
      'CronJob tempo-verify',
      'CronJob tempo-prune',
      'CronJob tempo-restore',
      'CronJob tempo-restore-mover',
      'NetworkPolicy tempo-backup',
      'NetworkPolicy tempo-backup-kubernetes-api',
      'NetworkPolicy tempo-backup-tempo',
    ]);
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set([settings.namespace]));
  });

  it('hands the settings to the runner', () => {
    const [configMap] = objectsIn(synthStack()['tempo-backup.k8s.yaml'] ?? '');
    const config = parseRunnerConfig(parse(configMap?.data?.['config.yaml'] ?? ''));
    expect(config.repository.url).toBe(`s3://${settings.bucket}?region=${settings.region}`);
    const retentions = (plan: typeof settings.plan) => plan.rules.map(({ name, scope }) => [name, scope]);
    expect(retentions(config.plan)).toEqual(retentions(settings.plan));
  });

  it('synthesizes the same single file each time', () => {
    const runs = [synthStack(), synthStack()];
    expect(runs[0]).toEqual(runs[1]);
    expect(Object.keys(runs[0] ?? {})).toEqual(['tempo-backup.k8s.yaml']);
  });
});
