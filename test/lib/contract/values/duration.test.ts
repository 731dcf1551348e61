import { formatDuration, parseDuration } from '../../../../lib/contract/values/duration';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a duration', () => {
  it.each([
    ['30s', 30_000],
    ['10m', 10 * MINUTE],
    ['90m', 90 * MINUTE],
    ['12h', 12 * HOUR],
    ['7d', 7 * DAY],
    ['2w', 14 * DAY],
    ['1y', 365 * DAY],
    ['0', 0],
    ['1d12h', 36 * HOUR],
  ])('is written short: %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  // From the documentation and tests of Go's time.ParseDuration, in whose form Tempo prints its configuration.
  it.each([
    ['336h0m0s', 336 * HOUR],
    ['1h15m30.918s', HOUR + 15 * MINUTE + 30_918],
    ['1.5h', 90 * MINUTE],
    ['300ms', 300],
    ['.5s', 500],
    ['5µs', 0.005],
    ['5μs', 0.005],
    ['5us', 0.005],
    ['100ns', 0.0001],
    ['3h30m', 3 * HOUR + 30 * MINUTE],
  ])('is written as Go writes it: %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  // From the examples of ISO 8601, months excepted.
  it.each([
    ['PT36H', 36 * HOUR],
    ['P1DT12H', 36 * HOUR],
    ['P15DT5H0M20S', 15 * DAY + 5 * HOUR + 20_000],
    ['P7W', 49 * DAY],
    ['P1W', 7 * DAY],
    ['PT72H', 72 * HOUR],
    ['PT1M', MINUTE],
    ['P1D', DAY],
    ['PT1H', HOUR],
    ['P1Y', 365 * DAY],
    ['PT0.5H', 30 * MINUTE],
    ['P0,5Y', 182.5 * DAY],
    ['PT0S', 0],
    ['P0D', 0],
  ])('is written as ISO 8601 writes it: %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    ['P1M', "'P1M' counts months, which have no fixed length; write days, such as 'P30D'"],
    ['P3Y6M4DT12H30M5S', 'counts months'],
    ['P1W2D', 'mixes weeks with other units'],
    ['PT1.5H30M', 'has a fraction before its last unit'],
    ['P', "'P' is no ISO 8601 duration; write 'P7D', 'PT1H' or 'P1DT12H'"],
    ['PT', 'is no ISO 8601 duration'],
    ['P1DT', 'is no ISO 8601 duration'],
    ['PT1D', 'is no ISO 8601 duration'],
    ['P1H', 'is no ISO 8601 duration'],
    ['P-1D', 'is no ISO 8601 duration'],
    ['30', "'30' is no duration; it needs a unit, such as '30s', '30m', '30h' or '30d'"],
    ['-5m', "'-5m' is no duration; it must not be negative"],
    ['', 'is no duration'],
    ['7 d', "'7 d' is no duration; write '7d', '12h', '1h30m' or ISO 8601 such as 'PT1H'"],
    ['7D', 'is no duration'],
    ['1M', 'is no duration'],
    ['1h and more', 'is no duration'],
    ['h', 'is no duration'],
    ['999999999999y', 'is too long'],
  ])('throws when the text is %j', (text, message) => {
    expect(() => parseDuration(text)).toThrow(message);
  });

  it.each([
    [0, '0s'],
    [30_000, '30s'],
    [1500, '1.5s'],
    [250, '250ms'],
    [0.5, '0.5ms'],
    [5_400_000, '1h30m'],
    [7 * DAY, '7d'],
    [365 * DAY + 61_000, '365d1m1s'],
  ])('of %d ms is formatted so that it reads back', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([-1, NaN, Infinity])('throws when %d ms is to be formatted', (milliseconds) => {
    expect(() => formatDuration(milliseconds)).toThrow("can't write");
  });
});
