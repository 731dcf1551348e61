import type { PruneResult } from '../../../lib/contract/results';
import { render } from '../../../runtime/text/render';

const RESULT: PruneResult = {
  ...{ dryRun: false, refused: null, requests: {}, seconds: {} },
  points: { kept: [{ id: 'k', reasons: ['newest'] }], condemned: ['c'], deleted: ['d'] },
  objects: { condemned: 3, deleted: 1 },
  bytes: { condemned: 3072, deleted: 1024 },
  locks: null,
};
const LOCKED = {
  points: [{ id: 'p', until: '2026-12-01T00:00:00.000Z' }],
  ...{ objects: 14, bytes: 2048, held: 0, until: '2026-12-02T00:00:00.000Z', extended: 5 },
};
const lines = (changes: Partial<PruneResult>) => render('prune', { ...RESULT, ...changes }, new Date()).split('\n');

describe('the result of a prune, for people', () => {
  it('says nothing of locks where nothing is locked', () => {
    expect(lines({})).toEqual([
      'keep     k  newest',
      'condemn  c',
      'delete   d',
      '1 point and 3 objects (3.0 KiB) condemned, 1 point and 1 object (1.0 KiB) deleted',
    ]);
    const locks = { ...LOCKED, points: [], objects: 0, until: null, extended: 0 };
    expect(lines({ locks })).toEqual(lines({}));
  });

  it('says what was left, as it is locked, until when, and whose locks were made longer', () => {
    expect(lines({ locks: LOCKED }).slice(3, 6)).toEqual([
      'locked   p  until 2026-12-01T00:00:00.000Z',
      '1 point and 14 objects (2.0 KiB) left, as they are locked, the last until 2026-12-02T00:00:00.000Z',
      '5 locks made longer, of what newer points need',
    ]);
    const held = { ...LOCKED, points: [{ id: 'p', until: null }], held: 3 };
    expect(lines({ locks: held }).slice(3, 5)).toEqual([
      'locked   p  until its legal hold is lifted',
      '1 point and 14 objects (2.0 KiB) left, as they are locked, the last until 2026-12-02T00:00:00.000Z, 3 until their legal hold is lifted',
    ]);
    expect(lines({ locks: { ...held, until: null } })[4]).toBe(
      '1 point and 14 objects (2.0 KiB) left, as they are locked, 3 until their legal hold is lifted',
    );
    expect(lines({ locks: LOCKED, dryRun: true })).toContain('5 locks would be made longer, of what newer points need');
  });
});
