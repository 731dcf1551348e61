import { clusterError } from '../../../../../runtime/cluster/cluster-errors';
import { VolumeSnapshots } from '../../../../../runtime/cluster/objects/volume-snapshots';
import { whenReady } from '../../../../../runtime/commands/snapshot/creation/readiness';
import { waitFor } from '../../../../../runtime/commands/snapshot/wait-for';
import { ClusterDouble } from '../../../../helpers/cluster-double';
import { NAMESPACE, readyStatus, volumeSnapshot } from '../snapshot-scene';

let cluster: ClusterDouble;
let snapshots: VolumeSnapshots;
const { signal } = new AbortController();

beforeEach(async () => {
  cluster = await ClusterDouble.start();
  snapshots = new VolumeSnapshots(cluster.api(), NAMESPACE);
});
afterEach(() => cluster.stop());

const FAILING = { readyToUse: false, error: { message: 'busy' } };

function put(status: object): void {
  cluster.put({ ...(cluster.find('VolumeSnapshot', 'a') ?? volumeSnapshot('a')), status });
}

describe('waiting until it is ready', () => {
  it('ends before the deadline when it only fails', async () => {
    put(FAILING);
    const began = performance.now();
    await expect(whenReady(snapshots, 'a', { milliseconds: 60_000, signal, patienceMs: 300 })).rejects.toThrow(
      "create volume snapshot 'a': it only fails: busy; see to its driver",
    );
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('begins to count anew when it failed and then went on', async () => {
    put(FAILING);
    setTimeout(() => put({ readyToUse: false }), 300);
    setTimeout(() => put(FAILING), 900);
    setTimeout(() => put(readyStatus()), 1500);
    const ready = await whenReady(snapshots, 'a', { milliseconds: 60_000, signal, patienceMs: 1300 });
    expect(ready.isReady).toBe(true);
  });
});

describe('waiting for something', () => {
  it('takes an API server that is away for nothing yet', async () => {
    let looks = 0;
    const call = { verb: 'get', resource: 'volumesnapshots', namespace: NAMESPACE };
    const look = async () => {
      if (++looks > 2) return 'there';
      throw clusterError(call, { status: looks === 1 ? undefined : 503, reason: 'away', message: '' });
    };
    expect(await waitFor(look, { milliseconds: 5000, signal })).toBe('there');
  });

  it('does not hide an error that no waiting mends', async () => {
    cluster.fault = () => ({ status: 403 });
    const look = async () => snapshots.get('a');
    await expect(waitFor(look, { milliseconds: 60_000, signal })).rejects.toThrow("may not 'get' 'volumesnapshots/a'");
  });

  it('looks once more when the time is over, and then ends', async () => {
    let looks = 0;
    expect(await waitFor(async () => void looks++, { milliseconds: 100, signal })).toBeUndefined();
    expect(looks).toBe(2);
  });
});
