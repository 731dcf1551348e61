import { filesBelow, readSource } from '../../architecture/source-files';

const pages = filesBelow('docs/constructs', '.md');
const text = pages.map((page) => readSource(page)).join('\n');
const sources = ['lib/kubernetes', 'lib/pulumi-kubernetes'].flatMap((folder) => filesBelow(folder, '.ts'));
const classes = sources
  .filter((path) => !path.includes('/private/'))
  .flatMap((path) => [...readSource(path).matchAll(/^export class (\w+)/gm)].map((match) => match[1] ?? ''));

describe('the pages of the constructs', () => {
  it.each(classes.filter((name) => name !== 'ChangeGateMechanism'))('show %s', (name) => {
    expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it.each(pages.filter((page) => !page.endsWith('/gitops.md')))(
    'say what, how, the defaults and what is refused: %s',
    (page) => {
      const [title, ...rest] = readSource(page).match(/^(# .+|```ts|## Defaults|## Validations)$/gm) ?? [];
      expect(title).toMatch(/^# /);
      expect([...new Set(rest)].sort()).toEqual(['## Defaults', '## Validations', '```ts']);
    },
  );
});
