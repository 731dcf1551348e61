import { Chart, Lazy, Testing } from 'cdk8s';
import {
  BackupRepository,
  ChangeGate,
  RunnerImage,
  Tempo,
  TempoBackup,
  TempoStorage,
} from '../../../../../lib/kubernetes/index';
import { newBackup, sampleRepository, sampleTempo } from '../../../../helpers/synthesized';

/** What cdk8s resolves only when it writes objects; its type says that it may stand anywhere. */
const token = Lazy.any({ produce: () => 'later' }) as string;
const s3 = { bucket: 'acme', region: 'eu-west-1' };
const attributes = {
  podLabels: { app: 'tempo' },
  workload: { kind: 'StatefulSet', name: 'tempo' } as const,
  storage: TempoStorage.persistentVolumeClaim('data'),
};

describe('a token where a text is needed at once', () => {
  it.each<[string, () => unknown]>([
    ['bucket', () => BackupRepository.s3({ ...s3, bucket: token })],
    ['region', () => BackupRepository.s3({ ...s3, region: token })],
    ['prefix', () => BackupRepository.s3({ ...s3, prefix: token })],
    ['endpoint', () => BackupRepository.s3Compatible({ bucket: 'acme', endpoint: token })],
    ['claim', () => BackupRepository.volume(token)],
    ['claim', () => BackupRepository.volume({ name: token })],
    ['path', () => BackupRepository.volume('backups', { path: token })],
    ['claim', () => TempoStorage.persistentVolumeClaim(token)],
    ['mountPath', () => TempoStorage.persistentVolumeClaim('data', { mountPath: token })],
    ['tracesPath', () => TempoStorage.persistentVolumeClaim('data', { tracesPath: token })],
    ['bucket', () => TempoStorage.s3({ bucket: token })],
    ['release', () => Tempo.fromHelmRelease(token, { chart: 'sb-helm-charts' })],
    ['fullnameOverride', () => Tempo.fromHelmRelease('a', { chart: 'sb-helm-charts', fullnameOverride: token })],
    ['name', () => Tempo.fromAttributes({ ...attributes, name: token })],
    ['url', () => Tempo.fromAttributes({ ...attributes, url: token })],
    ['name', () => RunnerImage.fromRegistry(token)],
    ['tag', () => RunnerImage.fromRegistry('r/t', { tag: token })],
    ['digest', () => RunnerImage.fromRegistry('r/t', { digest: token })],
    ['revision', () => newBackup().addChangeGate({ mechanism: ChangeGate.PLAIN_JOB, revision: token })],
  ])("throws and names it: '%s'", (name, use) => {
    expect(use).toThrow(`'${name}' must be a text, got an object; pass the value itself, no token that stands for it`);
  });

  it('throws when it is the namespace of the chart', () => {
    const chart = new Chart(Testing.app(), 'chart', { namespace: token });
    expect(() => new TempoBackup(chart, 'Backup', { tempo: sampleTempo(), repository: sampleRepository() })).toThrow(
      "chart/Backup: 'namespace' of the chart must be up to 63 lower-case letters, digits and dashes, got {",
    );
  });
});
