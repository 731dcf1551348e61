import type { ClusterRestore } from '../../../lib/contract/cluster-restore';
import type { RestoreResult } from '../../../lib/contract/results';
import { render } from '../../../runtime/text/render';

const cluster: ClusterRestore = {
  phases: [
    { name: 'stop Tempo', seconds: 31.25 },
    { name: 'restore data', seconds: 600 },
  ],
  namespace: 'monitoring',
  workload: 'statefulset/tempo',
  replicas: { before: 1, now: 1 },
  autoscaler: null,
  configuration: [
    { kind: 'ConfigMap', name: 'tempo', action: 'replaced' },
    { kind: 'Secret', name: 's3', action: 'kept', reason: 'no key' },
  ],
  mover: 'tempo-restore-mover-1',
  compared: [
    { tenant: 'a', expected: 5, found: 5 },
    { tenant: 'b', expected: 5, found: null },
  ],
  sampleTraces: { asked: 2, missing: [{ tenant: 'b', traceId: '0a'.repeat(16) }] },
  remarks: ['look here'],
  undo: ['kubectl scale'],
};
const result: RestoreResult = {
  recoveryPoint: 'p1',
  target: '/var/tempo',
  dryRun: false,
  blocks: {
    total: 3,
    restored: 2,
    skipped: 0,
    compacted: 0,
    failed: [{ tenant: 'b', block: 'x', reason: 'it is missing' }],
  },
  wal: { blocks: 1, pages: 1 },
  bytes: { total: 2048, written: 1024, read: 1024 },
  movedAside: ['/var/tempo/.tempo-backup-replaced-1'],
  leftovers: [],
  freeBytes: 1,
  owner: '1:1',
  gates: [],
  archived: { objects: 0, bytes: 0, thawing: 0, thawed: 0 },
  cluster,
  requests: {},
  seconds: { total: 640 },
};
const text = (changes: Partial<RestoreResult> = {}): string =>
  render('restore', { ...result, ...changes }, new Date(0));

describe('the text of a restore in a cluster', () => {
  it('has the time of each step, what differs, what is missing and how to undo it', () => {
    expect(text().split('\n')).toEqual([
      'restored recovery point p1 in namespace monitoring: 2 blocks, 1 WAL page, 1.0 KiB written, 2 Kubernetes objects · 640.0 s',
      '  stop Tempo            31.3 s',
      '  restore data          600.0 s',
      'statefulset/tempo: 1 replica before, 1 now',
      'ConfigMap tempo: replaced',
      'Secret s3: kept: no key',
      'tenant a: 5 traces in the recovery point, 5 in Tempo',
      'DIFFERS tenant b: 5 traces in the recovery point, none in Tempo',
      'Tempo finds 1 of 2 traces that it was asked for',
      `MISSING trace ${'0a'.repeat(16)} of tenant b`,
      'FAILED b x: it is missing',
      'what was there is now in /var/tempo/.tempo-backup-replaced-1',
      'note: look here',
      'to undo it:',
      '  kubectl scale',
    ]);
  });

  it('says of a dry run what would be', () => {
    const phases = [{ name: 'stop Tempo', seconds: null } as const];
    const planned = { ...cluster, phases, compared: null, sampleTraces: null, undo: [], remarks: [] };
    expect(text({ dryRun: true, cluster: planned }).split('\n').slice(0, 4)).toEqual([
      'would restore recovery point p1 in namespace monitoring: 3 blocks, 1 WAL page, 2.0 KiB, 2 Kubernetes objects',
      '  stop Tempo',
      'statefulset/tempo: 1 replica before, 1 now',
      'ConfigMap tempo: would be replaced',
    ]);
  });
});
