import type { GatedBlock, GateInput, GateName } from '../../../../runtime/tempo/gates/gate-input';
import { findGates } from '../../../../runtime/tempo/gates/gates';
import { readableFormats } from '../../../../runtime/tempo/gates/gates-versions';
import { retentionForAll } from '../../../../runtime/tempo/configuration/retention';

const HOUR = 3_600_000;
const NOW = new Date('2026-11-23T12:00:00Z');
const at = (hoursAgo: number) => new Date(NOW.getTime() - hoursAgo * HOUR);

const BLOCK: GatedBlock = {
  tenant: 'team-a',
  id: 'b1',
  format: 'vParquet4',
  start: at(3),
  end: at(2),
  replicationFactor: 0,
};
const WAL = { tenant: 'team-a', id: 'w1', encoding: 'vParquet4', end: at(2) };

const SOUND: GateInput = {
  now: NOW,
  blocks: [BLOCK],
  walBlocks: [],
  neededBytes: 1000,
  sourceVersion: undefined,
  damage: [],
  target: {
    version: '2.9',
    retention: retentionForAll(24 * HOUR, "'tempo.yaml'"),
    rf1After: undefined,
    completeBlockTimeout: HOUR / 3,
    path: '/var/tempo',
    freeBytes: 1000,
    owner: { uid: 10001, gid: 10001 },
    user: { uid: 10001, gid: 10001 },
  },
};

function gates(
  changes: Partial<Omit<GateInput, 'target'>>,
  target: Partial<GateInput['target']> = {},
): { name: GateName; message: string }[] {
  return findGates({ ...SOUND, ...changes, target: { ...SOUND.target, ...target } });
}

function message(found: readonly { message: string }[]): string {
  expect(found).toHaveLength(1);
  return found[0]?.message ?? '';
}

describe('gates', () => {
  it('let a sound restore pass', () => {
    expect(findGates(SOUND)).toEqual([]);
  });

  it('are all reported, each with what lifts it', () => {
    const found = findGates({ ...SOUND, neededBytes: 1001, damage: ['x'] });
    expect(found.map(({ name, lift }) => [name, lift])).toEqual([
      ['damaged', 'damaged'],
      ['free-space', 'free-space'],
    ]);
    for (const { name, message: text } of found) expect(text).toMatch(new RegExp(`--allow ${name}'$`));
  });
});

describe('the retention gate', () => {
  it('refuses blocks that ended before what Tempo keeps, and says how many, whose, from when and what to set', () => {
    const blocks = [BLOCK, { ...BLOCK, end: at(25) }, { ...BLOCK, tenant: 'team-b', end: at(49) }];
    expect(message(gates({ blocks }))).toMatch(
      /delete 2 of 3 blocks again, with data from 2026-11-21T11:00:00Z to 2026-11-22T11:00:00Z: block_retention is 1d for 'team-a', 1d for 'team-b' \('tempo.yaml'\); set 'compaction_disabled: true' for these tenants or a block_retention of 4d/,
    );
  });

  it.each([
    [24, false],
    [24.001, true],
  ])('looks at the end of the block, %d hours ago with 24 hours of retention', (hours, refused) => {
    expect(gates({ blocks: [{ ...BLOCK, start: at(100), end: at(hours) }] })).toHaveLength(refused ? 1 : 0);
  });

  it('takes the retention of each tenant, and lets pass what Tempo never deletes', () => {
    const override = (retention: number | undefined, compactionDisabled = false) => ({ retention, compactionDisabled });
    const tenants = new Map([
      ['short', override(HOUR)],
      ['long', override(99 * HOUR)],
      ['off', override(HOUR, true)],
    ]);
    const blocks = ['short', 'long', 'off', 'plain'].map((tenant) => ({ ...BLOCK, tenant, end: at(30) }));
    const found = gates({ blocks }, { retention: { ...SOUND.target.retention, tenants } });
    expect(message(found)).toMatch(/delete 2 of 4 .*1d for 'plain', 1h for 'short'/);
  });
});

