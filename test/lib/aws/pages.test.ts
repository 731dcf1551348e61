import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import * as library from '../../../lib/aws/index';

const PAGES = join(__dirname, '../../../docs/components');
/** Parts that have no page of their own, as they come only with another component. */
const PART_OF: Readonly<Record<string, string>> = { AuditAlarms: 'AuditTrail' };

const isComponent = (value: unknown): boolean =>
  typeof value === 'function' && value.prototype instanceof pulumi.ComponentResource;
const components = Object.entries(library)
  .filter(([, value]) => isComponent(value))
  .map(([name]) => name);

describe('the page of a component', () => {
  it.each(components)('has what %s is, an example, defaults, validations and cost', (name) => {
    const page = PART_OF[name] ?? name;
    const file = join(PAGES, `${page.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.md`);
    expect([name, existsSync(file)]).toEqual([name, true]);
    const text = readFileSync(file, 'utf8');
    const [what = ''] = text.slice(text.indexOf('\n')).trim().split('\n');
    expect(text.startsWith(`# ${page}\n`)).toBe(true);
    expect(what.length).toBeGreaterThan(60);
    expect(text).toContain(`new ${page}(`);
    for (const heading of ['Defaults', 'Validations', 'Cost']) expect(text).toContain(`\n## ${heading}\n`);
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
