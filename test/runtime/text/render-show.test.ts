import type { ShownPoint } from '../../../lib/contract/results';
import { render } from '../../../runtime/text/render';

const POINT: ShownPoint = {
  ...{ id: 'p', createdAt: '2026-11-23T08:30:05.000Z', cutAt: '2026-11-23T08:30:00.000Z', scope: 'all', rule: null },
  ...{ deleteAfter: null, pinned: false, pinReason: null, pinnedFor: null, suspect: false, suspectReasons: [] },
  ...{ tenants: [], components: null, flush: null, runner: '1', verified: null, verificationFailed: null },
  ...{ damaged: [], config: [], wal: { blocks: 1, pages: 2, bytes: 1024 } },
  source: { name: 'tempo', tracesPath: 'traces', walPath: 'wal', tempoVersion: '2.9', storage: 's3' },
};

const linesOf = (point: Partial<ShownPoint>) =>
  render('show', { recoveryPoint: { ...POINT, ...point }, configDiff: null }, new Date(POINT.createdAt)).split('\n');

describe('a recovery point, for people', () => {
  it('is complete up to the cut when it has the write-ahead log', () => {
    const lines = linesOf({});
    expect(lines).toContain('complete up to    2026-11-23T08:30:00.000Z');
    expect(lines).toContain('write-ahead log   1 block, 2 pages, 1.0 KiB');
  });

  it('has the blocks of that time, and nothing more, when no folder of the write-ahead log was configured', () => {
    const source = { ...POINT.source, walPath: null };
    const lines = linesOf({ source, wal: { blocks: 0, pages: 0, bytes: 0 } });
    expect(lines).toContain('blocks as of      2026-11-23T08:30:00.000Z');
    expect(lines).toContain("write-ahead log   not backed up ('tempo.storage.walPath' isn't set)");
    expect(lines.join('\n')).not.toContain('complete up to');
  });
});
