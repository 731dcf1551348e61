import { renderConfigDiff } from '../../../runtime/text/render-config-diff';

describe('a difference of configurations as text', () => {
  it('looks as diff -u', () => {
    const hunks = [{ fromLine: 3, toLine: 3, lines: [' a', '-b', '+c', '+d'] }];
    const changes = [
      { name: 'ConfigMap/tempo', change: 'changed' as const, hunks },
      { name: 'Secret/tempo-s3', change: 'added' as const, hunks: [] },
    ];
    expect(renderConfigDiff({ from: 'p1', to: 'p2', changes, unchanged: 4 })).toBe(
      [
        '--- ConfigMap/tempo  p1',
        '+++ ConfigMap/tempo  p2',
        '@@ -3,2 +3,3 @@',
        ' a',
        '-b',
        '+c',
        '+d',
        'Secret/tempo-s3: added',
        '2 parts of the configuration changed from p1 to p2, 4 unchanged',
      ].join('\n'),
    );
  });

  it('never sends control characters from a repository to a terminal', () => {
    const hunks = [{ fromLine: 1, toLine: 1, lines: ['+\u001b[2Jx\ty\u009b'] }];
    const text = renderConfigDiff({
      from: 'a',
      to: 'b',
      changes: [{ name: 'n', change: 'added', hunks }],
      unchanged: 0,
    });
    expect(text).toContain('+\ufffd[2Jx\ty\ufffd');
  });
});
