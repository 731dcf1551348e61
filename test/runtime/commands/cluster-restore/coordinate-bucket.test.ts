import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { argumentsOf } from '../../../../runtime/cluster/workload/jobs';
import { ClusterScene } from './cluster-scene';

describe('a restore of a Tempo whose blocks lie in a bucket', () => {
  it.each([
    ['all', false],
    ['data', false],
    ['wal', true],
  ] as const)('of scope %s has what lies on a disk replaced, and nothing else: %s', async (scope, replaces) => {
    const jobs: ClusterObject[] = [];
    const storage = { backend: 's3', bucket: 'acme-tempo', walPath: '/var/tempo/wal' } as const;
    const scene = await ClusterScene.start({
      config: (config) => ({ ...config, tempo: { ...config.tempo, storage } }),
      mover: (job) => {
        jobs.push(job);
        return 'pending';
      },
    });
    await scene.failure({ scope });
    await scene.stop();
    expect(jobs.map((job) => argumentsOf(job).includes('--replace'))).toEqual([replaces]);
  });
});
