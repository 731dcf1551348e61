import { reasonsToKeep, type RetainedPoint } from '../../../runtime/repository/retention';

const DAY = 24 * 60 * 60 * 1000;
const NOW = new Date('2026-11-23T08:00:00Z');

type Options = Partial<RetainedPoint['manifest']> & { readonly verified?: boolean; readonly created?: string };

/** Stored so many days ago. */
function point(days: number, { verified = true, created, ...options }: Options = {}): RetainedPoint {
  const modifiedAt = new Date(NOW.getTime() - days * DAY);
  const id = `${(created ?? modifiedAt.toISOString()).slice(0, 19).replaceAll(':', '-')}Z-aaaa`;
  return {
    id,
    modifiedAt,
    size: 1000,
    verified,
    manifest: { baseline: null, deleteAfter: '7d', pin: null, suspect: [], ...options },
  };
}

function reasons(points: RetainedPoint[]): (readonly string[] | undefined)[] {
  const kept = reasonsToKeep(points, { now: NOW, grace: DAY });
  return points.map(({ id }) => kept.get(id));
}

const YOUNG = "younger than its 'deleteAfter' of 7d";
const RUNNING = 'a running backup may build on it';
const UNPROVEN = 'no newer point is sound and verified';

describe('retention', () => {
  it('expires what is older than its deleteAfter, and says why the rest stays', () => {
    expect(reasons([point(0), point(2), point(6.9), point(7), point(30)])).toEqual([
      [YOUNG, 'newest', 'newest verified', RUNNING],
      [YOUNG, RUNNING],
      [YOUNG],
      [],
      [],
    ]);
  });

  it('keeps pinned points, and those without a deleteAfter or with one that nobody can read', () => {
    const points = [
      point(0),
      point(5),
      point(90, { pin: 'before 3.0' }),
      point(91, { deleteAfter: null }),
      point(92, { deleteAfter: 'soon' }),
    ];
    expect(reasons(points).slice(2)).toEqual([
      ['pinned: before 3.0'],
      ["has no 'deleteAfter'"],
      ["its 'deleteAfter' of 'soon' is no duration"],
    ]);
  });

  it('keeps what is pinned for a time until that has passed, then as its deleteAfter says', () => {
    const pin = 'before 3.0';
    const points = [
      point(0),
      point(5),
      point(89, { pin, pinFor: '90d' }),
      point(90, { pin, pinFor: '90d' }),
      point(91, { pin, pinFor: '90d', deleteAfter: '1y' }),
      point(92, { pin, pinFor: 'soon' }),
    ];
    expect(reasons(points).slice(2)).toEqual([
      ['pinned for 90d: before 3.0'],
      [],
      ["younger than its 'deleteAfter' of 1y"],
      ['pinned: before 3.0'],
    ]);
  });

  it('keeps the newest, however old', () => {
    expect(reasons([point(400), point(500)])).toEqual([['newest', 'newest verified', RUNNING], []]);
  });

  it('expires nothing where nothing was verified', () => {
    const points = [point(1, { verified: false }), point(40, { verified: false }), point(50, { verified: false })];
    expect(reasons(points).slice(1)).toEqual([[UNPROVEN], [UNPROVEN]]);
  });

  it('expires nothing proven for something unproven', () => {
    const points = [point(1, { verified: false }), point(30, { verified: false }), point(40), point(50)];
    expect(reasons(points).slice(1)).toEqual([[UNPROVEN], [UNPROVEN, 'newest verified'], []]);
  });

  it('does not take a suspect point for proof, but keeps it as the newest verified', () => {
    const points = [point(8, { suspect: ['lost'] }), point(30), point(40)];
    expect(reasons(points)).toEqual([['newest', 'newest verified', RUNNING], [UNPROVEN], []]);
  });

  it('keeps what was newest within the grace, and what such a point is compared with', () => {
    const baseline = point(60, { deleteAfter: '1h' });
    const points = [
      point(0.1, { deleteAfter: '1h' }),
      point(0.9, { deleteAfter: '1h' }),
      point(3, { deleteAfter: '1h', baseline: baseline.id }),
      point(4, { deleteAfter: '1h' }),
      baseline,
    ];
    expect(reasons(points)).toEqual([
      ['newest', 'newest verified', RUNNING],
      [RUNNING],
      [RUNNING],
      [],
      [`'${points[2]?.id ?? ''}' is compared with it`],
    ]);
  });

  it('counts age by the clock of the storage, not by the ID', () => {
    const points = [
      point(0),
      point(3, { created: '2001-01-01T00:00:00Z' }),
      point(8, { created: '2031-01-01T00:00:00Z' }),
    ];
    expect(reasons(points).slice(1)).toEqual([[YOUNG, RUNNING], []]);
  });
});
