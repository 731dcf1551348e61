import type {
  RestoredClaim,
  SnapshotPruneResult,
  SnapshotResult,
} from '../../../lib/contract/volume-snapshots/results';
import { renderSnapshot } from '../../../runtime/text/render-snapshot';

const linesOf = (result: SnapshotResult): string[] =>
  renderSnapshot({ ...result, requests: {}, seconds: {} }, new Date()).split('\n');

const LEFTOVERS = { adopted: ['a'], removed: ['b'] };

it('tells what became of leftovers, and which claim failed', () => {
  const failed = [{ claim: 'data', message: 'no' }];
  expect(linesOf({ action: 'create', volumeSnapshots: [], failed, ...LEFTOVERS })).toEqual([
    'adopted a, which a run before had made and not recorded',
    'removed b, which a run before had asked for and which never became ready',
    'FAILED data: no',
  ]);
});

it('tells what a prune kept and why, and what it would delete', () => {
  const result: SnapshotPruneResult = {
    ...{ action: 'prune', dryRun: true, kept: [{ name: 'k', reasons: ['newest of its claim', 'young'] }] },
    ...{ deleted: ['d'], deleting: ['e'], gone: ['g'], adopted: [], removed: [] },
  };
  expect(linesOf(result)).toEqual([
    'keep     k  newest of its claim, young',
    'delete   d',
    'delete   e  asked to go, still there',
    'settle   g  past its retention and gone already',
    '2 volume snapshots would be deleted, 1 volume snapshot kept',
  ]);
});

describe('a restore', () => {
  const size = { bytes: 2 ** 30, storageClass: null, accessModes: ['ReadWriteOnce'] };
  const claim: RestoredClaim = { name: 'new', ...size, state: 'bound' };
  const restore = { action: 'restore', dryRun: false, volumeSnapshot: 's', claim, swap: null } as const;
  const swap = { workload: 'deployment/tempo', replacedClaim: 'old', done: true, steps: [], undo: ['go back'] };

  it('names the claim', () => {
    expect(linesOf(restore)).toEqual([
      'made claim new of volume snapshot s · 1.0 GiB · class default · ReadWriteOnce · bound',
    ]);
    expect(linesOf({ ...restore, dryRun: true, claim: { ...claim, state: 'planned' } })[0]).toMatch(
      /^would make claim new .* not made$/,
    );
  });

  it('tells how to go back', () => {
    expect(linesOf({ ...restore, swap }).slice(1)).toEqual([
      'deployment/tempo runs with it; old and its data are kept',
      'to go back:',
      '  go back',
    ]);
    expect(linesOf({ ...restore, dryRun: true, swap: { ...swap, done: false } })[1]).toBe(
      'deployment/tempo would be stopped, given it, and started again',
    );
  });

  it('prints the steps that are left to a person', () => {
    const byHand = { ...swap, done: false, steps: ['kubectl one', 'kubectl two'], undo: [] };
    expect(linesOf({ ...restore, claim: null, swap: byHand })).toEqual([
      expect.stringMatching(/^NOT DONE: .* keep the old data as old:$/),
      '  kubectl one',
      '  kubectl two',
    ]);
  });
});
