import { type IndexedBlock } from '../../../../lib/contract/manifest';
import { unexplained } from '../../../../runtime/repository/points/regression';

const DAY = 24 * 60 * 60 * 1000;
const CUT = new Date('2026-11-23T08:00:00Z');

function block(id: string, options: Partial<IndexedBlock> = {}): IndexedBlock {
  const files: IndexedBlock['files'] = [['meta.json', 1, '0'.repeat(64)]];
  const times = { start: '2026-11-22T10:00:00.000Z', end: '2026-11-22T11:00:00.000Z' };
  return {
    id,
    seen: '1',
    format: 'vParquet4',
    ...times,
    objects: 5,
    level: 0,
    replicationFactor: 1,
    files,
    ...options,
  };
}

function vanished(
  before: IndexedBlock[],
  after: IndexedBlock[],
  options: { compacted?: string[]; retention?: number; isRetentionCertain?: boolean } = {},
): string[] {
  const change = {
    before: new Map(before.map((one) => [one.id, one])),
    after,
    cutAt: CUT,
    retention: options.retention,
    isRetentionCertain: options.isRetentionCertain ?? true,
  };
  return unexplained({ ...change, compacted: new Set(options.compacted) }).map(({ id }) => id);
}

describe('a block that vanished', () => {
  it('is unexplained when nothing explains it', () => {
    expect(vanished([block('a'), block('b')], [block('b')])).toEqual(['a']);
  });

  it('is explained when Tempo marked it as compacted, and a block that may hold it is there, new or not', () => {
    const compacted = { compacted: ['a'], retention: 30 * DAY };
    expect(vanished([block('a')], [block('c', { level: 1 })], compacted)).toEqual([]);
    expect(vanished([block('a'), block('c', { level: 1 })], [block('c', { level: 1 })], compacted)).toEqual([]);
    const others = [block('c', { level: 1, end: '2026-11-22T10:59:59.000Z' }), block('d')];
    expect(vanished([block('a')], others, compacted)).toEqual(['a']);
  });

  it('is explained by a block with fewer traces when it is marked: somebody dropped one', () => {
    const dropped = { compacted: ['a'], retention: 30 * DAY };
    expect(vanished([block('a')], [block('c', { level: 1, objects: 4 })], dropped)).toEqual([]);
    expect(vanished([block('a')], [block('c', { level: 1, objects: 4 })])).toEqual(['a']);
  });

  it('is explained by the mark alone where the retention is past, or not known for certain', () => {
    expect(vanished([block('a')], [], { compacted: ['a'], retention: DAY / 2 })).toEqual([]);
    expect(vanished([block('a')], [], { compacted: ['a'], retention: 30 * DAY, isRetentionCertain: false })).toEqual(
      [],
    );
  });

  it('is explained past the retention, with a margin of an hour', () => {
    const ends = (hours: number) =>
      block('a', { end: new Date(CUT.getTime() - DAY + hours * 3_600_000).toISOString() });
    expect(vanished([ends(0.9)], [], { retention: DAY })).toEqual([]);
    expect(vanished([ends(1)], [], { retention: DAY })).toEqual(['a']);
    expect(vanished([ends(-1000)], [], { retention: undefined })).toEqual(['a']);
  });

  it('is explained by a new block of a higher level that covers it', () => {
    expect(vanished([block('a')], [block('c', { level: 1 })])).toEqual([]);
  });

  it('explains no more blocks than a compaction takes, however well one covers them', () => {
    const before = Array.from({ length: 30 }, (_, n) => block(`b${n}`));
    expect(vanished(before, [block('c', { level: 1, objects: 25 })])).toHaveLength(22);
    expect(vanished(before, [block('c', { level: 2, objects: 25 })])).toEqual([]);
  });

  it.each<[string, Partial<IndexedBlock>]>([
    ['is of the same level', { level: 0 }],
    ['starts later', { level: 1, start: '2026-11-22T10:00:00.001Z' }],
    ['ends earlier', { level: 1, end: '2026-11-22T10:59:59.000Z' }],
    ['has fewer objects', { level: 1, objects: 4 }],
  ])('is not explained by a block that %s', (_, options) => {
    expect(vanished([block('a')], [block('c', options)])).toEqual(['a']);
  });

  it('is not explained by a block that was there before', () => {
    expect(vanished([block('a'), block('c', { level: 1 })], [block('c', { level: 1 })])).toEqual(['a']);
  });
});
