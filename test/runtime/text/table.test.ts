import { age, counted, table } from '../../../runtime/text/table';

it('aligns columns under their titles', () => {
  const rows = [
    { name: 'a', size: 1 },
    { name: 'longer', size: 1234 },
  ];
  const columns = [
    { title: 'NAME', value: ({ name }: (typeof rows)[0]) => name },
    { title: 'SIZE', value: ({ size }: (typeof rows)[0]) => String(size), align: 'right' as const },
  ];
  expect(table(columns, rows).split('\n')).toEqual(['NAME    SIZE', 'a          1', 'longer  1234']);
});

it.each([
  [0, '0 blocks'],
  [1, '1 block'],
  [20_000, '20,000 blocks'],
])('counts %i', (number, text) => expect(counted(number, 'block')).toBe(text));

it.each([
  ['2026-11-23T12:00:00Z', '0 s'],
  ['2026-11-23T11:59:01Z', '59 s'],
  ['2026-11-23T10:59:30Z', '1 h'],
  ['2026-11-20T07:30:00Z', '3 d 4 h'],
  ['2026-11-24T00:00:00Z', '0 s'],
])('says how long ago %s was', (from, text) => expect(age(from, new Date('2026-11-23T12:00:00Z'))).toBe(text));
