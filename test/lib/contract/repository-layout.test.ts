import * as layout from '../../../lib/contract/repository-layout';

const ID = '274bd888-53b9-42dc-adfe-d9e6ecfc6f2b';
const SHA = 'ab'.repeat(32);

describe('the key layout', () => {
  it('never changes: repositories that exist depend on it', () => {
    const block = { id: ID, tenant: 'team-a', encoding: 'vParquet4' };
    expect({
      repository: layout.REPOSITORY_KEY,
      block: layout.blockPrefix('team-a', ID),
      rewrittenBlock: layout.rewrittenBlockPrefix('team-a', ID, SHA),
      page: layout.walPageKey(block, '0000000001'),
      rewrittenPage: layout.rewrittenPageKey(block, '0000000001', SHA),
      config: layout.configKey(SHA, 'yaml'),
      index: layout.indexKey(SHA),
      point: layout.pointKey('2026-11-23T08-30-00Z-7f3a'),
      volumeSnapshot: layout.volumeSnapshotKey('data-tempo-0-20261123-083000'),
      deletedVolumeSnapshot: layout.deletedVolumeSnapshotKey('data-tempo-0-20261123-083000'),
    }).toEqual({
      repository: 'repository.json',
      block: `blocks/team-a/${ID}`,
      rewrittenBlock: `rewritten/team-a/${ID}/abababababababab`,
      page: `wal/${ID}+team-a+vParquet4/0000000001`,
      rewrittenPage: `rewritten/wal/${ID}+team-a+vParquet4/abababababababab/0000000001`,
      config: `config/${SHA}.yaml`,
      index: `indexes/${SHA}.json.gz`,
      point: 'points/2026-11-23T08-30-00Z-7f3a.json',
      volumeSnapshot: 'pvc-snapshots/data-tempo-0-20261123-083000.json',
      deletedVolumeSnapshot: 'pvc-snapshots/data-tempo-0-20261123-083000.deleted.json',
    });
  });

  it('finds the ID and the time in the key of a recovery point', () => {
    const time = new Date('2026-11-23T08:30:59.999Z');
    const id = layout.timedId(time, '7f3a');
    expect(id).toBe('2026-11-23T08-30-59Z-7f3a');
    expect(layout.pointIdOf(layout.pointKey(id))).toBe(id);
    expect(layout.timeOfId(id).toISOString()).toBe('2026-11-23T08:30:59.000Z');
  });

  it.each([
    'points/x.json',
    'points/../2026-11-23T08-30-59Z-7f3a.json',
    'points/2026-11-23T08-30-59Z-7f3a.json.tmp',
    'indexes/x',
  ])('finds no ID in %s', (key) => {
    expect(layout.pointIdOf(key)).toBeUndefined();
  });

  it('sorts IDs by time', () => {
    const times = ['2026-11-23T08:30:00Z', '2026-11-23T10:00:00Z', '2027-01-01T00:00:00Z'].map(
      (text) => new Date(text),
    );
    const ids = times.map((time, index) => layout.timedId(time, `${9 - index}fff`));
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('names', () => {
  it.each([
    ['team-a', true],
    ["a!b_c.d*e'(f)", true],
    ['single-tenant', true],
    ['...', true],
    ['', false],
    ['.', false],
    ['..', false],
    ['a/b', false],
    ['a\\b', false],
    ['a b', false],
    ['a+b', false],
    ['a\n', false],
    ['x'.repeat(150), true],
    ['x'.repeat(151), false],
  ])('of tenants: %j is one: %s', (name, expected) => {
    expect(layout.isTenant(name)).toBe(expected);
  });

  it.each([
    ['data.parquet', true],
    ['index', true],
    ['meta.json', true],
    ['bloom-0', true],
    ['bloom-12', true],
    ['bloom-', false],
    ['bloom-1234567', false],
    ['meta.compacted.json', false],
    ['../meta.json', false],
    ['flushed', false],
  ])('of block files: %j is one: %s', (name, expected) => {
    expect(layout.isBlockFile(name)).toBe(expected);
  });

  it.each([
    [ID, true],
    [ID.toUpperCase(), false],
    [`${ID}/..`, false],
    ['', false],
  ])('of blocks: %j is one: %s', (name, expected) => {
    expect(layout.isBlockId(name)).toBe(expected);
  });
});

describe('keys of volume snapshots', () => {
  it('tell the name, and whether it is settled', () => {
    expect(layout.volumeSnapshotOf(layout.volumeSnapshotKey('data-20261123-083000'))).toEqual({
      name: 'data-20261123-083000',
      deleted: false,
    });
    expect(layout.volumeSnapshotOf(layout.deletedVolumeSnapshotKey('data'))).toEqual({ name: 'data', deleted: true });
  });

  it.each([
    'pvc-snapshots/a/b.json',
    'pvc-snapshots/../x.json',
    'pvc-snapshots/.json',
    'pvc-snapshots/a.b.json',
    'points/a.json',
  ])('are not made of %s', (key) => expect(layout.volumeSnapshotOf(key)).toBeUndefined());
});
