import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { ClusterScene } from './cluster-scene';

jest.setTimeout(60_000);

// A mover would refuse it, with Tempo stopped by then.
it.each(['all', 'data', 'full'] as const)(
  '--clear-wal with --scope %s is refused for a Tempo in a bucket',
  async (scope) => {
    const jobs: ClusterObject[] = [];
    const storage = { backend: 's3', bucket: 'acme-tempo', walPath: '/var/tempo/wal' } as const;
    const scene = await ClusterScene.start({
      config: (config) => ({ ...config, tempo: { ...config.tempo, storage } }),
      mover: (job) => {
        jobs.push(job);
        return 'pending';
      },
    });
    const failure = await scene.failure({ scope, clearWal: true });
    await scene.stop();
    expect(String(failure)).toContain('run it with --scope wal, then restore the rest');
    expect(jobs).toEqual([]);
  },
);
