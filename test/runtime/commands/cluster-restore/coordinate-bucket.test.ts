import type { RestoreOptions } from '../../../../lib/contract/command-line/commands';
import type { ClusterObject } from '../../../../runtime/cluster/cluster-api';
import { argumentsOf } from '../../../../runtime/cluster/workload/jobs';
import { ClusterScene } from './cluster-scene';

/** What the restore of a Tempo whose blocks lie in a bucket says at its end, and the movers that it started: none of them begins. */
async function restored(
  options: Partial<RestoreOptions>,
): Promise<{ failure: string; jobs: readonly ClusterObject[] }> {
  const jobs: ClusterObject[] = [];
  const storage = { backend: 's3', bucket: 'acme-tempo', walPath: '/var/tempo/wal' } as const;
  const scene = await ClusterScene.start({
    config: (config) => ({ ...config, tempo: { ...config.tempo, storage } }),
    mover: (job) => {
      jobs.push(job);
      return 'pending';
    },
  });
  const failure = await scene.failure(options);
  await scene.stop();
  return { failure: String(failure), jobs };
}

describe('a restore of a Tempo whose blocks lie in a bucket', () => {
  it.each([
    ['all', false],
    ['data', false],
    ['wal', true],
  ] as const)('of scope %s has what lies on a disk replaced, and nothing else: %s', async (scope, replaces) => {
    const { jobs } = await restored({ scope });
    expect(jobs.map((job) => argumentsOf(job).includes('--replace'))).toEqual([replaces]);
  });

  // A mover would refuse it, with Tempo stopped by then.
  it.each(['all', 'data', 'full'] as const)('of scope %s refuses --clear-wal before it starts', async (scope) => {
    const { failure, jobs } = await restored({ scope, clearWal: true });
    expect(failure).toContain('run it with --scope wal, then restore the rest');
    expect(jobs).toEqual([]);
  });
});
