import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  recommendedPlan,
  STORAGE_CALLERS,
  STORAGE_RIGHTS,
  TEMPO_BUCKET_RIGHTS,
  type StorageRight,
} from '../../../lib/contract/index';
import { permissionsTables, withPermissions } from '../../../scripts/permissions-table';

const PAGE = join(__dirname, '../../../docs/components/permissions.md');

describe('the rights of commands in a repository', () => {
  it('separate who writes, who deletes and who reads', () => {
    const having = (right: StorageRight) => STORAGE_CALLERS.filter((caller) => STORAGE_RIGHTS[caller][right][0]);
    expect(having('put')).toEqual(['backup', 'verify', 'prune', 'snapshot', 'replicate-target']);
    expect(having('delete')).toEqual(['prune']);
    expect(having('readLock')).toEqual(['prune']);
    expect(having('extendLock')).toEqual(['prune']);
    expect(STORAGE_RIGHTS.snapshot.put).toEqual(['pvc-snapshots/*']);
    expect(STORAGE_RIGHTS.prune.get.filter((key) => /^(blocks|rewritten|wal|config)/.test(key))).toEqual([]);
  });

  it('are for commands with a repository only', () => {
    expect(STORAGE_CALLERS).not.toContain('rewind');
    expect(STORAGE_CALLERS).toContain('snapshot');
  });

  it('end before versions, in the repository and in the bucket of Tempo', () => {
    const onTempo = Object.entries(TEMPO_BUCKET_RIGHTS).map(([command, { onObjects }]) => [
      command,
      onObjects.filter((action) => /Put|Delete/.test(action)),
    ]);
    expect(onTempo).toEqual([
      ['backup', []],
      ['restore', ['s3:PutObject']],
      ['rewind', ['s3:PutObject', 's3:DeleteObject', 's3:PutObjectTagging']],
    ]);
    expect(JSON.stringify(TEMPO_BUCKET_RIGHTS)).not.toContain('DeleteObjectVersion');
  });

  it("are documented as they are; else run 'npm run permissions'", () => {
    const page = readFileSync(PAGE, 'utf8');
    expect(withPermissions(page)).toBe(page);
    expect(page).toContain(permissionsTables());
  });

  it('are found to be documented wrongly when they are', () => {
    const page = readFileSync(PAGE, 'utf8').replaceAll('| `prune` ', '| `purge` ');
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
