import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import ts from 'typescript';
import * as library from '../../../lib/aws/index';
import { filesBelow, readSource } from '../../architecture/source-files';

const PAGES = join(__dirname, '../../../docs/components');
/** Parts that have no page of their own, as they come only with another component. */
const PART_OF: Readonly<Record<string, string>> = { AuditAlarms: 'AuditTrail' };

const isComponent = (value: unknown): boolean =>
  typeof value === 'function' && value.prototype instanceof pulumi.ComponentResource;
const components = Object.entries(library)
  .filter(([, value]) => isComponent(value))
  .map(([name]) => name);

const pageOf = (name: string): string =>
  join(PAGES, `${(PART_OF[name] ?? name).replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.md`);

/** Those of the arguments that may be left out, as the sources declare them. */
function optionalArguments(component: string): string[] {
  const declared = filesBelow('lib/aws', '.ts').flatMap((path) =>
    ts
      .createSourceFile(path, readSource(path), ts.ScriptTarget.ES2022, true)
      .statements.filter(ts.isInterfaceDeclaration),
  );
  const args = declared.filter(({ name }) => name.text === `${component}Args`);
  return args.flatMap(({ members }) =>
    members.flatMap((member) => (member.questionToken && member.name ? [member.name.getText()] : [])),
  );
}

/** Properties that the first column of the table of defaults names, those of a part by what comes last. */
function namedInTable(page: string): string[] {
  const section = page.split('\n## Defaults\n')[1]?.split('\n## ')[0] ?? '';
  const cells = section.split('\n').flatMap((line) => /^\|([^|]*)\|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.split('.').at(-1) ?? ''));
}

describe('the page of a component', () => {
  it.each(components)('has what %s is, an example, defaults, validations and cost', (name) => {
    const page = PART_OF[name] ?? name;
    const file = pageOf(name);
    expect([name, existsSync(file)]).toEqual([name, true]);
    const text = readFileSync(file, 'utf8');
    const [what = ''] = text.slice(text.indexOf('\n')).trim().split('\n');
    expect(text.startsWith(`# ${page}\n`)).toBe(true);
    expect(what.length).toBeGreaterThan(60);
    expect(text).toContain(`new ${page}(`);
    for (const heading of ['Defaults', 'Validations', 'Cost']) expect(text).toContain(`\n## ${heading}\n`);
  });

  it.each(components)('says what each argument of %s is that is left out', (name) => {
    const optional = optionalArguments(name);
    const named = namedInTable(readFileSync(pageOf(name), 'utf8'));
    expect(optional.length).toBeGreaterThan(0);
    expect(optional.filter((each) => !named.includes(each))).toEqual([]);
  });

  it('is there for all that the library exports', () => {
    expect(components.sort()).toEqual([
      'AuditAlarms',
      'AuditTrail',
      'BackupBucket',
      'RunnerRole',
      'TempoBucketProtection',
    ]);
  });
});
