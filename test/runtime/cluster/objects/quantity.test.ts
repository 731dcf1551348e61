import { formatQuantity, parseQuantity } from '../../../../runtime/cluster/objects/quantity';

it.each<[string, number | undefined]>([
  ['10Gi', 10 * 2 ** 30],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['64Mi', 64 * 2 ** 20],
  ['1G', 1e9],
  ['1e9', 1e9],
  ['2E', 2e18],
  ['1073741824', 2 ** 30],
  ['1500m', 2],
  ['0', 0],
  ['', undefined],
  ['-1Gi', undefined],
  ['1GiB', undefined],
  ['ten', undefined],
])('reads %j', (text, bytes) => expect(parseQuantity(text)).toBe(bytes));

it.each<[number, string]>([
  [10 * 2 ** 30, '10Gi'],
  [1.5 * 2 ** 30, '1536Mi'],
  [2 ** 40, '1Ti'],
  [12_884_901_889, '12884901889'],
  [0, '0'],
])('writes %d so that it is read back', (bytes, text) => {
  expect(formatQuantity(bytes)).toBe(text);
  expect(parseQuantity(text)).toBe(bytes);
});
