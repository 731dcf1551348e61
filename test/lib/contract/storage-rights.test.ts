import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recommendedPlan, STORAGE_COMMANDS, STORAGE_RIGHTS } from '../../../lib/contract/index';
import { permissionsTables, withPermissions } from '../../../scripts/permissions-table';

const PAGE = join(__dirname, '../../../docs/components/permissions.md');

describe('the rights of commands in a repository', () => {
  it('separate who writes, who deletes and who reads', () => {
    const having = (right: 'put' | 'delete') => STORAGE_COMMANDS.filter((command) => STORAGE_RIGHTS[command][right][0]);
    expect(having('put')).toEqual(['backup', 'verify', 'prune']);
    expect(having('delete')).toEqual(['prune']);
    expect(STORAGE_RIGHTS.prune.get.filter((key) => /^(blocks|rewritten|wal|config)/.test(key))).toEqual([]);
  });

  it('are for commands with a repository only', () => {
    expect(STORAGE_COMMANDS).not.toContain('snapshot');
    expect(STORAGE_COMMANDS).toContain('backup');
  });

  it("are documented as they are; else run 'npm run permissions'", () => {
    const page = readFileSync(PAGE, 'utf8');
    expect(withPermissions(page)).toBe(page);
    expect(page).toContain(permissionsTables());
  });

  it('are found to be documented wrongly when they are', () => {
    const page = readFileSync(PAGE, 'utf8').replace('| `prune` ', '| `purge` ');
    expect(withPermissions(page)).not.toBe(page);
  });
});

describe('the lifecycle of the recommended plan', () => {
  it('archives and drops what was deleted, aborts uploads, and moves blocks, which never expire', () => {
    const rules = recommendedPlan().storage.lifecycle.map(
      ({ objects, after, action, storageClass }) => `${objects} ${after} ${storageClass ?? action}`,
    );
    expect(rules).toEqual([
      'noncurrent 30d GLACIER',
      'noncurrent 365d expire',
      'incomplete-uploads 7d expire',
      'current 30d STANDARD_IA',
      'current 90d GLACIER_IR',
    ]);
    expect(recommendedPlan().storage.lockPeriod).toBeNull();
  });
});