describe('the block version gate', () => {
  it.each([
    ['2.9', 'vParquet2', true],
    ['2.9.5', 'vParquet4', true],
    ['2.9', 'v2', true],
    ['2.9', 'vParquet5', false],
    ['2.9', 'vParquet5-preview2', true],
    ['2.10', 'vParquet2', false],
    ['2.10', 'vParquet5', true],
    ['2.10.8', 'v2', true],
    ['3.0', 'vParquet3', true],
    ['3.0.3', 'vParquet5', true],
    ['3.0', 'v2', false],
    ['3.0', 'vParquet2', false],
    ['2.x', 'vParquet4', true],
    ['2.x', 'vParquet5', false],
  ])('knows whether Tempo %s reads %s', (version, format, readable) => {
    const found = gates({ blocks: [{ ...BLOCK, format }] }, { version });
    expect(found.map(({ name }) => name)).toEqual(readable ? [] : ['block-version']);
  });

  it('names formats, both versions and a block, WAL included', () => {
    const text = message(
      gates(
        { blocks: [BLOCK, { ...BLOCK, format: 'vParquet2' }], walBlocks: [{ ...WAL, end: NOW, encoding: 'v2' }] },
        { version: '3.0' },
      ),
    );
    expect(text).toMatch(
      /Tempo 3.0 can't read 2 of 3 blocks: they have format v2, vParquet2, it reads vParquet3, vParquet4, vParquet5; the first is 'b1' of tenant 'team-a'/,
    );
  });

  it("says nothing when the target's version isn't known", () => {
    expect(gates({ blocks: [{ ...BLOCK, format: 'v9' }] }, { version: undefined })).toEqual([]);
    expect(readableFormats(undefined)).toBeUndefined();
  });
});

describe('the replication factor gate', () => {
  const blocks = [{ ...BLOCK, replicationFactor: 1 }];

  it('refuses blocks of 3.0 for a 2.9 that would not show them', () => {
    expect(message(gates({ blocks }))).toMatch(
      /Tempo 2.9 wouldn't show 1 of 1 block: .*rf1_after isn't set; set it to a time before 2026-11-23T09:00:00Z/,
    );
  });

  it.each([
    ['rf1_after lies before them', {}, { rf1After: at(4) }, 0],
    ['rf1_after lies after their start', {}, { rf1After: at(2.5) }, 1],
    ['the target is 3.0', {}, { version: '3.0' }, 0],
    ['the source was 2.x itself', { sourceVersion: '2.9' }, {}, 0],
    ['the source was 3.0', { sourceVersion: '3.0' }, {}, 1],
    ['they have the factor of 2.x', { blocks: [BLOCK] }, {}, 0],
  ])('knows when %s', (_, changes, target, count) => {
    expect(gates({ blocks, ...changes }, target)).toHaveLength(count);
  });
});

describe('the WAL timeout gate', () => {
  const walBlocks = [WAL, { ...WAL, end: at(0.1) }];

  it('refuses a WAL that 3.0 would drop when it starts, and says what to set', () => {
    expect(message(gates({ walBlocks }, { version: '3.0' }))).toMatch(
      /drop 1 of 2 WAL blocks when it starts: the oldest ended 2h ago, live_store.complete_block_timeout is 20m; set that to 3h for the one start/,
    );
  });

  it.each([
    ['2.9 replays any WAL', { version: '2.9' }],
    ['the timeout is longer', { version: '3.0', completeBlockTimeout: 2 * HOUR }],
  ])('lets it pass when %s', (_, target) => {
    expect(gates({ walBlocks }, target)).toEqual([]);
  });
});

describe('the gates of the target', () => {
  it('refuse more bytes than are free, with both numbers', () => {
    expect(message(gates({ neededBytes: 3 * 1024 * 1024 }, { freeBytes: 1024 * 1024 }))).toMatch(
      /'\/var\/tempo' has too little free space: 3.0 MiB needed, 1.0 MiB free/,
    );
    expect(gates({ neededBytes: 1000 }, { freeBytes: 1000 })).toEqual([]);
  });

  it('refuse a user that can neither be the owner nor give files away', () => {
    const user = { uid: 1000, gid: 1000 };
    expect(message(gates({}, { user }))).toMatch(
      /belong to user 10001, this is user 1000 .*run as user 10001 or as root/,
    );
    expect(gates({}, { user: { uid: 0, gid: 0 } })).toEqual([]);
    expect(gates({}, { user, owner: { uid: 1000, gid: 5 } })).toEqual([]);
    expect(gates({}, { user, owner: undefined })).toEqual([]);
  });

  it('refuse a point that lacks something, and name at most five of it', () => {
    expect(message(gates({ damage: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] }))).toMatch(
      /isn't whole: a, b, c, d, e and 2 more; choose an earlier one/,
    );
  });
});
