import { objectsIn, synthProgram } from '../helpers/synth-program';

const synthExample = () =>
  synthProgram(() => {
    jest.requireActual('../../examples/platform-chart/main');
  });

describe('the example of a platform chart', () => {
  const objects = objectsIn(synthExample()['platform.k8s.yaml'] ?? '');
  const named = (kind: string) => objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

  it('deploys Tempo and its backups in one file', () => {
    expect(named('StatefulSet')).toEqual(['tempo']);
    expect(named('PersistentVolumeClaim')).toEqual(['storage-tempo']);
    expect(named('ConfigMap')).toEqual(['tempo', 'tempo-backup-config']);
    expect(named('CronJob')).toEqual(
      expect.arrayContaining(['tempo-backup-quarterly', 'tempo-snapshot-daily', 'tempo-restore']),
    );
    expect(named('VolumeSnapshotClass')).toEqual(['tempo-backup-aws-ebs']);
  });

  it('backs up the Tempo that it deploys: the names agree', () => {
    const config = objects.find(({ metadata }) => metadata.name === 'tempo-backup-config')?.data?.['config.yaml'] ?? '';
    expect(config).toContain('persistentVolumeClaims:\n    - storage-tempo\n');
    expect(config).toContain('configMaps:\n    - tempo\n');
    expect(config).toContain('url: http://tempo:3200\n');
  });

  it('is the same each time', () => {
    expect(synthExample()).toEqual(synthExample());
  });
});
