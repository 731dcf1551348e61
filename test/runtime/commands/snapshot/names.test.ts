import { timedName } from '../../../../runtime/commands/snapshot/names';

const TIME = new Date('2026-11-23T08:30:00Z');
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

it('has the claim and the time in it', () => {
  expect(timedName('storage-tempo-0', '', TIME)).toBe('storage-tempo-0-20261123-083000');
  expect(timedName('storage-tempo-0', 'restored', TIME)).toBe('storage-tempo-0-restored-20261123-083000');
});

it.each(['a'.repeat(47), 'a'.repeat(48), 'a'.repeat(253), 'data.tempo.0', `${'a'.repeat(36)}.${'b'.repeat(40)}`])(
  'is a DNS label for %s',
  (claim) => {
    for (const purpose of ['', 'restored', 'replaced'] as const) expect(timedName(claim, purpose, TIME)).toMatch(LABEL);
  },
);

it('tells apart claims whose names are too long, or differ by a dot', () => {
  const names = ['a.b', 'a-b', `${'a'.repeat(60)}1`, `${'a'.repeat(60)}2`].map((claim) => timedName(claim, '', TIME));
  expect(new Set(names).size).toBe(4);
});
