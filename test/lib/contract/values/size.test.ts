import { formatSize, parseSize } from '../../../../lib/contract/values/size';

describe('a size', () => {
  // Binary prefixes from IEC 80000-13's table and its examples, decimal ones from the SI's.
  it.each([
    ['1024', 1024],
    ['0', 0],
    ['512B', 512],
    ['1KiB', 1024],
    ['1MiB', 1_048_576],
    ['1GiB', 1_073_741_824],
    ['1TiB', 1_099_511_627_776],
    ['10GiB', 10_737_418_240],
    ['1PiB', 1_125_899_906_842_624],
    ['1kB', 1000],
    ['1KB', 1000],
    ['500MB', 500_000_000],
    ['1GB', 1_000_000_000],
    ['2TB', 2_000_000_000_000],
    ['1.5GiB', 1_610_612_736],
    ['10 GiB', 10_737_418_240],
  ])('is read from %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    ['10G', "'10G' has the unknown unit 'G'; did you mean '10GiB' or '10GB'?"],
    ['10gib', "did you mean '10GiB' or '10GB'?"],
    ['1Mb', "did you mean '1MiB' or '1MB'?"],
    ['1X', "'1X' has the unknown unit 'X'; write B, kB, MB, GB, TB or KiB, MiB, GiB, TiB"],
    ['many', "'many' is no size; write '10GiB', '500MB' or '1024'"],
    ['', 'is no size'],
    ['-1', 'is no size'],
    ['1e3', 'unknown unit|is no size'],
    ['9EiB', 'is too large'],
  ])('throws when the text is %j', (text, message) => {
    expect(() => parseSize(text)).toThrow(new RegExp(message.replaceAll('?', '\\?')));
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [2_040_109_466, '1.9 GiB'],
    [39_845_888, '38 MiB'],
    [10_188, '9.9 KiB'],
    [10_230, '10 KiB'],
    [1_048_575, '1.0 MiB'],
  ])('of %d bytes is formatted as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
