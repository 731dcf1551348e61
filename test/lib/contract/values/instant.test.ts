import { isPointId, parseInstant } from '../../../../lib/contract/values/instant';

describe('a time that a user typed', () => {
  it.each([
    ['2026-11-23T08:30:00Z', '2026-11-23T08:30:00.000Z'],
    ['2026-11-23T08:30:00.250Z', '2026-11-23T08:30:00.250Z'],
    ['2026-11-23T08:30:00,5Z', '2026-11-23T08:30:00.500Z'],
    ['2026-11-23T08:30Z', '2026-11-23T08:30:00.000Z'],
    ['2026-11-23T08:30:00+01:00', '2026-11-23T07:30:00.000Z'],
    ['2026-11-23T08:30:00-0530', '2026-11-23T14:00:00.000Z'],
    ['2026-11-23T08:30:00+01', '2026-11-23T07:30:00.000Z'],
  ])('is ISO 8601: %s', (text, instant) => {
    expect(parseInstant(text).toISOString()).toBe(instant);
  });

  it.each([
    ['2026-11-23', '2026-11-23T00:00:00.000Z'],
    ['2026-11-23T08:30', '2026-11-23T08:30:00.000Z'],
    ['2026-11-23 08:30:00', '2026-11-23T08:30:00.000Z'],
  ])('is UTC when it has no zone: %s', (text, instant) => {
    expect(parseInstant(text).toISOString()).toBe(instant);
  });

  it('may be the ID of a recovery point, which stands for the time in it', () => {
    expect(parseInstant('2026-11-23T08-30-00Z-7f3a').toISOString()).toBe('2026-11-23T08:30:00.000Z');
  });

  it.each([
    ['yesterday', "'yesterday' is no time; write ISO 8601"],
    ['', 'is no time'],
    ['1700000000', 'is no time'],
    ['2026-11-23T08', 'is no time'],
    ['2026-02-30', "doesn't exist in the calendar"],
    ['2026-13-01T00:00:00Z', "doesn't exist in the calendar"],
    ['2026-11-23T25:00', "doesn't exist in the calendar"],
  ])('throws when it is %j', (text, message) => {
    expect(() => parseInstant(text)).toThrow(message);
  });

  it.each([
    ['2026-11-23T08-30-00Z-7f3a', true],
    ['2026-11-23T08-30-00Z', false],
    ['../2026-11-23T08-30-00Z-7f3a', false],
    ['latest', false],
  ])('tells whether %s is a recovery point ID', (text, expected) => {
    expect(isPointId(text)).toBe(expected);
  });
});
