import { StorageError } from '../../../runtime/errors';
import { checkKey, compareKeys } from '../../../runtime/storage/storage-keys';

describe('compareKeys', () => {
  it('orders by UTF-8 bytes, also where UTF-16 differs', () => {
    const keys = [
      '',
      'a',
      'a!',
      'a-b',
      'a.b',
      'a/b',
      'a0',
      'aé',
      'a\u{ffff}',
      'a\u{10000}',
      'a\u{1f600}',
      'a\u{1f601}',
      'b',
    ];
    const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

    expect([...keys].reverse().sort(compareKeys)).toEqual(byBytes);
    expect([...keys].reverse().sort()).not.toEqual(byBytes);
    expect(compareKeys('same', 'same')).toBe(0);
  });
});

describe('checkKey', () => {
  it.each(['a', 'a/b.c', '...', '..a/b..', ".a/!-_.*'()", 'ä'])('accepts %j', (key) => {
    expect(() => checkKey(key, 'memory:')).not.toThrow();
  });

  it.each(['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/..', '../a', 'a/./b', 'a\0'])(
    'throws when a key is %j',
    (key) => {
      expect(() => checkKey(key, 'memory:')).toThrow(StorageError);
    },
  );
});
