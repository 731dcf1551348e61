import { didYouMean, nearestName } from '../../../../lib/contract/values/nearest-name';

const KEYS = ['name', 'storage', 'configFiles', 'deleteAfter', 'retention'];

describe('the nearest name', () => {
  it.each([
    ['nam', 'name'],
    ['stroage', 'storage'],
    ['config-files', 'configFiles'],
    ['deleteafter', 'deleteAfter'],
    ['retentions', 'retention'],
    ['nmae', 'name'],
  ])('is found for %s', (typed, meant) => {
    expect(nearestName(typed, KEYS)).toBe(meant);
  });

  it.each(['keepLast', 'x', ''])('is none for %j', (typed) => {
    expect(nearestName(typed, KEYS)).toBeUndefined();
  });

  it('ends a message, with all known names when none is near', () => {
    expect(didYouMean('nam', KEYS)).toBe("did you mean 'name'?");
    expect(didYouMean('keepLast', ['a', 'bee'])).toBe('known: a, bee');
    expect(didYouMean('a', [])).toBe('known: ');
  });
});
